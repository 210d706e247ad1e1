"""What a bundle holds, read one thing after the other, each with a deadline of its own."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import msgspec

from ome import __version__
from ome.api import names
from ome.cli.support.pages import Pages
from ome.controllers.resources import (
    ACCELERATOR_CLASSES,
    BASE_MODELS,
    BENCHMARK_JOBS,
    CLUSTER_BASE_MODELS,
    CLUSTER_SERVING_RUNTIMES,
    FINE_TUNED_WEIGHTS,
    HTTP_ROUTES,
    INFERENCE_POOLS,
    INFERENCE_SERVICES,
    KNATIVE_SERVICES,
    LEADER_WORKER_SETS,
    RAY_CLUSTERS,
    SCALED_OBJECTS,
    SERVING_RUNTIMES,
    VIRTUAL_SERVICES,
)
from ome.errors import ApiError, Forbidden, NotFound, TransportError
from ome.kube.resource import Resource
from ome.kube.resources import (
    CONFIGMAPS,
    CORE_EVENTS,
    CRDS,
    DEPLOYMENTS,
    HPAS,
    INGRESSES,
    JOBS,
    LEASES,
    MUTATING_WEBHOOKS,
    NODES,
    PODS,
    SECRETS,
    SERVICES,
    VALIDATING_WEBHOOKS,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from ome.cli.support.archive import Archive
    from ome.kube.client import Client

__all__ = ["Found", "Gatherer"]

_T = TypeVar("_T")
_EACH_SECONDS = 30.0
_EVENTS = 5000
_OURS = (
    INFERENCE_SERVICES,
    BASE_MODELS,
    CLUSTER_BASE_MODELS,
    SERVING_RUNTIMES,
    CLUSTER_SERVING_RUNTIMES,
    FINE_TUNED_WEIGHTS,
    ACCELERATOR_CLASSES,
    BENCHMARK_JOBS,
)
_WORKLOADS = (
    DEPLOYMENTS,
    LEADER_WORKER_SETS,
    KNATIVE_SERVICES,
    RAY_CLUSTERS,
    SERVICES,
    HPAS,
    SCALED_OBJECTS,
    INGRESSES,
    HTTP_ROUTES,
    VIRTUAL_SERVICES,
    INFERENCE_POOLS,
    PODS,
)
_DAEMON_SETS = Resource("apps", "v1", "DaemonSet", "daemonsets")
_OPERATOR = (DEPLOYMENTS, _DAEMON_SETS, PODS, SERVICES, LEASES, CONFIGMAPS)
_RULES = Resource(
    "authorization.k8s.io",
    "v1",
    "SelfSubjectRulesReview",
    "selfsubjectrulesreviews",
    namespaced=False,
)
_CONFIG_MAPS = (
    names.CONFIGMAP_INFERENCE_SERVICE,
    names.CONFIGMAP_BENCHMARK_JOB,
    "model-agent-config-map",
)
_MANAGER_PODS = ("control-plane", "ome-controller-manager")
_AGENT_PODS = ("app.kubernetes.io/component", "ome-model-agent-daemonset")


@dataclass(slots=True)
class Found:
    """What the summary is made of."""

    namespace: str
    versions: dict[str, str] = field(default_factory=dict)
    objects: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Of our kinds, by kind; a kind that could not be read is not there."""
    pods: list[dict[str, Any]] = field(default_factory=list)
    """The operator's and those of services."""


