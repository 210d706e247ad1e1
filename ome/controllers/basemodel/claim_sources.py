"""What models on claims depend on: the claims, the metadata Jobs, the image that the Jobs run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ome.api import names
from ome.informers.packing import unpack
from ome.informers.projection import Metadata
from ome.kube.resource import ObjectKey
from ome.kube.resources import CONFIGMAPS, JOBS, PVCS
from ome.storage.errors import InvalidUri
from ome.storage.uris import PvcUri, parse_uri

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ome.controllers.context import ControllerContext
    from ome.informers.informer import Informer
    from ome.informers.projection import WholeObject
    from ome.reconciler.controller import Controller

__all__ = ["Claim", "ClaimSources", "Condition", "Job", "claim_of", "on_claim"]

_BY_CLAIM = "claim"
_BY_MODEL = "model"


class ClaimSpec(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    storage_class_name: str = ""


class ClaimStatus(msgspec.Struct, frozen=True, gc=False):
    phase: str = ""


class Claim(msgspec.Struct, frozen=True, gc=False):
    """The part of a claim that decides whether its files can be read."""

    metadata: Metadata
    spec: ClaimSpec = ClaimSpec()
    status: ClaimStatus = ClaimStatus()


class Condition(msgspec.Struct, frozen=True, gc=False):
    """One condition of a Job."""

    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""


class JobStatus(msgspec.Struct, frozen=True, gc=False):
    conditions: tuple[Condition, ...] = ()


class Job(msgspec.Struct, frozen=True, gc=False):
    """A Job and how it ended."""

    metadata: Metadata
    status: JobStatus = JobStatus()

    def ended(self, type_: str) -> Condition | None:
        """The condition of this type when it is True."""
        held = self.status.conditions
        return next((item for item in held if item.type == type_ and item.status == "True"), None)


class Settings(msgspec.Struct, frozen=True):
    """The operator's ConfigMap."""

    metadata: Metadata
    data: dict[str, str] = {}


def on_claim(spec: msgspec.Raw) -> bool:
    """Whether a model's spec, as it is held, names a claim."""
    return _claim_uri(spec) is not None


def claim_of(uri: str, namespace: str) -> PvcUri:
    """The claim of a URI, with its namespace; ``namespace`` is the model's, empty at cluster scope.

    Raises ``InvalidUri`` when it breaks the grammar or the model may not use that claim.
    """
    parsed = parse_uri(uri)
    if not isinstance(parsed, PvcUri):
        raise InvalidUri(f"{uri} names no claim; expected {PvcUri.GRAMMAR}")
    if not namespace and not parsed.namespace:
        raise InvalidUri(
            "PVC namespace is required for ClusterBaseModel: use"
            f" pvc://{{namespace}}:{{pvc-name}}/{{sub-path}}; got {uri!r}"
        )
    if namespace and parsed.namespace not in ("", namespace):
        raise InvalidUri(
            f"cross-namespace PVC access is not allowed for BaseModel: {uri!r} names namespace"
            f" {parsed.namespace}, the model is in {namespace}; use a claim of its own namespace or"
            " a ClusterBaseModel"
        )
    return PvcUri(parsed.namespace or namespace, parsed.claim, parsed.sub_path)


class ClaimSources:
    """The informers that both kinds of models share, and what their changes wake."""

    def __init__(self, context: ControllerContext) -> None:
        informers = context.informers
        self.claims = informers.informer(PVCS, Claim)
        self.jobs = informers.informer(JOBS, Job, label_selector=f"{names.LABEL_MODEL_METADATA}")
        self.jobs.store.add_index(_BY_MODEL, _owner_uid)
        self._settings = informers.informer(
            CONFIGMAPS,
            Settings,
            namespace=context.namespace,
            field_selector=f"metadata.name={names.CONFIGMAP_INFERENCE_SERVICE}",
        )
        self._settings_key = ObjectKey(context.namespace, names.CONFIGMAP_INFERENCE_SERVICE)

    def settings(self) -> Mapping[str, str] | None:
        """The data of the operator's ConfigMap; None without it."""
        held = self._settings.store.get(self._settings_key)
        return None if held is None else held.data

    def jobs_of(self, uid: str) -> list[Job]:
        """The metadata Jobs of a model."""
        return list(self.jobs.store.by_index(_BY_MODEL, uid))

    def wake(self, controller: Controller[ObjectKey], models: Informer[WholeObject]) -> None:
        """Have models looked at when their claim, their Job or the image changes."""
        kind, namespaced = models.resource.kind, models.resource.namespaced
        models.store.add_index(_BY_CLAIM, _claims_of)

        def on_claim_change(old: Claim | None, new: Claim | None) -> None:
            if old is not None and new is not None and old.status == new.status:
                return
            present = new or old
            assert present is not None
            for model in models.store.by_index(_BY_CLAIM, present.metadata.key):
                controller.queue.add(model.metadata.key)

        def on_job(old: Job | None, new: Job | None) -> Iterable[ObjectKey]:
            present = new or old
            owner = None if present is None else present.metadata.controller
            if present is None or owner is None or owner.kind != kind:
                return ()
            namespace = present.metadata.namespace if namespaced else ""
            return (ObjectKey(namespace, owner.name),)

        def on_settings(old: Settings | None, new: Settings | None) -> None:
            if old is not None and new is not None and old.data == new.data:
                return
            for model in models.store.values():
                if on_claim(model.spec):
                    controller.queue.add(model.metadata.key)

        self.claims.add_handler(on_claim_change)
        controller.watch(self.jobs, on_job)
        self._settings.add_handler(on_settings)


def _owner_uid(job: Job) -> Iterable[str]:
    owner = job.metadata.controller
    return () if owner is None else (owner.uid,)


def _claims_of(model: WholeObject) -> Iterable[ObjectKey]:
    uri = _claim_uri(model.spec)
    if uri is None:
        return ()
    try:
        claim = claim_of(uri, model.metadata.namespace)
    except InvalidUri:
        return ()
    return (ObjectKey(claim.namespace, claim.claim),)


class _Storage(msgspec.Struct, rename="camel"):
    storage_uri: str = ""


class _Spec(msgspec.Struct):
    storage: _Storage = msgspec.field(default_factory=_Storage)


_SPEC = msgspec.json.Decoder(_Spec)


def _claim_uri(spec: msgspec.Raw) -> str | None:
    """The URI of a spec when it is that of a claim; others are not even parsed."""
    raw = bytes(unpack(spec))
    if b'"pvc://' not in raw:
        return None
    try:
        uri = _SPEC.decode(raw).storage.storage_uri
    except msgspec.DecodeError:
        return None
    return uri if uri.startswith("pvc://") else None
