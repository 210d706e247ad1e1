"""Scale, binding, eviction, finalize, log and tokens: what objects offer beside themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.kube.resource import ObjectKey
from ome.sandbox import schema
from ome.sandbox.apiserver.calls import Answer, Call, json_answer
from ome.sandbox.apiserver.patching import APPLY_PATCH, media_type, patcher
from ome.sandbox.apiserver.writing import Wanted
from ome.sandbox.refusal import Refused, bad_request, not_found
from ome.sandbox.selectors import selector_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ome.sandbox.apiserver.calls import Target
    from ome.sandbox.apiserver.deleting import Deleting
    from ome.sandbox.apiserver.documents import Documents
    from ome.sandbox.apiserver.kinds import Kind
    from ome.sandbox.apiserver.storage import Store
    from ome.sandbox.apiserver.writing import Writing
    from ome.sandbox.stored import Stored

__all__ = ["Subresources"]

_PLACE = ("topology.kubernetes.io/region", "topology.kubernetes.io/zone")


class Subresources:
    """Answers requests for subresources other than status."""

    def __init__(
        self,
        store: Store,
        writing: Writing,
        deleting: Deleting,
        documents: Documents,
        new_token: Callable[[str, str], str],
    ) -> None:
        self._store = store
        self._writing = writing
        self._deleting = deleting
        self._documents = documents
        self._new_token = new_token
        self.logs: Callable[[str, int | None], Awaitable[str | None]] | None = None
        """Gives what a pod has written, by its uid, or the last lines of it."""

    async def serve(self, call: Call, target: Target, kind: Kind) -> Answer:
        """The answer. Raises ``Refused`` 405 for a method that the subresource lacks."""
        key = ObjectKey(target.namespace, target.name)
        match call.method, target.subresource:
            case "GET", "scale":
                return json_answer(_scale(self._get(kind, key).load(), kind))
            case (("PUT" | "PATCH"), "scale"):
                return json_answer(await self._set_scale(call, kind, key))
            case "POST", "binding":
                body, _ = schema.decode(call.body, strict=False)
                await self.bind(call, kind, key, (body.get("target") or {}).get("name", ""))
                return json_answer({"kind": "Status", "apiVersion": "v1", "metadata": {},
                                    "status": "Success", "code": 201}, 201)  # fmt: skip
            case "POST", "eviction":
                return await self._evict(call, kind, key)
            case "PUT", "finalize":
                return await self._finalize(call, kind, key)
            case "POST", "token":
                return self._token(call, kind, key)
            case "GET", "log":
                return await self._log(call, kind, key)
            case _:
                raise Refused(405, "MethodNotAllowed", "the server does not allow this method here")

    async def bind(self, call: Call, kind: Kind, key: ObjectKey, node: str) -> Stored:
        """Give a pod its node. Raises ``Refused`` 409 when it has one already."""

        def change(pod: dict[str, Any]) -> dict[str, Any]:
            present = pod["spec"].get("nodeName")
            if present:
                raise Refused(
                    409,
                    "Conflict",
                    f'Operation cannot be fulfilled on pods/binding "{key.name}": pod {key.name} is'
                    f' already assigned to node "{present}"',
                )
            pod["spec"]["nodeName"] = node
            self._label_place(pod, node)
            status = pod.setdefault("status", {})
            scheduled = {
                "type": "PodScheduled",
                "status": "True",
                "lastProbeTime": None,
                "lastTransitionTime": self._documents.now,
            }
            others = [c for c in status.get("conditions") or () if c["type"] != "PodScheduled"]
            status["conditions"] = [*others, scheduled]
            return pod

        return await self._writing.update(call, Wanted(kind, key, change, "binding"))

    def _label_place(self, pod: dict[str, Any], node: str) -> None:
        """A pod is labelled with the zone and region of its node, as the real server does."""
        stored = self._store.collection("", "nodes").get(ObjectKey("", node))
        for name in _PLACE if stored is not None else ():
            assert stored is not None
            if name in stored.labels:
                pod["metadata"].setdefault("labels", {})[name] = stored.labels[name]

    def _get(self, kind: Kind, key: ObjectKey) -> Stored:
        stored = self._store.collection(*kind.store).get(key)
        if stored is None:
            raise not_found(kind.resource.group, kind.resource.plural, key.name)
        return stored

    async def _set_scale(self, call: Call, kind: Kind, key: ObjectKey) -> dict[str, Any]:
        body, _ = schema.decode(call.body, strict=False)
        if call.method == "PUT" or media_type(call) == APPLY_PATCH:
            asked: Callable[[dict[str, Any]], dict[str, Any]] = lambda _: body  # noqa: E731
        else:
            asked = patcher(call, None)
        path = kind.scale_paths[0].split(".")

        def change(document: dict[str, Any]) -> dict[str, Any]:
            scale = asked(_scale(document, kind))
            replicas = (scale.get("spec") or {}).get("replicas", 0)
            if not isinstance(replicas, int) or replicas < 0:
                raise Refused(
                    422,
                    "Invalid",
                    f'Scale.autoscaling "{key.name}" is invalid: spec.replicas: Invalid value:'
                    f" {replicas}: must be greater than or equal to 0",
                )
            holder = document
            for part in path[:-1]:
                holder = holder.setdefault(part, {})
            holder[path[-1]] = replicas
            version = (scale.get("metadata") or {}).get("resourceVersion")
            if version:
                document["metadata"]["resourceVersion"] = version
            return document

        stored = await self._writing.update(call, Wanted(kind, key, change, "scale"))
        return _scale(stored.load(), kind)

    async def _evict(self, call: Call, kind: Kind, key: ObjectKey) -> Answer:
        body, _ = schema.decode(call.body, strict=False)
        pod = self._get(kind, key)
        for budget in self._store.collection("policy", "poddisruptionbudgets").items(key.namespace):
            document = budget.load()
            covers = selector_of((document.get("spec") or {}).get("selector")).matches(pod.labels)
            if covers and (document.get("status") or {}).get("disruptionsAllowed", 0) <= 0:
                raise Refused(
                    429,
                    "TooManyRequests",
                    "Cannot evict pod as it would violate the pod's disruption budget.",
                    details={
                        "causes": [
                            {
                                "reason": "DisruptionBudget",
                                "message": f"The disruption budget {budget.key.name} does not"
                                " allow an eviction now",
                            }
                        ]
                    },
                )
        await self._deleting.delete(call, kind, key, body.get("deleteOptions") or {})
        return json_answer({"kind": "Status", "apiVersion": "v1", "metadata": {},
                            "status": "Success", "code": 201}, 201)  # fmt: skip

    async def _finalize(self, call: Call, kind: Kind, key: ObjectKey) -> Answer:
        body = self._documents.decoded(call, kind)
        finalizers = (body.get("spec") or {}).get("finalizers") or []

        def change(document: dict[str, Any]) -> dict[str, Any]:
            document.setdefault("spec", {})["finalizers"] = finalizers
            return document

        stored = await self._writing.update(call, Wanted(kind, key, change, "finalize"))
        return Answer(200, stored.raw)

    def _token(self, call: Call, kind: Kind, key: ObjectKey) -> Answer:
        self._get(kind, key)
        body, _ = schema.decode(call.body, strict=False)
        if not isinstance(body, dict):
            raise bad_request("the body of the request is not a TokenRequest")
        token = self._new_token(key.namespace, key.name)
        return json_answer({**body, "status": {"token": token}}, 201)

    async def _log(self, call: Call, kind: Kind, key: ObjectKey) -> Answer:
        stored = self._get(kind, key)
        if self.logs is not None:
            lines = call.query.get("tailLines", "")
            written = await self.logs(stored.uid, int(lines) if lines.isdecimal() else None)
            if written is not None:
                return Answer(200, written.encode(), "text/plain")
        pod = stored.load()
        names = [container["name"] for container in pod["spec"]["containers"]]
        text = "".join(f"simulated container {name}: it runs nothing and prints nothing\n"
                       for name in names)  # fmt: skip
        return Answer(200, text.encode(), "text/plain")


def _scale(document: dict[str, Any], kind: Kind) -> dict[str, Any]:
    """``autoscaling/v1`` Scale of an object."""
    metadata = document["metadata"]
    spec_path, status_path, selector_path = kind.scale_paths
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    status: dict[str, Any] = {"replicas": _at(document, status_path) or 0}
    if kind.custom is None:
        labels = _at(document, "spec.selector.matchLabels") or {}
        status["selector"] = ",".join(f"{name}={value}" for name, value in sorted(labels.items()))
    elif selector_path and _at(document, selector_path):
        status["selector"] = _at(document, selector_path)
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: metadata[name] for name in kept if name in metadata},
        "spec": {"replicas": _at(document, spec_path) or 0},
        "status": status,
    }


def _at(document: Any, path: str) -> Any:
    for part in path.split("."):
        document = document.get(part) if isinstance(document, dict) else None
    return document
