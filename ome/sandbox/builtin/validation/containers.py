"""Containers of a pod."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.sandbox.builtin import names
from ome.sandbox.builtin.causes import duplicate, invalid, not_found, not_supported, required
from ome.sandbox.builtin.validation.env import validate_env, validate_env_from
from ome.sandbox.builtin.validation.numbers import port_number
from ome.sandbox.builtin.validation.probes import validate_lifecycle, validate_probes
from ome.sandbox.builtin.validation.resources import validate_resources

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ome.sandbox.refusal import Cause

__all__ = ["validate_containers"]

_PROTOCOLS = ("SCTP", "TCP", "UDP")
_PULL = ("Always", "IfNotPresent", "Never")
_MESSAGES = ("File", "FallbackToLogsOnError")


def validate_containers(spec: Mapping[str, Any], field: str) -> Iterator[Cause]:
    """``containers`` and ``initContainers``: each, and their names and ports together."""
    containers = spec.get("containers", ())
    if not containers:
        yield required(f"{field}.containers")
    volumes = {volume.get("name") for volume in spec.get("volumes", ())}
    seen: set[str] = set()
    for which in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(which, ())):
            at = f"{field}.{which}[{index}]"
            name = container.get("name", "")
            if name and name in seen:
                yield duplicate(f"{at}.name", name)
            seen.add(name)
            yield from _container(container, at, volumes)
    yield from _host_ports(containers, f"{field}.containers", network=spec.get("hostNetwork"))


def _container(
    container: Mapping[str, Any], field: str, volumes: set[str | None]
) -> Iterator[Cause]:
    yield from _name_and_image(container, field)
    yield from _policies(container, field)
    yield from _ports(container.get("ports", ()), f"{field}.ports")
    yield from validate_env(container.get("env", []), f"{field}.env")
    yield from validate_env_from(container.get("envFrom", []), f"{field}.envFrom")
    yield from _mounts(container.get("volumeMounts", ()), f"{field}.volumeMounts", volumes)
    yield from validate_resources(container.get("resources", {}), f"{field}.resources")
    yield from validate_probes(container, field)
    yield from validate_lifecycle(container.get("lifecycle", {}), f"{field}.lifecycle")


def _name_and_image(container: Mapping[str, Any], field: str) -> Iterator[Cause]:
    name, image = container.get("name", ""), container.get("image", "")
    if not name:
        yield required(f"{field}.name")
    else:
        for text in names.dns_label(name):
            yield invalid(f"{field}.name", name, text)
    if not image:
        yield required(f"{field}.image")
    elif image != image.strip():
        yield invalid(f"{field}.image", image, "must not have leading or trailing whitespace")


def _policies(container: Mapping[str, Any], field: str) -> Iterator[Cause]:
    for name, choices in (("imagePullPolicy", _PULL), ("terminationMessagePolicy", _MESSAGES)):
        if container.get(name) not in choices:
            yield not_supported(f"{field}.{name}", container.get(name), choices)


def _ports(ports: list[dict[str, Any]], field: str) -> Iterator[Cause]:
    seen: set[str] = set()
    for index, port in enumerate(ports):
        at = f"{field}[{index}]"
        if name := port.get("name"):
            wrong = names.port_name(name)
            for text in wrong:
                yield invalid(f"{at}.name", name, text)
            if not wrong and name in seen:
                yield duplicate(f"{at}.name", name)
            seen.add(name)
        if not port.get("containerPort"):
            yield required(f"{at}.containerPort")
        else:
            yield from port_number(port["containerPort"], f"{at}.containerPort")
        if port.get("hostPort"):
            yield from port_number(port["hostPort"], f"{at}.hostPort")
        if port.get("protocol") not in _PROTOCOLS:
            yield not_supported(f"{at}.protocol", port.get("protocol"), _PROTOCOLS)


def _mounts(mounts: list[dict[str, Any]], field: str, volumes: set[str | None]) -> Iterator[Cause]:
    seen: set[str] = set()
    for index, mount in enumerate(mounts):
        at = f"{field}[{index}]"
        name, path = mount.get("name", ""), mount.get("mountPath", "")
        if not name:
            yield required(f"{at}.name")
        if name not in volumes or not name:
            yield not_found(f"{at}.name", name)
        if not path:
            yield required(f"{at}.mountPath")
        elif path in seen:
            yield invalid(f"{at}.mountPath", path, "must be unique")
        seen.add(path)
        if sub := mount.get("subPath"):
            # The real server names no index here.
            yield from _relative(sub, f"{field}.subPath")


def _relative(path: str, field: str) -> Iterator[Cause]:
    if path.startswith("/"):
        yield invalid(field, path, "must be a relative path")
    if ".." in path.split("/"):
        yield invalid(field, path, "must not contain '..'")


def _host_ports(
    containers: list[dict[str, Any]], field: str, *, network: bool | None
) -> Iterator[Cause]:
    seen: set[str] = set()
    for index, container in enumerate(containers):
        for number, port in enumerate(container.get("ports", ())):
            host = port.get("hostPort")
            if not host:
                continue
            at = f"{field}[{index}].ports[{number}].hostPort"
            taken = f"{port.get('protocol')}/{port.get('hostIP', '')}/{host}"
            if taken in seen:
                yield duplicate(at, taken)
            seen.add(taken)
            if network and host != port.get("containerPort"):
                yield invalid(at, host, "must match `containerPort` when `hostNetwork` is true")
