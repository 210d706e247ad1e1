"""Services planned from plain documents, by the code that the controller plans with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ome.api import names
from ome.cli.explain.objects import stores
from ome.clock import SystemClock
from ome.controllers.decode import KindDecoder, Unreadable
from ome.controllers.inferenceservice.adopting import with_kept_pods
from ome.controllers.inferenceservice.cluster_domain import cluster_domain
from ome.controllers.inferenceservice.needs import NEEDS, resource_of_child
from ome.controllers.inferenceservice.passes import is_paused
from ome.controllers.inferenceservice.planning import Existing, Planner, awaited, wants_upgrade
from ome.controllers.inferenceservice.steps import StepFailed
from ome.controllers.inferenceservice.world import World
from ome.errors import UserError
from ome.kube.resource import ObjectKey
from ome.workloads import ExposureError, Seen, expose

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ome.cli.manifests import Manifest
    from ome.kube.resource import Resource
    from ome.workloads import Plan

__all__ = ["PAUSED", "NoChildren", "Rendered", "render", "settings_in"]

PAUSED = f"is paused; nothing changes until annotation {names.ANNOTATION_PAUSED} is gone"
"""What is said of a paused service."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A service with the objects that it would have; ``problem`` says why there are no more.

    ``upgrade`` and ``paused`` are what its annotations ask for. ``waits`` says what the operator
    waits for before it writes any of the objects, and without which they are not as they will be.
    """

    service: ObjectKey
    uid: str
    objects: tuple[dict[str, Any], ...] = ()
    problem: str = ""
    generation: int = 0
    upgrade: bool = False
    paused: bool = False
    waits: str = ""

    def written(self, live: Mapping[str, Any], desired: dict[str, Any]) -> dict[str, Any]:
        """One of its workloads as it would be written, with what stays of the live one's pods."""
        return with_kept_pods(live, desired, self.generation, upgrade=self.upgrade)


class Present(Existing, Protocol):
    """What a cluster has of the objects of services, and whether it can have them."""

    def lacks(self, resource: Resource) -> bool: ...


class NoChildren:
    """Nothing exists yet."""

    def resource(self, api_version: str, kind: str) -> Resource:
        """As ``Children.resource``."""
        return resource_of_child(api_version, kind)

    def lacks(self, resource: Resource) -> bool:
        """No cluster is asked, so every kind may be there."""
        return False

    def cached(self, api_version: str, kind: str, key: ObjectKey) -> dict[str, Any] | None:
        """As ``Children.cached``."""
        return None

    def workloads_of(self, service: ObjectKey, uid: str) -> Iterator[dict[str, Any]]:
        """As ``Children.workloads_of``."""
        return iter(())


def settings_in(manifests: Iterable[Manifest]) -> Mapping[str, str] | None:
    """The data of the operator's ConfigMap, if it is among the files or in a list of them.

    Raises ``UserError`` where that is no map of texts.
    """
    for manifest in (item for whole in manifests for item in whole.items()):
        document = manifest.document
        if not isinstance(document, dict) or document.get("kind") != "ConfigMap":
            continue
        metadata = document.get("metadata")
        name = metadata.get("name") if isinstance(metadata, dict) else None
        if name != names.CONFIGMAP_INFERENCE_SERVICE:
            continue
        data = document.get("data") or {}
        if not isinstance(data, dict) or not all(isinstance(text, str) for text in data.values()):
            raise UserError(
                f"{manifest.file}:{manifest.line(('data',))} ConfigMap {name} data: expected a text"
                " for each key; put what is no text in quotes"
            )
        return data
    return None


def render(
    wanted: Iterable[Mapping[str, Any]],
    documents: Iterable[dict[str, Any]],
    settings: Mapping[str, str] | None,
    children: Present,
) -> list[Rendered]:
    """The services among ``wanted``, planned in a world of ``documents``."""
    world = World(stores(documents, SystemClock()), KindDecoder())
    planner = Planner(world, children, lambda: settings, cluster_domain())
    keys = [
        ObjectKey(item["metadata"]["namespace"], item["metadata"]["name"])
        for item in wanted
        if item["kind"] == "InferenceService"
    ]
    return [_one(world, planner, children, key) for key in dict.fromkeys(keys)]


def _in_front(made: Plan) -> list[dict[str, Any]]:
    """What leads to the components once they are ready; nothing where that cannot be said."""
    if made.exposed is None:
        return []
    try:
        found = expose(
            made.exposed, {item.name: Seen("True", item.url) for item in made.components}
        )
    except ExposureError as error:
        raise StepFailed("IngressReady", "", str(error)) from error
    return [dict(document) for document in found.objects]


def _possible(
    objects: Sequence[dict[str, Any]], children: Present
) -> tuple[tuple[dict[str, Any], ...], str]:
    """The objects up to the first one whose kind a cluster lacks, and what to do about that one."""
    made: list[dict[str, Any]] = []
    for desired in objects:
        resource = resource_of_child(desired["apiVersion"], desired["kind"])
        if not children.lacks(resource):
            made.append(desired)
        elif NEEDS[resource].reason:
            missing = f"CRD {resource.group_resource} is not installed"
            return tuple(made), NEEDS[resource].text(missing, installed=False)
    return tuple(made), ""


def _one(world: World, planner: Planner, children: Present, key: ObjectKey) -> Rendered:
    try:
        found = world.service(key)
        if found is None:
            return Rendered(key, "", problem="not there any more")
        service = found[1]
        planned = planner.plan(service, [])
        front = _in_front(planned.plan)
    except (StepFailed, Unreadable) as error:
        return Rendered(key, "", problem=str(error))
    wanted = [*(document for _, document in planned.objects), *front]
    objects, problem = _possible(wanted, children)
    if not problem and planned.failure is not None:
        problem = str(planned.failure)
    waits = None if planned.choice is None else awaited(planned.choice)
    return Rendered(
        key,
        service.metadata.uid or "",
        objects,
        problem,
        service.metadata.generation,
        wants_upgrade(service),
        is_paused(service.metadata.annotations),
        "" if waits is None else str(waits),
    )
