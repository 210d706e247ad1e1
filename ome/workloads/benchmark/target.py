"""What a benchmark measures: a URL, or an InferenceService with its model. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ome.api import names
from ome.api.truncate import model_node_label
from ome.workloads.benchmark.errors import BenchmarkError
from ome.workloads.errors import RenderError
from ome.workloads.mounts import Mount, is_claim, model_mount

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ome.api import Endpoint, InferenceService
    from ome.workloads.inputs import ModelInput

__all__ = ["Target", "model_name_of", "served_name", "service_target", "url_target"]

_KEY = "sample-key"
_SERVED = "vllm-model"
_NAMED = re.compile(r"--served-model-name(?:=|\s+)([^\s\\;&|<>'\"]+)")


@dataclass(frozen=True, slots=True)
class Target:
    """Values of the arguments, and the model's files where the tokenizer is read from them."""

    backend: str
    url: str
    model_name: str
    key: str = ""
    tokenizer: str = ""
    mount: Mount | None = None
    node_selector: Mapping[str, str] | None = None
    key_secret: str = ""
    """The Secret that has the key, which is then no argument; "" for none."""


def url_target(endpoint: Endpoint) -> Target:
    """An endpoint as it is written; it has no key and no tokenizer but those that it names."""
    reference = endpoint.api_key_secret_reference
    secret = reference.name if reference is not None else ""
    return Target(
        endpoint.api_format,
        endpoint.url,
        endpoint.model_name or "",
        key=f"$({names.ENV_MODEL_API_KEY})" if secret else "",
        tokenizer=endpoint.tokenizer or "",
        key_secret=secret,
    )


def service_target(
    service: InferenceService,
    model: ModelInput,
    namespace: str,
    command_lines: Iterable[Sequence[str]] = (),
) -> Target:
    """A service that is ready, for a pod in ``namespace``.

    ``command_lines`` are the engine's, the most telling first. Raises ``BenchmarkError``.
    """
    try:
        mount = model_mount(model, namespace, names.COMPONENT_ENGINE)
    except RenderError as error:
        raise BenchmarkError(str(error)) from error
    if mount is None:
        raise BenchmarkError(
            f"BaseModel {model.name} has missing Storage or Path information; set its"
            " spec.storage.path"
        )
    selector = None
    if not is_claim(model):
        label = model_node_label(model.namespace, model.name)
        selector = {label: names.NODE_STATE_READY}
    return Target(
        _backend(service),
        _url(service),
        served_name(command_lines) or _SERVED,
        _KEY,
        mount.path,
        mount,
        selector,
    )


def model_name_of(service: InferenceService) -> str:
    """The model that a service names. Raises ``BenchmarkError`` when it names none."""
    predictor = service.spec.predictor
    legacy = predictor.model if predictor is not None else None
    if legacy is not None and legacy.base_model:
        return legacy.base_model
    if service.spec.model is not None and service.spec.model.name:
        return service.spec.model.name
    where = f"{service.metadata.namespace}/{service.metadata.name}"
    raise BenchmarkError(f"InferenceService {where} has no Model defined; set its spec.model.name")


def served_name(command_lines: Iterable[Sequence[str]]) -> str:
    """The name under which an engine serves its model, empty when no command line says it."""
    for words in command_lines:
        found = _NAMED.search(" ".join(words))
        if found is not None and "$" not in found[1]:
            return found[1]
    return ""


def _backend(service: InferenceService) -> str:
    predictor, engine = service.spec.predictor, service.spec.engine
    legacy = predictor.model if predictor is not None else None
    if legacy is not None and legacy.protocol_version:
        return legacy.protocol_version
    runner = (engine.runner if engine is not None else None) or {}
    for variable in runner.get("env") or ():
        if variable.get("name") == names.ENV_PROTOCOL_VERSION:
            if variable.get("value"):
                return str(variable["value"])
            break
    return "openai"


def _url(service: InferenceService) -> str:
    text = (service.status.url if service.status is not None else None) or ""
    where = f"{service.metadata.namespace}/{service.metadata.name}"
    try:
        parts = urlsplit(text if "//" in text else f"//{text}")
    except ValueError as error:
        raise BenchmarkError(
            f"InferenceService {where} has an unreadable status.url: {error}; it is written anew"
            " when the service changes"
        ) from error
    if not parts.hostname:
        raise BenchmarkError(
            f"InferenceService {where} has no URL.Host in status; see its conditions"
        )
    return f"{parts.scheme or 'http'}://{parts.netloc}{parts.path.rstrip('/')}"
