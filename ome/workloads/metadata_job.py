"""The Job that reads a model on a claim and says in its termination message what it is. Pure.

It needs no permissions and no token: the controller that owns it reads the message from its pod.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.api.jsontext import read_json
from ome.api.truncate import truncate_with_hash
from ome.workloads.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CONTAINER", "MetadataJob", "agent_image", "job_name", "metadata_job"]

CONTAINER = "model-metadata"
MOUNT = "/mnt/model"
_KEY = "modelInit"
_NAME_LONGEST = 63
_TRIES, _DEADLINE, _KEPT = 2, 600, 3600
_WHERE = f"key {_KEY} of ConfigMap {names.CONFIGMAP_INFERENCE_SERVICE}"


@dataclass(frozen=True, slots=True)
class MetadataJob:
    """What a Job is made for; ``model_namespace`` is empty at cluster scope."""

    kind: str
    model_namespace: str
    model: str
    uid: str
    uri: str
    claim_namespace: str
    claim: str
    sub_path: str
    image: str


def agent_image(settings: Mapping[str, str] | None) -> str:
    """The agent's image in the operator's settings. Raises ``ConfigError`` when there is none."""
    text = (settings or {}).get(_KEY)
    if text is None:
        raise ConfigError(f"no image for the metadata Job: set image in {_WHERE}")
    try:
        value = read_json(text)
    except ValueError as error:
        raise ConfigError(f"{_WHERE} is not JSON: {error}; correct it") from error
    image = value.get("image") if isinstance(value, dict) else None
    if not isinstance(image, str) or not image:
        raise ConfigError(f"no image for the metadata Job: set image in {_WHERE}")
    return image


def job_name(kind: str, namespace: str, model: str, uri: str) -> str:
    """A name of its own for each model and source, at most 63 characters."""
    digest = sha256(f"{kind}/{namespace}/{model}/{uri}".encode()).hexdigest()[:8]
    suffix = f"-metadata-{digest}"
    return model[: _NAME_LONGEST - len(suffix)].rstrip("-.") + suffix


def metadata_job(made_for: MetadataJob) -> dict[str, Any]:
    """The Job, in the namespace of the claim and owned by the model."""
    labels = {
        names.LABEL_MANAGED_BY: names.MANAGED_BY_OME,
        names.LABEL_MODEL_METADATA: "true",
        names.LABEL_MODEL_KIND: made_for.kind,
        names.LABEL_MODEL: truncate_with_hash(made_for.model, 63),
    }
    owner = {
        "apiVersion": names.API_VERSION,
        "kind": made_for.kind,
        "name": made_for.model,
        "uid": made_for.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": job_name(made_for.kind, made_for.model_namespace, made_for.model, made_for.uri),
            "namespace": made_for.claim_namespace,
            "labels": labels,
            "ownerReferences": [owner],
        },
        "spec": {
            "backoffLimit": _TRIES,
            "activeDeadlineSeconds": _DEADLINE,
            "ttlSecondsAfterFinished": _KEPT,
            "template": {"metadata": {"labels": dict(labels)}, "spec": _pod(made_for)},
        },
    }


def _pod(made_for: MetadataJob) -> dict[str, Any]:
    claim = {"claimName": made_for.claim, "readOnly": True}
    mount: dict[str, Any] = {"name": "model", "mountPath": MOUNT, "readOnly": True}
    sub_path = made_for.sub_path.rstrip("/")
    if sub_path:
        mount["subPath"] = sub_path
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "volumes": [{"name": "model", "persistentVolumeClaim": claim}],
        "containers": [
            {
                "name": CONTAINER,
                "image": made_for.image,
                "args": _arguments(made_for),
                "resources": {
                    "requests": {"cpu": "100m", "memory": "256Mi"},
                    "limits": {"cpu": "1", "memory": "1Gi"},
                },
                "volumeMounts": [mount],
            }
        ],
    }


def _arguments(made_for: MetadataJob) -> list[str]:
    scope = (
        ["--basemodel-namespace", made_for.model_namespace]
        if made_for.model_namespace
        else ["--cluster-scoped"]
    )
    return [
        "model-metadata",
        "--config",
        "/ome-agent.yaml",
        "--model-path",
        MOUNT,
        "--basemodel-name",
        made_for.model,
        *scope,
        "--report",
    ]
