"""The entry of a component in a service's status: where it answers and what it runs. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.controllers.inferenceservice.workload import NOTHING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ome.controllers.inferenceservice.workload import Seen
    from ome.selection import AcceleratorChoice

__all__ = ["component_entry"]

_OF_KNATIVE = (
    "address",
    "latestReadyRevision",
    "latestRolledoutRevision",
    "previousRolledoutRevision",
    "traffic",
)
"""What only a component in the mode Serverless has."""
_TRAFFIC = ("configurationName", "revisionName", "latestRevision", "percent", "tag", "url")


def component_entry(
    stored: Mapping[str, Any],
    seen: Seen,
    url: str,
    accelerator: AcceleratorChoice | None,
    *,
    serverless: bool = False,
) -> dict[str, Any]:
    """The entry of ``status.components``; ``url`` is empty unless the component serves.

    An address stays when the component ceases to serve; revisions follow the workload, and go with
    the mode that has them.
    """
    gone = set() if serverless else set(_OF_KNATIVE)
    if seen is not NOTHING and not seen.revision:
        gone.add("latestCreatedRevision")
    entry = {name: value for name, value in stored.items() if name not in gone}
    if url:
        entry["url"] = url
        if seen.address:
            entry["address"] = dict(seen.address)
    if seen.revision:
        entry["latestCreatedRevision"] = seen.revision
    if seen.ready_revision:
        entry["latestReadyRevision"] = seen.ready_revision
    if seen.traffic:
        entry["traffic"] = [
            {name: target[name] for name in _TRAFFIC if name in target} for target in seen.traffic
        ]
        entry.update(_rolled_out(entry, seen))
    entry.pop("selectedAccelerator", None)
    if accelerator is not None and accelerator.spec is not None:
        entry["selectedAccelerator"] = _selected(accelerator)
    return entry


def _rolled_out(entry: Mapping[str, Any], seen: Seen) -> dict[str, str]:
    """Which revision has all traffic, and which one had it before."""
    latest, previous = entry.get("latestRolledoutRevision"), entry.get("previousRolledoutRevision")
    newest = next((item for item in seen.traffic if item.get("latestRevision")), None)
    if newest is None:
        return {}
    whole = newest.get("revisionName") == seen.ready_revision and newest.get("percent") == 100
    if whole and latest != seen.ready_revision:
        moved = {} if latest is None else {"previousRolledoutRevision": latest}
        return {**moved, "latestRolledoutRevision": seen.ready_revision}
    back = (
        latest == seen.ready_revision == seen.revision
        and (newest.get("percent") or 0) < 100
        and _share(seen.traffic, latest) == 100
    )
    return {"latestRolledoutRevision": previous} if back and previous else {}


def _share(traffic: Sequence[Mapping[str, Any]], revision: str | None) -> int:
    return sum(item.get("percent") or 0 for item in traffic if item.get("revisionName") == revision)


def _selected(choice: AcceleratorChoice) -> dict[str, Any]:
    spec = choice.spec
    assert spec is not None
    selected: dict[str, Any] = {"acceleratorClass": choice.name, "reason": choice.reason}
    if spec.discovery.node_selector:
        selected["nodeSelector"] = dict(spec.discovery.node_selector)
    if spec.resources:
        requests = {resource.name: str(resource.quantity) for resource in spec.resources}
        selected["resourceRequests"] = requests
    return selected
