"""The init container ``model-init``: decrypts or converts the model before it is served."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.api.truncate import truncate_dns
from ome.webhooks.pod.agent import AgentSettings, frame, identity, is_tfew
from ome.webhooks.pod.edit import InjectionFailed, annotations_of, container, containers
from ome.workloads.layout import TENSORRT, format_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.webhooks.registry import Lookup

__all__ = ["inject_model_init"]

_KEY = "modelInit"
_INJECTOR = "ModelInitInjector"
_ARGS = ["enigma", "--config", "/ome-agent.yaml", "--debug"]
_REQUIRED = ("image", "compartmentId", "authType", "vaultId")


def inject_model_init(pod: dict[str, Any], lookup: Lookup) -> None:
    """Append ``model-init`` where the pod asks for it and does not have it."""
    annotations = annotations_of(pod)
    if annotations.get(names.ANNOTATION_INJECT_MODEL_INIT) != "true":
        return
    if container(pod, names.CONTAINER_MODEL_INIT, field="initContainers"):
        return
    settings = AgentSettings.read(lookup, _KEY, _INJECTOR, _REQUIRED)
    made = frame(
        pod,
        settings,
        names.CONTAINER_MODEL_INIT,
        _ARGS,
        names.CONTAINER_MAIN,
        names.CONTAINER_TRAINER,
    )
    made["env"] = [
        {"name": name, "value": value} for name, value in _environment(pod, settings, annotations)
    ] + settings.objects("extraEnvVars")
    made["volumeMounts"] = _mounts(annotations) + settings.objects("extraVolumeMounts")
    containers(pod, "initContainers").append(made)


def _mounts(annotations: Mapping[str, str]) -> list[dict[str, Any]]:
    model = annotations.get(names.ANNOTATION_BASE_MODEL_NAME)
    if not model:
        raise InjectionFailed(
            f"annotation {names.ANNOTATION_BASE_MODEL_NAME} is missing: {_KEY} needs the name of"
            " the model whose volume it reads"
        )
    store = {"name": names.VOLUME_MODEL_EMPTY_DIR, "mountPath": names.PATH_MODEL}
    if is_tfew(annotations):
        store["subPath"] = names.SUB_PATH_BASE
    source = {
        "name": truncate_dns(model.replace(".", "-")),
        "mountPath": names.PATH_MODEL_SOURCE,
    }
    return [store, source]


def _environment(
    pod: Mapping[str, Any], settings: AgentSettings, annotations: Mapping[str, str]
) -> list[tuple[str, str]]:
    labels = pod["metadata"].get("labels") or {}
    framework = format_key(annotations.get(names.ANNOTATION_BASE_MODEL_FORMAT, ""))
    variables = [
        *identity(settings),
        (names.ENV_AGENT_VAULT_ID, settings.text("vaultId")),
        (names.ENV_AGENT_MODEL_NAME, annotations.get(names.ANNOTATION_BASE_MODEL_NAME, "")),
        (names.ENV_AGENT_KEY_NAME, annotations.get(names.ANNOTATION_DECRYPTION_KEY, "")),
        (names.ENV_AGENT_SECRET_NAME, annotations.get(names.ANNOTATION_DECRYPTION_SECRET, "")),
        (
            names.ENV_AGENT_DISABLE_DECRYPTION,
            annotations.get(names.ANNOTATION_DISABLE_DECRYPTION, "false"),
        ),
        (
            names.ENV_AGENT_MODEL_TYPE,
            labels.get(names.LABEL_BASE_MODEL_TYPE, names.BASE_MODEL_TYPE_SERVING),
        ),
        (names.ENV_AGENT_LOCAL_PATH, names.PATH_MODEL_SOURCE),
        (names.ENV_AGENT_MODEL_STORE_DIRECTORY, names.PATH_MODEL),
        (names.ENV_AGENT_REGION, settings.text("region")),
        (names.ENV_AGENT_MODEL_FRAMEWORK, framework),
    ]
    if framework == TENSORRT:
        version = annotations.get(names.ANNOTATION_BASE_MODEL_FORMAT_VERSION, "")
        variables.append((names.ENV_AGENT_TENSORRTLLM_VERSION, version))
        variables.append((names.ENV_AGENT_NUM_OF_GPU, _gpus(pod)))
    return variables


def _gpus(pod: Mapping[str, Any]) -> str:
    main = container(pod, names.CONTAINER_MAIN) or {}
    limits = (main.get("resources") or {}).get("limits") or {}
    if names.GPU_RESOURCE not in limits:
        raise InjectionFailed(
            "NVIDIA GPU resource not set for main container: a TensorRT-LLM model needs limit"
            f" {names.GPU_RESOURCE} on {names.CONTAINER_MAIN}"
        )
    return str(limits[names.GPU_RESOURCE])
