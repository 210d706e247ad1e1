"""The Job of a BenchmarkJob. Pure: equal inputs give equal objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ome.api import names, to_json
from ome.workloads.benchmark.arguments import arguments
from ome.workloads.benchmark.overrides import overridden

if TYPE_CHECKING:
    from ome.api import BenchmarkJob
    from ome.workloads.benchmark.settings import BenchmarkSettings
    from ome.workloads.benchmark.storage import Place
    from ome.workloads.benchmark.target import Target

__all__ = ["BenchmarkInputs", "benchmark_job"]

_HUB_KEY = "HUGGINGFACE_API_KEY"
_TOLERATION = {"key": names.GPU_RESOURCE, "operator": "Exists", "effect": "NoSchedule"}
_ANNOTATIONS = {"logging-forward": "true"}


@dataclass(frozen=True, slots=True)
class BenchmarkInputs:
    """Everything that a Job is made from."""

    job: BenchmarkJob
    settings: BenchmarkSettings
    target: Target
    data: Place
    results: Place


def benchmark_job(inputs: BenchmarkInputs) -> dict[str, Any]:
    """The Job, owned by the BenchmarkJob and of its name.

    Its time to live is not in it: a Job that is removed before anybody has seen its end would be
    run again.
    """
    metadata = inputs.job.metadata
    place = {"name": metadata.name, "namespace": metadata.namespace}
    labels = {names.LABEL_BENCHMARK: metadata.name}
    override = inputs.job.spec.pod_override
    pod = _pod(inputs)
    spec: dict[str, Any] = {"backoffLimit": 0}
    if override is not None:
        changes = to_json(override)
        pod = overridden(pod, changes)
        if changes.get("activeDeadlineSeconds") is not None:
            spec["activeDeadlineSeconds"] = changes["activeDeadlineSeconds"]
    template = {
        "metadata": {**place, "labels": dict(labels), "annotations": dict(_ANNOTATIONS)},
        "spec": pod,
    }
    owner = {
        "apiVersion": names.API_VERSION,
        "kind": "BenchmarkJob",
        "name": metadata.name,
        "uid": metadata.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            **place,
            "labels": labels,
            "annotations": dict(_ANNOTATIONS),
            "ownerReferences": [owner],
        },
        "spec": {**spec, "template": template},
    }


def _pod(inputs: BenchmarkInputs) -> dict[str, Any]:
    target = inputs.target
    volumes = [] if target.mount is None else [dict(target.mount.volume)]
    volumes += [dict(place.volume) for place in (inputs.results, inputs.data) if place.volume]
    pod: dict[str, Any] = {
        "containers": [_container(inputs)],
        "tolerations": [dict(_TOLERATION)],
        "restartPolicy": "Never",
    }
    if volumes:
        pod["volumes"] = volumes
    if target.node_selector:
        pod["nodeSelector"] = dict(target.node_selector)
    return pod


def _container(inputs: BenchmarkInputs) -> dict[str, Any]:
    job, settings, target = inputs.job, inputs.settings, inputs.target
    made: dict[str, Any] = {
        "name": job.metadata.name,
        "image": settings.image,
        "command": ["genai-bench"],
        "args": arguments(job.spec, target, inputs.data, inputs.results),
        "env": _environment(inputs),
        "resources": settings.resources(),
        # What it said last is the reason of a failure that users see in the status.
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    if inputs.results.secret:
        made["envFrom"] = [{"secretRef": {"name": inputs.results.secret}}]
    mounts = [] if target.mount is None else [_model_mount(inputs)]
    mounts += [dict(place.mount) for place in (inputs.results, inputs.data) if place.mount]
    if mounts:
        made["volumeMounts"] = mounts
    return made


def _model_mount(inputs: BenchmarkInputs) -> dict[str, Any]:
    mount = inputs.target.mount
    assert mount is not None
    made = {"name": mount.volume["name"], "mountPath": mount.path, "readOnly": True}
    return {**made, "subPath": mount.sub_path} if mount.sub_path else made


def _environment(inputs: BenchmarkInputs) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [{"name": "ENABLE_UI", "value": "false"}]
    reference = inputs.job.spec.hugging_face_secret_reference
    if reference is not None and reference.name:
        source = {"secretKeyRef": {"name": reference.name, "key": _HUB_KEY}}
        found.append({"name": _HUB_KEY, "valueFrom": source})
    if inputs.target.mount is not None:
        found.append({"name": names.ENV_MODEL_PATH, "value": inputs.target.mount.path})
    if inputs.target.key_secret:
        # The argument that reads it is the same for every release of the tool.
        key = {"name": inputs.target.key_secret, "key": names.ENV_MODEL_API_KEY}
        found.append({"name": names.ENV_MODEL_API_KEY, "valueFrom": {"secretKeyRef": key}})
    return found
