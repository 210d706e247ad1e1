"""Small changes of a pod as plain JSON; each leaves alone what is there already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ome.errors import OmeError
from ome.webhooks.registry import Undecodable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "InjectionFailed",
    "add_env",
    "annotations_of",
    "check_shape",
    "container",
    "containers",
]


class InjectionFailed(OmeError):
    """A mutation that the pod asks for cannot be made; refuses the pod with the text."""


class _Named(msgspec.Struct):
    name: str = ""


class _Capabilities(msgspec.Struct):
    add: list[str] | None = None


class _SecurityContext(msgspec.Struct):
    capabilities: _Capabilities | None = None


class _Resources(msgspec.Struct):
    limits: dict[str, str | int | float] | None = None


class _Container(msgspec.Struct, rename="camel"):
    name: str = ""
    env: list[_Named] | None = None
    ports: list[_Named] | None = None
    volume_mounts: list[_Named] | None = None
    resources: _Resources | None = None
    security_context: _SecurityContext | None = None


class _Spec(msgspec.Struct, rename="camel"):
    containers: list[_Container] | None = None
    init_containers: list[_Container] | None = None
    volumes: list[_Named] | None = None
    service_account_name: str | None = None


class _Metadata(msgspec.Struct):
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None


class _Pod(msgspec.Struct):
    metadata: _Metadata
    spec: _Spec


def check_shape(pod: Mapping[str, Any]) -> None:
    """What the mutations read has the types of a pod. Raises ``Undecodable`` with the field."""
    try:
        msgspec.convert(pod, _Pod)
    except msgspec.ValidationError as error:
        raise Undecodable(f"the object is not a Pod: {error}") from error


def annotations_of(pod: dict[str, Any]) -> dict[str, str]:
    """The pod's annotations, made when there are none; changes show in the pod."""
    metadata = pod["metadata"]
    if metadata.get("annotations") is None:
        metadata["annotations"] = {}
    found: dict[str, str] = metadata["annotations"]
    return found


def containers(pod: dict[str, Any], field: str = "containers") -> list[dict[str, Any]]:
    """The pod's containers (or ``initContainers``), made when there are none."""
    spec = pod["spec"]
    if spec.get(field) is None:
        spec[field] = []
    found: list[dict[str, Any]] = spec[field]
    return found


def container(
    pod: Mapping[str, Any], name: str, *others: str, field: str = "containers"
) -> dict[str, Any] | None:
    """The first container in list order that has one of the names."""
    wanted = (name, *others)
    found: Iterable[dict[str, Any]] = pod["spec"].get(field) or ()
    return next((item for item in found if item.get("name") in wanted), None)


def add_env(target: dict[str, Any], variables: Iterable[tuple[str, str]]) -> None:
    """Append the variables whose names the container does not have yet."""
    present = {item.get("name") for item in target.get("env") or ()}
    missing = [{"name": name, "value": value} for name, value in variables if name not in present]
    if missing:
        target["env"] = [*(target.get("env") or ()), *missing]
