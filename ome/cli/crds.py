"""``ome crds``: the CustomResourceDefinitions as YAML."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from ome.api.crds import all_crds, render
from ome.cli.goflags import Flag, parse
from ome.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["run"]

FLAGS = (
    Flag(
        "kind",
        (),
        "only this kind, by any of its names (InferenceService, inferenceservices, isvc); may be"
        " given more than once",
        many=True,
    ),
)
_MORE = """
Examples:
  ome crds | kubectl apply --server-side -f -
  ome crds --kind InferenceService"""


def run(words: Sequence[str]) -> int:
    """Print them all, or those of the kinds that are named."""
    flags = parse("ome crds", FLAGS, words, words_as="kind", more=_MORE)
    definitions = all_crds()
    by_name = {name: item for item in definitions for name in _names(item)}
    for kind in flags["kind"]:
        if kind.lower() not in by_name:
            known = ", ".join(item["spec"]["names"]["kind"] for item in definitions)
            raise UserError(f"ome crds: --kind={kind}: expected one of {known}")
    wanted = [by_name[kind.lower()] for kind in flags["kind"]]
    sys.stdout.write(render([item for item in definitions if not wanted or item in wanted]))
    return 0


def _names(definition: dict[str, Any]) -> set[str]:
    """What a kind is called on a command line, in lower case."""
    names = definition["spec"]["names"]
    found = {names["kind"].lower(), names["plural"], names["singular"]}
    return found | {definition["metadata"]["name"], *names.get("shortNames", ())}
