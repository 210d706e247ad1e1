"""Models on a claim: no node fetches them; the claim is checked, a Job reads what they are.

Everything is decided anew in each pass from the caches. What has to outlive the Job, that it read
this very URI, stands in the model's condition ``MetadataExtracted``.

Races: the cache may lack a Job that was just made (creating it again finds it and changes nothing);
a Job may end between two looks at it (its event brings the next pass); its pod may be collected
before its message was read (then the Job counts as failed and is made anew when its time is over).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import structlog

from ome.agent.protocol import READY, decode_entry
from ome.api import names
from ome.api.jsontext import read_json
from ome.clock import rfc3339
from ome.controllers.basemodel import claim_status
from ome.controllers.basemodel.alerts import Alerts
from ome.controllers.basemodel.backfill import backfill, skips_parsing
from ome.controllers.basemodel.claim_sources import claim_of
from ome.controllers.basemodel.claim_status import Outcome
from ome.controllers.basemodel.problems import Problem, one_line
from ome.controllers.metaconditions import find_condition
from ome.controllers.regarding import regarding
from ome.errors import ApiError, BadRequest, Conflict, Forbidden, Invalid, NotFound, NotOurs
from ome.kube.resource import ObjectKey
from ome.kube.resources import JOBS, PODS, STORAGE_CLASSES
from ome.reconciler.controller import Result
from ome.storage.errors import InvalidUri
from ome.workloads.errors import ConfigError
from ome.workloads.metadata_job import CONTAINER, MetadataJob, agent_image, job_name, metadata_job

if TYPE_CHECKING:
    from ome.controllers.basemodel.claim_sources import Claim, ClaimSources, Job
    from ome.controllers.context import ControllerContext
    from ome.controllers.userobjects import UserObjects
    from ome.storage.uris import PvcUri

__all__ = ["RECHECK", "ClaimModels"]

RECHECK = 60.0
"""Seconds until a model that waits for something unwatched is looked at again."""

_ON_USE = "WaitForFirstConsumer"
_NEEDED = (
    "modelType",
    "modelArchitecture",
    "modelParameterSize",
    "maxTokens",
    "modelCapabilities",
)
log = structlog.get_logger("BaseModel")


class ClaimModels:
    """Makes models on claims true; one instance for each of the two kinds."""

    def __init__(
        self,
        context: ControllerContext,
        kind: str,
        writes: UserObjects,
        sources: ClaimSources,
    ) -> None:
        self._context = context
        self._kind = kind
        self._writes = writes
        self._sources = sources
        self._alerts = Alerts(context.events, context.clock)

    async def settle(self, key: ObjectKey, document: dict[str, Any]) -> Result | None:
        """One pass over a model that is not being deleted."""
        outcome, document = await self._look(key, document)
        before = document.get("status") or {}
        after = claim_status.compute(before, outcome, wall=rfc3339(self._context.clock.wall()))
        changed = claim_status.says(before) != (outcome.reason, outcome.message)
        if after != before:
            document = await self._writes.write_status(document, after)
        wait = self._announce(key, document, outcome, changed)
        waits = [seconds for seconds in (wait, outcome.recheck) if seconds]
        return Result(requeue_after=min(waits)) if waits else None

    def forget(self, key: ObjectKey) -> None:
        """The model is gone, or about to be."""
        self._alerts.forget(key)

    async def drop(self, uid: str) -> None:
        """Delete the Jobs of a model; those that are gone already are no error."""
        for job in self._sources.jobs_of(uid):
            await self._delete(job)

    def _announce(
        self, key: ObjectKey, document: dict[str, Any], outcome: Outcome, changed: bool
    ) -> float | None:
        problem = Problem(outcome.reason, outcome.message)
        if outcome.event == "Normal" and changed:
            about = regarding(document)
            self._context.events.record(
                about, "Normal", outcome.reason, outcome.message, "Reconcile"
            )
        found = [problem] if outcome.event == "Warning" else []
        return self._alerts.tell(key, document, found, {outcome.reason} if changed else ())

    async def _look(
        self, key: ObjectKey, document: dict[str, Any]
    ) -> tuple[Outcome, dict[str, Any]]:
        """How the model is, and the model as it is stored then."""
        uri = document["spec"]["storage"]["storageUri"]
        try:
            claim = claim_of(uri, key.namespace)
        except InvalidUri as error:
            text = f"spec.storage.storageUri: {one_line(str(error))}"
            return Outcome.failed(names.REASON_INVALID_STORAGE_URI, text), document
        held = self._sources.claims.store.get(ObjectKey(claim.namespace, claim.claim))
        problem = await self._problem_of(claim, held)
        if problem is not None:
            return problem, document
        if self._complete(document):
            return Outcome.ready(uri, self._read_before(document)), document
        try:
            return await self._read(document, claim)
        except ConfigError as error:
            return Outcome.failed(names.REASON_METADATA_EXTRACTION_FAILED, str(error)), document
        except NotOurs as error:
            return Outcome.failed(names.REASON_SERVICE_CONFLICT, str(error), RECHECK), document
        except (BadRequest, Forbidden, Invalid) as error:
            text = f"the metadata Job, or what it read, was refused: {one_line(error.message)}"
            reason = names.REASON_METADATA_EXTRACTION_FAILED
            return Outcome.failed(reason, text, RECHECK), document

    async def _problem_of(self, claim: PvcUri, held: Claim | None) -> Outcome | None:
        """What keeps the claim from being read; None when nothing does."""
        where = f"in namespace {claim.namespace}"
        if held is None:
            text = f"PVC {claim.claim} not found {where}; create it or correct storageUri"
            return Outcome.failed(names.REASON_PVC_NOT_FOUND, text)
        phase = held.status.phase
        if phase == "Lost":
            text = (
                f"PVC {claim.claim} not bound (phase: Lost) {where}; its volume is gone, restore"
                " it or use another claim"
            )
            return Outcome.failed(names.REASON_PVC_NOT_BOUND, text)
        if phase == "Bound" or await self._binds_on_use(held):
            return None
        text = f"PVC {claim.claim} is not bound yet (phase: {phase or 'Pending'}) {where}"
        return Outcome("In_Transit", names.REASON_PVC_PENDING, text, "Normal", recheck=RECHECK)

    async def _binds_on_use(self, claim: Claim) -> bool:
        """Whether a pending claim waits for a pod; asked for only while it is pending."""
        name = claim.spec.storage_class_name
        if not name:
            return False
        try:
            found = await self._context.client.get(STORAGE_CLASSES, ObjectKey("", name))
        except (NotFound, Forbidden):
            return False
        return bool(found.get("volumeBindingMode") == _ON_USE)

    def _complete(self, document: dict[str, Any]) -> bool:
        spec = document["spec"]
        annotations = document["metadata"].get("annotations") or {}
        if skips_parsing(annotations) or self._read_before(document):
            return True
        filled = annotations.get(names.ANNOTATION_AUTO_FILLED_FIELDS)
        if filled and find_condition(document.get("status"), claim_status.EXTRACTED):
            return False  # those fields were read from another URI
        named = (spec.get("modelFormat") or {}).get("name")
        return bool(named) and all(spec.get(field) for field in _NEEDED)

    @staticmethod
    def _read_before(document: dict[str, Any]) -> bool:
        uri = document["spec"]["storage"]["storageUri"]
        return claim_status.extracted(document.get("status") or {}, uri)

    async def _read(
        self, document: dict[str, Any], claim: PvcUri
    ) -> tuple[Outcome, dict[str, Any]]:
        """Have the Job run, and take over what it read when it has ended."""
        metadata, uri = document["metadata"], document["spec"]["storage"]["storageUri"]
        namespace = metadata.get("namespace", "")
        name = job_name(self._kind, namespace, metadata["name"], uri)
        await self._prune(document, name)
        job = self._sources.jobs.store.get(ObjectKey(claim.namespace, name))
        if job is not None and _is_of(job, metadata["uid"]):
            failed = job.ended("Failed")
            if failed is not None:
                text = (
                    f"the metadata Job {claim.namespace}/{name} failed:"
                    f" {one_line(failed.message or failed.reason)}; see its pod's log, or set the"
                    " fields in spec"
                )
                return Outcome.failed(names.REASON_METADATA_EXTRACTION_FAILED, text), document
            if job.ended("Complete") is not None:
                return await self._take_over(document, job)
            return Outcome.importing(claim.namespace, name), document
        made_for = MetadataJob(
            self._kind,
            namespace,
            metadata["name"],
            metadata["uid"],
            uri,
            claim.namespace,
            claim.claim,
            claim.sub_path,
            agent_image(self._sources.settings()),
        )
        applied = await self._context.applier.apply(metadata_job(made_for), None)
        self._sources.jobs.observed(applied.object)
        return Outcome.importing(claim.namespace, name), document

    async def _take_over(
        self, document: dict[str, Any], job: Job
    ) -> tuple[Outcome, dict[str, Any]]:
        uri = document["spec"]["storage"]["storageUri"]
        message = await self._message(job)
        entry = None if message is None else decode_entry(_as_entry(message))
        if entry is None or entry.config is None:
            text = (
                f"the metadata Job {job.metadata.key} left no report in its pod; delete the Job to"
                " have it run again, or set the fields in spec"
            )
            return Outcome.failed(names.REASON_METADATA_EXTRACTION_FAILED, text), document
        annotations = document["metadata"].get("annotations") or {}
        fill = backfill(document["spec"], annotations, [entry])
        if fill is not None:
            log.info("model.filled", fields=sorted(fill.fields))
            document = await self._writes.patch(document, fill.ops(document))
        return Outcome.ready(uri, True), document

    async def _message(self, job: Job) -> str | None:
        """What the Job's container said at its end; read once, so no watch of pods is kept."""
        selector = f"batch.kubernetes.io/controller-uid={job.metadata.uid}"
        pods = await self._context.client.list(
            PODS, job.metadata.namespace, label_selector=selector
        )
        for pod in pods:
            for status in (pod.get("status") or {}).get("containerStatuses") or ():
                ended = (status.get("state") or {}).get("terminated") or {}
                if status["name"] == CONTAINER and ended.get("exitCode") == 0:
                    return str(ended.get("message") or "")
        return None

    async def _prune(self, document: dict[str, Any], kept: str) -> None:
        """Delete Jobs for a source that the model had before."""
        for job in self._sources.jobs_of(document["metadata"]["uid"]):
            if job.metadata.name != kept:
                await self._delete(job)

    async def _delete(self, job: Job) -> None:
        try:
            await self._context.client.delete(JOBS, job.metadata.key, uid=job.metadata.uid)
        except (NotFound, Conflict):
            pass
        except ApiError as error:
            log.warning("metadata_job.not_deleted", job=str(job.metadata.key), error=str(error))
            return
        self._sources.jobs.observed_deleted(job.metadata.key, job.metadata.uid)


def _is_of(job: Job, uid: str) -> bool:
    owner = job.metadata.controller
    return owner is not None and owner.uid == uid and not job.metadata.deletion_timestamp


def _as_entry(message: str) -> str:
    """The report as an entry of a node, whose ``config`` it has the shape of."""
    try:
        return json.dumps({"status": READY, "config": read_json(message)})
    except ValueError:
        return ""
