"""The init container ``fine-tuned-adapter``: fetches a fine-tuned weight from object storage."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.webhooks.pod.agent import AgentSettings, frame, identity, is_tfew
from ome.webhooks.pod.edit import InjectionFailed, annotations_of, container, containers
from ome.workloads.layout import place_alone, place_among

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.webhooks.registry import Lookup

__all__ = ["inject_adapter"]

_KEY = "fineTunedAdapter"
_INJECTOR = "FineTunedAdapterInjector"
_ARGS = ["fine-tuned-adapter", "--config", "/ome-agent.yaml", "--debug"]
_REQUIRED = ("image", "compartmentId", "authType")
_OCI = re.compile(r"oci://n/(?P<namespace>[^/]+)/b/(?P<bucket>[^/]+)/o/(?P<path>.*)", re.DOTALL)


def inject_adapter(pod: dict[str, Any], lookup: Lookup) -> None:
    """Append ``fine-tuned-adapter`` for each weight that the pod names and does not have.

    The first has the plain name, those of more weights a number. Weights that the node has count
    for the places of the others: several lie side by side.
    """
    annotations = annotations_of(pod)
    named = annotations.get(names.ANNOTATION_INJECT_ADAPTER) or ""
    weights = [name for name in named.split(names.SEPARATOR_WEIGHTS) if name]
    alone = len(weights) == 1 and not annotations.get(names.ANNOTATION_WEIGHTS_ON_NODE)
    for number, weight in enumerate(weights, 1):
        called = names.CONTAINER_ADAPTER + (f"-{number}" if number > 1 else "")
        if container(pod, called, field="initContainers"):
            continue
        settings = AgentSettings.read(lookup, _KEY, _INJECTOR, _REQUIRED)
        made = frame(pod, settings, called, _ARGS, names.CONTAINER_MAIN)
        download, target = _alone(annotations) if alone else _several(weight)
        made["volumeMounts"] = [download, target]
        variables = _variables(settings, target["mountPath"], _storage(weight, annotations, lookup))
        made["env"] = [{"name": name, "value": value} for name, value in variables]
        containers(pod, "initContainers").append(made)


def _variables(
    settings: AgentSettings, directory: str, storage: Mapping[str, str]
) -> list[tuple[str, str]]:
    return [
        *identity(settings),
        (names.ENV_AGENT_REGION, settings.text("region")),
        (names.ENV_AGENT_UNZIPPED_WEIGHT_DIRECTORY, directory),
        (names.ENV_AGENT_ZIPPED_WEIGHT_DIRECTORY, names.PATH_FINE_TUNED_DOWNLOAD),
        (names.ENV_AGENT_BUCKET_NAME, storage["bucket"]),
        (names.ENV_AGENT_BUCKET_NAMESPACE, storage["namespace"]),
        (names.ENV_AGENT_OBJECT_NAME, storage["path"]),
    ]


def _mount(path: str, sub_path: str = "") -> dict[str, str]:
    made = {"name": names.VOLUME_MODEL_EMPTY_DIR, "mountPath": path}
    return {**made, "subPath": sub_path} if sub_path else made


def _alone(annotations: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Where the only weight is downloaded to, and where its files go."""
    format_ = annotations.get(names.ANNOTATION_BASE_MODEL_FORMAT, "")
    files = _mount(*place_alone(format_, tfew=is_tfew(annotations)))
    return _mount(names.PATH_FINE_TUNED_DOWNLOAD), files


def _several(weight: str) -> tuple[dict[str, str], dict[str, str]]:
    """The same for one of several."""
    download = _mount(names.PATH_FINE_TUNED_DOWNLOAD, names.SUB_PATH_DOWNLOAD)
    return download, _mount(*place_among(weight))


def _storage(weight: str, annotations: Mapping[str, str], lookup: Lookup) -> dict[str, str]:
    found = lookup.fine_tuned_weight(weight)
    if found is None:
        raise InjectionFailed(
            f"No FineTunedWeight with the name: {weight}; create it or correct annotation"
            f" {names.ANNOTATION_INJECT_ADAPTER}"
        )
    uri = ((found.get("spec") or {}).get("storage") or {}).get("storageUri") or ""
    match = _OCI.fullmatch(uri)
    if match is None:
        raise InjectionFailed(
            "invalid OCI storage URI format. Expected: oci://n/{namespace}/b/{bucket}/o/"
            f"{{object_path}}; correct spec.storage.storageUri of FineTunedWeight {weight}, which"
            f" is {uri!r}"
        )
    parts = match.groupdict()
    if annotations.get(names.ANNOTATION_MERGED_WEIGHTS) == "true":
        parts["path"] += names.SUFFIX_MERGED_WEIGHT
    return parts
