"""The container ``serving-sidecar``: brings fine-tuned weights to a server that runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.webhooks.pod.agent import AgentSettings, frame, identity
from ome.webhooks.pod.edit import InjectionFailed, annotations_of, container, containers

if TYPE_CHECKING:
    from ome.webhooks.registry import Lookup

__all__ = ["inject_sidecar"]

_KEY = "servingSidecar"
_INJECTOR = "ServingSidecarInjector"
_ARGS = ["serving-agent", "--config", "/ome-agent.yaml", "--debug"]
_REQUIRED = ("image", "compartmentId", "authType")
_INFO_FILE = "/mnt/ft-model-info.json"


def inject_sidecar(pod: dict[str, Any], lookup: Lookup) -> None:
    """Append ``serving-sidecar`` where the pod asks for it and does not have it."""
    annotations = annotations_of(pod)
    if annotations.get(names.ANNOTATION_INJECT_SIDECAR) != "true":
        return
    if container(pod, names.CONTAINER_SIDECAR):
        return
    settings = AgentSettings.read(lookup, _KEY, _INJECTOR, _REQUIRED)
    made = frame(pod, settings, names.CONTAINER_SIDECAR, _ARGS, names.CONTAINER_MAIN)
    strategy = annotations.get(names.ANNOTATION_FT_STRATEGY)
    if strategy is None:
        raise InjectionFailed(
            "failed to get the fine-tuned weight FT strategy for the serving sidecar: annotation"
            f" {names.ANNOTATION_FT_STRATEGY} is missing on the pod"
        )
    directory = f"{names.PATH_ROOT}/{strategy}"
    made["volumeMounts"] = [
        {
            "name": names.VOLUME_MODEL_EMPTY_DIR,
            "mountPath": names.PATH_FINE_TUNED_DOWNLOAD,
            "subPath": names.SUB_PATH_DOWNLOAD,
        },
        {
            "name": names.VOLUME_MODEL_EMPTY_DIR,
            "mountPath": directory,
            "subPath": names.SUB_PATH_FINE_TUNED,
        },
    ]
    variables = [
        *identity(settings),
        (names.ENV_AGENT_REGION, settings.text("region")),
        (names.ENV_AGENT_WEIGHT_INFO_FILE, _INFO_FILE),
        (names.ENV_AGENT_UNZIPPED_WEIGHT_DIRECTORY, directory),
        (names.ENV_AGENT_ZIPPED_WEIGHT_DIRECTORY, names.PATH_FINE_TUNED_DOWNLOAD),
    ]
    made["env"] = [{"name": name, "value": value} for name, value in variables]
    containers(pod).append(made)
