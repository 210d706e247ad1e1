"""The InferencePool of a service's engine pods, for gateways that pick the pod of each request."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.workloads.errors import ExposureError

if TYPE_CHECKING:
    from ome.workloads.exposed import Exposed

__all__ = ["GROUP", "endpoint_picker", "inference_pool", "pool_wanted"]

GROUP = "inference.networking.k8s.io"
_PICKER = re.compile(r"(?P<name>[a-z]([a-z0-9-]*[a-z0-9])?)(:(?P<port>[1-9]\d{0,4}))?")
_PICKER_PORT = 9002


def pool_wanted(exposed: Exposed) -> bool:
    """Whether the service asks for a pool."""
    return bool(exposed.service.metadata.annotations.get(names.ANNOTATION_INFERENCE_POOL))


def endpoint_picker(text: str) -> tuple[str, int]:
    """Name and port of an endpoint picker's Service. Raises ``ExposureError``."""
    picker = _PICKER.fullmatch(text)
    port = int((picker and picker["port"]) or _PICKER_PORT)
    if picker is None or port > 65535:
        raise ExposureError(
            f"annotation {names.ANNOTATION_INFERENCE_POOL} is {text!r}; write the name of the"
            f" endpoint picker's Service, with its port if that is not {_PICKER_PORT}: picker:9002"
        )
    return picker["name"], port


def inference_pool(exposed: Exposed) -> dict[str, Any]:
    """The pool, named like the engine. Raises ``ExposureError`` for a picker that is no Service."""
    held = exposed.service.metadata.annotations
    picker, port = endpoint_picker(held.get(names.ANNOTATION_INFERENCE_POOL, ""))
    engine = exposed.components[0]
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "InferencePool",
        "metadata": exposed.metadata(exposed.workload(engine), exposed.annotations()),
        "spec": {
            "selector": {"matchLabels": exposed.pods(engine)},
            "targetPorts": [{"number": engine.pod_port}],
            "endpointPickerRef": {
                "kind": "Service",
                "name": picker,
                "port": {"number": port},
                "failureMode": "FailClose",
            },
        },
    }
