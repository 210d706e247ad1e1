"""Volumes of a pod."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.sandbox.builtin import names
from ome.sandbox.builtin.causes import duplicate, forbidden, invalid, not_supported, required

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ome.sandbox.refusal import Cause

__all__ = ["validate_volumes"]

_REQUIRED = {
    "configMap": ("name",),
    "secret": ("secretName",),
    "persistentVolumeClaim": ("claimName",),
    "nfs": ("server", "path"),
    "csi": ("driver",),
    "hostPath": ("path",),
}
_HOST_PATHS = (
    "",
    "BlockDevice",
    "CharDevice",
    "Directory",
    "DirectoryOrCreate",
    "File",
    "FileOrCreate",
    "Socket",
)


def validate_volumes(volumes: list[dict[str, Any]], field: str) -> Iterator[Cause]:
    """Each volume, and their names together."""
    seen: set[str] = set()
    for index, volume in enumerate(volumes):
        at = f"{field}[{index}]"
        name = volume.get("name", "")
        wrong = names.dns_label(name)
        if not name:
            yield required(f"{at}.name")
        elif wrong:
            for text in wrong:
                yield invalid(f"{at}.name", name, text)
        elif name in seen:
            yield duplicate(f"{at}.name", name)
        seen.add(name)
        yield from _source(volume, at)


def _source(volume: Mapping[str, Any], field: str) -> Iterator[Cause]:
    kinds = [kind for kind in volume if kind != "name"]
    # In the order in which the real server looks at them, the first is the right one.
    kinds.sort(key=lambda kind: (kind != "emptyDir", kind != "hostPath"))
    for kind in kinds[1:]:
        yield forbidden(f"{field}.{kind}", "may not specify more than 1 volume type")
    for kind in kinds[:1]:
        source, at = volume[kind], f"{field}.{kind}"
        for name in _REQUIRED.get(kind, ()):
            if not source.get(name):
                yield required(f"{at}.{name}")
        yield from _files(source, at)
        if kind == "hostPath":
            yield from _host_path(source, at)


def _host_path(source: Mapping[str, Any], field: str) -> Iterator[Cause]:
    path = source.get("path", "")
    if ".." in path.split("/"):
        yield invalid(f"{field}.path", path, "must not contain '..'")
    if source.get("type", "") not in _HOST_PATHS:
        yield not_supported(f"{field}.type", source["type"], _HOST_PATHS)


def _files(source: Mapping[str, Any], field: str) -> Iterator[Cause]:
    mode = source.get("defaultMode")
    if mode is not None and not 0 <= mode <= 0o777:
        yield invalid(
            f"{field}.defaultMode",
            mode,
            "must be a number between 0 and 0777 (octal), both inclusive",
        )
    for index, item in enumerate(source.get("items", ())):
        at = f"{field}.items[{index}]"
        if "fieldRef" not in item and "resourceFieldRef" not in item and not item.get("key"):
            yield required(f"{at}.key")
        if not item.get("path"):
            yield required(f"{at}.path")
