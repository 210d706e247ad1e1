"""From the deprecated ``spec.predictor`` to engine, model and runtime.

``spec.predictor`` stays as it is. Whatever it says that has a place in the new fields is found
there afterwards: a pod field, a container and each of its fields, an environment variable.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Protocol

from ome.api import ContainerFields, ModelSpec, PredictorSpec, json_name, names
from ome.errors import AdmissionDenied, ApiError, OmeError, TransportError, api_error
from ome.workloads.plan import predictor_in_use as _in_use

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ome.webhooks.registry import Document

__all__ = ["Known", "migrate", "predictor_in_use"]


class Known(Protocol):
    """The look-ups of a migration, as ``Lookup`` has them."""

    def base_model(self, namespace: str, name: str) -> Document | None: ...
    def runtime(self, namespace: str, name: str) -> Document | None: ...


_CONTAINER = tuple(json_name(attribute) for attribute in ContainerFields.model_fields)
_OWN = ("model", "workerSpec", "containers")
_FROM_MODEL = (
    ("storageUri", names.ENV_STORAGE_URI),
    ("protocolVersion", names.ENV_PROTOCOL_VERSION),
)

assert set(_CONTAINER) < {json_name(attribute) for attribute in ModelSpec.model_fields}


def predictor_in_use(predictor: dict[str, Any] | None) -> bool:
    """Whether a readable predictor describes pods; not every field counts (the wide test)."""
    return predictor is not None and _in_use(PredictorSpec.model_validate(predictor))


def migrate(spec: dict[str, Any], namespace: str, lookup: Known) -> None:
    """Fill engine, model and runtime of a service from its predictor, unless it has an engine.

    Raises ``AdmissionDenied`` when no model of the predictor's name exists.
    """
    if spec.get("engine") is not None:
        return
    predictor: dict[str, Any] = spec["predictor"]
    model: dict[str, Any] = predictor.get("model") or {}
    if not spec.get("model") and model.get("baseModel"):
        name = model["baseModel"]
        spec["model"] = {"name": name, "kind": _model_kind(name, namespace, lookup)}
        if model.get("fineTunedWeights"):
            spec["model"]["fineTunedWeights"] = list(model["fineTunedWeights"])
    if not spec.get("runtime") and model.get("runtime"):
        name = model["runtime"]
        spec["runtime"] = {"name": name, "kind": _runtime_kind(name, namespace, lookup)}
    spec["engine"] = _engine(predictor, model)


def _engine(predictor: dict[str, Any], model: dict[str, Any]) -> dict[str, Any]:
    engine = {
        name: copy.deepcopy(value)
        for name, value in predictor.items()
        if name not in _OWN and value is not None
    }
    runner, others = _split(copy.deepcopy(predictor.get("containers") or []))
    runner = _completed(runner, copy.deepcopy(model))
    if runner:
        engine["runner"] = runner
    if others:
        engine["containers"] = others
    if predictor.get("workerSpec") is not None:
        engine["worker"] = copy.deepcopy(predictor["workerSpec"])
    return engine


def _split(containers: list[dict[str, Any]]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The container that runs the model, and the others in their order.

    It is the one called ``ome-container``, else the first with ``ome`` in its name, else the first.
    """
    if not containers:
        return {}, []
    called = [str(container.get("name") or "") for container in containers]
    exact = [index for index, name in enumerate(called) if name == names.CONTAINER_MAIN]
    near = [index for index, name in enumerate(called) if "ome" in name.lower()]
    chosen = (exact or near or [0])[0]
    return containers[chosen], containers[:chosen] + containers[chosen + 1 :]


def _completed(runner: dict[str, Any], model: dict[str, Any]) -> dict[str, Any]:
    """The runner with what the predictor's model says of a container.

    What the runner says itself wins, but for variables: those of the model come later, and the
    later one counts. Without a container the model's own fields are one.
    """
    inlined = {
        name: model[name] for name in _CONTAINER if model.get(name) not in (None, "", [], {})
    }
    if not runner and not inlined:
        return {}
    if not runner:
        runner = {"name": names.CONTAINER_MAIN}
        runner.update((name, value) for name, value in inlined.items() if name != "env")
    for name, value in inlined.items():
        if name not in ("name", "env") and runner.get(name) in (None, "", [], {}):
            runner[name] = value
    variables = [*(runner.get("env") or []), *inlined.get("env", ())]
    variables += [
        {"name": variable, "value": model[field]}
        for field, variable in _FROM_MODEL
        if model.get(field)
    ]
    if variables:
        runner["env"] = _unique(variables)
    return runner


def _unique(variables: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """One entry for each name: the last one's value at the place of the first."""
    found: dict[Any, dict[str, Any]] = {}
    for variable in variables:
        found[variable.get("name")] = variable
    return list(found.values())


def _runtime_kind(name: str, namespace: str, lookup: Known) -> str:
    found = lookup.runtime(namespace, name)
    own = found is not None and found.get("kind") == "ServingRuntime"
    return "ServingRuntime" if own else "ClusterServingRuntime"


def _model_kind(name: str, namespace: str, lookup: Known) -> str:
    """``ClusterBaseModel`` if there is one of that name, else ``BaseModel`` if there is one."""
    failures: dict[str, OmeError] = {}
    for kind, scope in (("ClusterBaseModel", ""), ("BaseModel", namespace)):
        try:
            found = lookup.base_model(scope, name)
        except (ApiError, TransportError) as error:
            failures[kind] = error
            continue
        if found is not None and found.get("kind") == kind:
            return kind
    if failures:
        raise _unanswered(name, namespace, failures)
    field = "spec.predictor.model.baseModel"
    text = (
        f"neither ClusterBaseModel nor BaseModel found with name {name} (BaseModel in namespace"
        f" {namespace}); create the model first or correct {field}"
    )
    raise AdmissionDenied(text, [(field, text)])


def _unanswered(name: str, namespace: str, failures: dict[str, OmeError]) -> OmeError:
    """The failed look-ups as one error, with the code of the first."""
    at_cluster = failures.get("ClusterBaseModel")
    in_namespace = failures.get("BaseModel")
    cluster = (
        f"ClusterBaseModel {name} not found"
        if at_cluster is None
        else f"failed to get ClusterBaseModel {name}: {at_cluster}"
    )
    local = (
        f"BaseModel {name} not found in namespace {namespace}"
        if in_namespace is None
        else f"failed to get BaseModel {name} in namespace {namespace}: {in_namespace}"
    )
    text = f"{cluster}; {local}; the service was not judged, try again"
    first = at_cluster or in_namespace
    if isinstance(first, ApiError):
        return api_error(text, status=first.status, reason=first.reason)
    return TransportError(text)
