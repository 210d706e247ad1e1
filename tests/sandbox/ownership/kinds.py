"""Kinds of which objects have every sort of list and map."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

WIDGET_CRD = yaml.safe_load((Path(__file__).parents[2] / "contract/widgets.yaml").read_text())


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def _list(items: Any, **extensions: Any) -> dict[str, Any]:
    marks = {f"x-kubernetes-{name.replace('_', '-')}": value for name, value in extensions.items()}
    return {"type": "array", "items": items, **marks}


_TEXT = {"type": "string"}
_WHOLE = {"type": "integer"}
_OPEN = {"x-kubernetes-preserve-unknown-fields": True}

SAMPLE_CRD: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "samples.ownership.ome.test"},
    "spec": {
        "group": "ownership.ome.test",
        "scope": "Namespaced",
        "names": {"kind": "Sample", "plural": "samples", "singular": "sample"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": _object(
                        spec=_object(
                            set=_list(_TEXT, list_type="set"),
                            numbers=_list(_WHOLE, list_type="set"),
                            plain=_list(_TEXT),
                            ports=_list(
                                {
                                    **_object(
                                        port=_WHOLE,
                                        protocol={**_TEXT, "default": "TCP"},
                                        name=_TEXT,
                                        inner=_list(
                                            {**_object(id=_WHOLE, x=_TEXT), "required": ["id"]},
                                            list_type="map",
                                            list_map_keys=["id"],
                                        ),
                                    ),
                                    "required": ["port"],
                                },
                                list_type="map",
                                list_map_keys=["port", "protocol"],
                            ),
                            whole={**_object(a=_TEXT, b=_TEXT), "x-kubernetes-map-type": "atomic"},
                            byName={
                                "type": "object",
                                "additionalProperties": _object(a=_TEXT, b=_TEXT),
                            },
                            free={"type": "object", **_OPEN},
                            mixed={**_object(known=_object(a=_TEXT), free=_TEXT), **_OPEN},
                            either={"x-kubernetes-int-or-string": True},
                            maybe={**_TEXT, "nullable": True},
                        )
                    )
                },
            }
        ],
    },
}
