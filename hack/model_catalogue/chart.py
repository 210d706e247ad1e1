"""The chart's generated files: the objects, a file for each vendor and family, and the schema."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from .models import cluster_base_model
from .runtimes import cluster_serving_runtimes
from .schema import schema
from .values import filled

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .facts import Facts

__all__ = ["CHART", "GENERATED", "files", "objects"]

Json = dict[str, Any]
CHART = Path(__file__).resolve().parent.parent.parent / "charts" / "ome-catalogue"
GENERATED = ("files/models/*.yaml", "files/runtimes/*.yaml", "values.schema.json")
"""Everything that a run of the script owns in the chart."""
_NOTE = "# Written by hack/catalogue from the tables in hack/model_catalogue; change those.\n"
_WIDTH = 96


def objects(facts: Facts, values: Json) -> list[Json]:
    """Every object of the chart under the given values, as Helm renders them."""
    models = [cluster_base_model(model) for model in facts.models]
    runtimes = [
        runtime for family in facts.families for runtime in cluster_serving_runtimes(family, facts)
    ]
    return [filled(item, values) for item in (*models, *runtimes)]


def files(facts: Facts) -> dict[str, str]:
    """The text of each generated file by its path in the chart."""
    found = {}
    for vendor, models in itertools.groupby(facts.models, lambda model: model.vendor):
        path = f"files/models/{vendor}.yaml"
        if path in found:
            raise ValueError(f"models.csv: the lines of {vendor} must stand together")
        found[path] = _documents(cluster_base_model(model) for model in models)
    for family in facts.families:
        path = f"files/runtimes/{family.name}.yaml"
        found[path] = _documents(cluster_serving_runtimes(family, facts))
    found["values.schema.json"] = json.dumps(schema(facts), indent=2) + "\n"
    return found


def _documents(items: Iterable[Json]) -> str:
    return _NOTE + "---\n".join(
        yaml.dump(item, Dumper=_Dumper, sort_keys=False, width=_WIDTH) for item in items
    )


class _Dumper(yaml.SafeDumper):
    """YAML as a person writes it: what fits on a line stands on one."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_node(self, tag: str, items: Any, *, mapping: bool) -> yaml.Node:
        node = (
            super().represent_mapping(tag, items)
            if mapping
            else super().represent_sequence(tag, items)
        )
        assert isinstance(node, yaml.MappingNode | yaml.SequenceNode)
        node.flow_style = _is_short(items, mapping=mapping)
        return node


def _is_short(items: Any, *, mapping: bool) -> bool:
    """Scalars alone that fit on a line; a command, a probe and a format are one paragraph."""
    if mapping and items.keys() & {"httpGet", "modelArchitecture"} and "storage" not in items:
        return True
    if any(isinstance(item, dict | list) for item in (items.values() if mapping else items)):
        return False
    return not mapping or len(str(items)) < _WIDTH - 12


_Dumper.add_representer(
    dict, lambda dumper, data: dumper.represent_node("tag:yaml.org,2002:map", data, mapping=True)
)
_Dumper.add_representer(
    list, lambda dumper, data: dumper.represent_node("tag:yaml.org,2002:seq", data, mapping=False)
)