class Gatherer:
    """Reads a cluster into an archive; what it may not read becomes a note there."""

    def __init__(self, client: Client, archive: Archive, namespace: str, tail_lines: int) -> None:
        self._client = client
        self._archive = archive
        self._namespace = namespace
        self._tail_lines = tail_lines
        self.found = Found(namespace)

    async def gather(self) -> None:
        """Everything. Raises ``TransportError`` when the server cannot be reached at all."""
        await self._versions()
        for resource in _OURS:
            held = await self._objects("objects", resource)
            if held is not None:
                self.found.objects[resource.kind] = held
        for resource in _WORKLOADS:
            selector = names.LABEL_INFERENCE_SERVICE
            held = await self._objects("workloads", resource, selector, optional=True)
            self.found.pods += (held or []) if resource is PODS else []
        await self._objects("workloads", JOBS, names.LABEL_BENCHMARK)
        await self._objects("cluster", NODES)
        await self._configuration()
        await self._operator()
        await self._events()
        await self._permissions()

    async def _versions(self) -> None:
        server = await self._client.raw_get("/version")
        versions = {
            "ome": __version__,
            "commit": os.environ.get(names.ENV_COMMIT, "unknown"),
            "python": platform.python_version(),
            "apiServer": str(server.get("gitVersion", "unknown")),
        }
        self.found.versions = versions
        self._archive.objects("versions.json", [versions])

    async def _objects(
        self, folder: str, resource: Resource, selector: str = "", *, optional: bool = False
    ) -> list[dict[str, Any]] | None:
        """A kind in all namespaces, else in the operator's; None when it may not be read.

        An ``optional`` kind may be one that the cluster does not have.
        """
        group = resource.group.partition(".")[0]
        name = f"{folder}/{resource.plural}{f'.{group}' if group else ''}.json"
        for namespace in ("", self._namespace) if resource.namespaced else ("",):
            try:
                with anyio.fail_after(_EACH_SECONDS):
                    held = await self._client.list(resource, namespace, label_selector=selector)
            except NotFound:
                if not optional:
                    self._archive.note(f"{name}: the cluster does not serve {resource.kind}")
                return None
            except Forbidden:
                if namespace or not resource.namespaced:
                    self._archive.note(f"{name}: {resource.plural} may not be listed")
                    return None
                self._archive.note(
                    f"{name}: only of namespace {self._namespace}; {resource.plural} may not be"
                    " listed in all"
                )
                continue
            except (ApiError, TransportError, TimeoutError) as error:
                self._archive.note(f"{name}: {_said(error)}")
                return None
            self._archive.objects(name, held)
            return held
        return None

    async def _configuration(self) -> None:
        """Definitions and webhooks of ours; of a definition its metadata and status say enough."""
        for resource in (CRDS, MUTATING_WEBHOOKS, VALIDATING_WEBHOOKS):
            name = f"cluster/{resource.plural}.json"
            held = await self._attempt(name, self._client.list(resource))
            ours = [item for item in held or () if item["metadata"]["name"].endswith(".ome.io")]
            for item in ours if resource is CRDS else ():
                del item["spec"]["versions"]
            if held is not None:
                self._archive.objects(name, ours)

    async def _operator(self) -> None:
        """What is in the operator's namespace, of Secrets their names, of its pods the logs."""
        pods: list[dict[str, Any]] = []
        for resource in _OPERATOR:
            name = f"operator/{resource.plural}.json"
            held = await self._attempt(name, self._client.list(resource, self._namespace))
            if held is None:
                continue
            if resource is PODS:
                pods = held
            elif resource is CONFIGMAPS:
                held = [item for item in held if _is_ours(item)]
            self._archive.objects(name, held)
        self.found.pods += pods
        await self._secret_names()
        chosen = [pod for label in (_MANAGER_PODS, _AGENT_PODS) for pod in pods if _has(pod, label)]
        pages = Pages(self._client, self._archive, self._attempt, self._namespace, self._tail_lines)
        await pages.gather(chosen)

    async def _secret_names(self) -> None:
        name = "operator/secrets.txt"

        async def listed() -> str:
            page = await self._client.list_page(
                SECRETS, namespace=self._namespace, limit=500, metadata_only=True
            )
            items = msgspec.json.decode(page).get("items") or ()
            return "".join(f"{item['metadata']['name']}\n" for item in items)

        text = await self._attempt(name, listed())
        if text is not None:
            self._archive.text(name, text)

    async def _events(self) -> None:
        """Events of the operator's namespace and of those in which there is something of ours."""
        every = [item for held in self.found.objects.values() for item in held]
        # Events about cluster-wide objects are in the namespace default.
        places = {self._namespace, "default"}
        places |= {item["metadata"].get("namespace", "default") for item in every}
        events: list[dict[str, Any]] = []
        for namespace in sorted(places):
            held = await self._attempt(
                f"events.json ({namespace})",
                self._client.list(CORE_EVENTS, namespace),
            )
            events += held or []
        events.sort(key=_last_seen)
        if len(events) > _EVENTS:
            self._archive.note(f"events.json: the last {_EVENTS} of {len(events)}")
        self._archive.objects("events.json", events[-_EVENTS:])

    async def _permissions(self) -> None:
        """What whoever gathers may do: it explains what is missing."""
        review = {
            "apiVersion": _RULES.api_version,
            "kind": _RULES.kind,
            "metadata": {},
            "spec": {"namespace": self._namespace},
        }
        name = "permissions.json"
        answer = await self._attempt(name, self._client.create(_RULES, review))
        if answer is not None:
            self._archive.objects(name, answer.get("status", {}).get("resourceRules") or [])

    async def _attempt(
        self, name: str, read: Awaitable[_T], seconds: float = _EACH_SECONDS
    ) -> _T | None:
        try:
            with anyio.fail_after(seconds):
                return await read
        except (ApiError, TransportError, TimeoutError) as error:
            self._archive.note(f"{name}: {str(error) or f'no answer in {seconds:.0f} s'}")
        return None


def _is_ours(config_map: Mapping[str, Any]) -> bool:
    metadata = config_map["metadata"]
    return metadata["name"] in _CONFIG_MAPS or names.LABEL_MODEL_STATUS in (
        metadata.get("labels") or {}
    )


def _said(error: Exception) -> str:
    return str(error) or f"no answer in {_EACH_SECONDS:.0f} s"


def _has(item: Mapping[str, Any], label: tuple[str, str]) -> bool:
    return bool((item["metadata"].get("labels") or {}).get(label[0]) == label[1])


def _last_seen(event: Mapping[str, Any]) -> str:
    series = event.get("series") or {}
    return str(
        event.get("lastTimestamp")
        or series.get("lastObservedTime")
        or event.get("eventTime")
        or event["metadata"].get("creationTimestamp", "")
    )
