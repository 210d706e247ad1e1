"""Weights that lie on the node: mounted from there to where the engine would see fetched ones.

Until here a pod is as if init containers fetched all of its weights into one volume, which has a
place for each. Every mount that shows one of those places then shows the node's copy instead, and
nobody can write to it.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.workloads.layout import place_alone, place_among
from ome.workloads.weights import is_tfew

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ome.workloads.inputs import ModelInput, WeightInput
    from ome.workloads.weights import Served

__all__ = ["mount_copies"]


def mount_copies(
    spec: dict[str, Any], model: ModelInput, served: Served, *, prepared: bool, sidecar: bool
) -> None:
    """Have the containers of a pod see the copies that its node has of the weights it serves.

    ``prepared``: an init container puts the base model into the volume as well; ``sidecar``: a
    container that admission adds mounts the volume.
    """
    copies = {
        weight.name: f"{names.VOLUME_WEIGHT}-{number}" if number > 1 else names.VOLUME_WEIGHT
        for number, weight in enumerate(served.weights, 1)
        if weight.path
    }
    if not copies:
        return
    layout = _layout(model, served)
    left = sidecar
    for container in (*(spec.get("initContainers") or ()), *spec["containers"]):
        mounts = container.get("volumeMounts") or []
        if any(_is_ours(mount) for mount in mounts):
            mounts = [
                seen for mount in mounts for seen in _seen(mount, layout, copies, whole=prepared)
            ]
            container["volumeMounts"] = mounts
        left = left or any(mount.get("name") == names.VOLUME_MODEL_EMPTY_DIR for mount in mounts)
    volumes: list[dict[str, Any]] = spec.setdefault("volumes", [])
    wanted = [
        {"name": copies[weight.name], "hostPath": {"path": weight.path}}
        for weight in served.weights
        if weight.name in copies
    ]
    if left:
        wanted.append({"name": names.VOLUME_MODEL_EMPTY_DIR, "emptyDir": {"medium": "Memory"}})
    present = {volume.get("name") for volume in volumes}
    volumes += [volume for volume in wanted if volume["name"] not in present]


def _layout(model: ModelInput, served: Served) -> dict[PurePosixPath, WeightInput]:
    """The places of the weights in the volume, as admission has them filled."""
    if served.several:
        return {PurePosixPath(place_among(one.name).sub_path): one for one in served.weights}
    (weight,) = served.weights
    tfew = is_tfew(model, weight)
    # Where its engine looks for one of T-Few does not depend on the model's format.
    named = model.spec.model_format if not tfew else None
    place = place_alone(named.name if named is not None else "", tfew=tfew)
    return {PurePosixPath(place.sub_path): weight}


def _is_ours(mount: Mapping[str, Any]) -> bool:
    return mount.get("name") == names.VOLUME_MODEL_EMPTY_DIR and not mount.get("subPathExpr")


def _seen(
    mount: dict[str, Any],
    layout: Mapping[PurePosixPath, WeightInput],
    copies: Mapping[str, str],
    *,
    whole: bool,
) -> Iterator[dict[str, Any]]:
    """What stands for a mount. ``whole``: the volume itself has more than weights, so it stays."""
    shown = PurePosixPath(mount.get("subPath") or "")
    # Of a mount of one weight or of a part of it, and of one that shows weights below it.
    around = {place: one for place, one in layout.items() if shown.is_relative_to(place)}
    below = {place: one for place, one in layout.items() if place.is_relative_to(shown)}
    if not _is_ours(mount) or not any(one.name in copies for one in (around or below).values()):
        yield mount
        return
    for place, one in around.items():
        yield _of_copy(copies[one.name], mount["mountPath"], shown.relative_to(place))
    if around:
        return
    if whole and not shown.parts:
        yield mount
    for place, one in below.items():
        path = str(PurePosixPath(mount["mountPath"], place.relative_to(shown)))
        if one.name in copies:
            yield _of_copy(copies[one.name], path)
        elif not (whole and not shown.parts):
            yield {**mount, "mountPath": path, "subPath": str(place)}


def _of_copy(volume: str, path: str, part: PurePosixPath | None = None) -> dict[str, Any]:
    made = {"name": volume, "mountPath": path, "readOnly": True}
    return {**made, "subPath": str(part)} if part is not None and part.parts else made
