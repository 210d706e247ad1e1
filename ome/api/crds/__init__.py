"""The CustomResourceDefinitions of OME's kinds, made from their models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from ome.api import KINDS
from ome.api.crds.columns import COLUMNS
from ome.api.crds.schema import model_schema

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
    root: dict[str, Any] = {
        "type": "object",
        "description": (kind.__doc__ or "").strip(),
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": {key: value for key, value in full["spec"].items() if key != "default"},
            "status": full["status"],
        },
    }
    if kind.KIND == "InferenceService":
        _allow_partial(root["properties"]["spec"])
    elif kind.model_fields["spec"].is_required():
        root["required"] = ["spec"]
    else:
        _require_runner_names(root["properties"]["spec"])
    return root


def _allow_partial(spec: dict[str, Any]) -> None:
    """A service's component may be partial: its runtime supplies the rest.

    Nothing is required two levels below ``spec``, and probes may name no port.
    """
    for component in spec["properties"].values():
        for field in component.get("properties", {}).values():
            field.pop("required", None)
    for name in _COMPONENTS:
        component = spec["properties"][name]["properties"]
        component.pop("ephemeralContainers", None)
        for container in _containers(component):
            for probe in _PROBES:
                handlers = container["properties"][probe]["properties"]
                for handler in ("httpGet", "tcpSocket"):
                    handlers[handler].pop("required", None)
        if "model" in component:
            component["model"].pop("required", None)


def _containers(component: dict[str, Any]) -> Iterable[dict[str, Any]]:
    if "runner" in component:
        yield component["runner"]
    yield component["containers"]["items"]


def _require_runner_names(spec: dict[str, Any]) -> None:
    """Runners of a runtime are named; a Container's schema says so by itself."""
    for name in ("engineConfig", "decoderConfig", "routerConfig"):
        runner = spec["properties"].get(name, {}).get("properties", {}).get("runner")
        if runner is not None:
            runner["required"] = ["name"]


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def render(crds: Iterable[dict[str, Any]]) -> str:
    """The CRDs as YAML documents, byte for byte the same for the same models."""
    return "".join(
        "---\n" + yaml.dump(crd, Dumper=_Dumper, sort_keys=True, width=100, default_flow_style=None)
        for crd in crds
    )
