"""The CustomResourceDefinitions of OME's kinds, made from their models."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, get_args

import yaml

from ome.api import KINDS
from ome.api.crds.columns import COLUMNS
from ome.api.crds.rules import add_rules
from ome.api.crds.schema import model_schema
from ome.api.schema import Schema

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ome.api.schema import KindObject

__all__ = ["all_crds", "crd_for", "render"]

_COMPONENTS = ("engine", "decoder", "router", "predictor")
_PROBES = ("livenessProbe", "readinessProbe")


def all_crds() -> list[dict[str, Any]]:
    """The CRDs of every kind."""
    return [crd_for(kind) for kind in KINDS]


def crd_for(kind: type[KindObject]) -> dict[str, Any]:
    """The CRD of one kind; equal models give equal documents."""
    names: dict[str, Any] = {
        "kind": kind.KIND,
        "listKind": f"{kind.KIND}List",
        "plural": kind.PLURAL,
        "singular": kind.SINGULAR,
    }
    if kind.SHORT_NAMES:
        names["shortNames"] = list(kind.SHORT_NAMES)
    version: dict[str, Any] = {
        "name": kind.VERSION,
        "served": True,
        "storage": True,
        "additionalPrinterColumns": COLUMNS[kind.KIND],
        "schema": {"openAPIV3Schema": _root(kind)},
    }
    if kind.HAS_STATUS:
        version["subresources"] = {"status": {}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.PLURAL}.{kind.GROUP}"},
        "spec": {
            "group": kind.GROUP,
            "names": names,
            "scope": "Namespaced" if kind.NAMESPACED else "Cluster",
            "versions": [version],
        },
    }


def _root(kind: type[KindObject]) -> dict[str, Any]:
    full = model_schema(kind)["properties"]
    spec = {key: value for key, value in full["spec"].items() if key != "default"}
    root: dict[str, Any] = {
        "type": "object",
        "description": (kind.__doc__ or "").strip(),
        "properties": {
            "apiVersion": {"type": "string", "description": f"Always {kind.GROUP}/{kind.VERSION}."},
            "kind": {"type": "string", "description": f"Always {kind.KIND}."},
            "metadata": {"type": "object"},
            "spec": {**spec, "description": _about(kind, "spec")},
            "status": {**full["status"], "description": _about(kind, "status")},
        },
    }
    if kind.KIND == "InferenceService":
        _allow_partial(root["properties"]["spec"])
    elif kind.model_fields["spec"].is_required():
        root["required"] = ["spec"]
    add_rules(kind.KIND, root)
    return root


def _about(kind: type[KindObject], member: str) -> str:
    """The first line of the docstring of the type behind ``spec`` or ``status``."""
    annotation = kind.model_fields[member].annotation
    types = [item for item in (annotation, *get_args(annotation)) if inspect.isclass(item)]
    model = next(item for item in types if issubclass(item, Schema))
    return (inspect.getdoc(model) or "").partition("\n")[0]


def _allow_partial(spec: dict[str, Any]) -> None:
    """A service's component may be partial: its runtime supplies the rest.

    Nothing is required two levels below ``spec``, and the liveness and readiness probes of its
    containers may leave out the port.
    """
    for member in spec["properties"].values():
        for field in member.get("properties", {}).values():
            field.pop("required", None)
    for name in _COMPONENTS:
        component = spec["properties"][name]["properties"]
        del component["ephemeralContainers"]
        _free_ports(component["containers"]["items"], "httpGet")
        for runner in ("runner", "model"):
            if runner in component:
                _free_ports(component[runner], "httpGet", "tcpSocket")


def _free_ports(container: dict[str, Any], *handlers: str) -> None:
    for probe in _PROBES:
        for handler in handlers:
            container["properties"][probe]["properties"][handler].pop("required", None)


if TYPE_CHECKING:
    _FastDumper = yaml.SafeDumper
else:  # libyaml writes the same bytes in a quarter of the time; some builds of PyYAML lack it
    _FastDumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_FastDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def render(crds: Iterable[dict[str, Any]]) -> str:
    """The CRDs as YAML documents, byte for byte the same for the same models."""
    return "".join(
        "---\n" + yaml.dump(crd, Dumper=_Dumper, sort_keys=True, width=100, default_flow_style=None)
        for crd in crds
    )
