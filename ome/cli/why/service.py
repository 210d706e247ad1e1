"""The story of an InferenceService: pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ome.api import names
from ome.cli.why.history import history
from ome.cli.why.story import Story, condition, moment_of, span
from ome.controllers.inferenceservice.passes import is_paused
from ome.controllers.inferenceservice.pods import PodView
from ome.controllers.inferenceservice.trouble import pod_problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ome.cli.why.facts import Facts

__all__ = ["service_story"]

_NO_REPORT = (
    "the operator has not looked at it yet; is a manager running? (kubectl get pods -n ome -l"
    " control-plane=ome-controller-manager)"
)


def service_story(facts: Facts) -> Story:
    """Whether it is Ready, what keeps it from it, and what happened lately."""
    document = facts.target.document
    ready = condition(document, names.CONDITION_READY)
    well = ready.get("status") == "True" and _observed(document)
    troubles = [] if well else list(_troubles(facts))
    return Story(
        str(facts.target),
        well and not troubles,
        _answer(facts, ready),
        list(_facts(facts)),
        troubles,
        history=history(facts),
        notes=facts.notes,
    )


def _observed(document: Mapping[str, Any]) -> bool:
    """Whether the status is about the present spec."""
    observed = (document.get("status") or {}).get("observedGeneration") or 0
    generation: int = document["metadata"].get("generation") or 0
    return bool(observed >= generation)


def _answer(facts: Facts, ready: Mapping[str, Any]) -> str:
    document = facts.target.document
    if document["metadata"].get("deletionTimestamp"):
        since = moment_of(document["metadata"]["deletionTimestamp"])
        left = document["metadata"].get("finalizers") or ()
        held = ", ".join(left) or "none"
        # Without a manager it stays like this for ever, and nothing else says so.
        whose = (
            " (the manager removes that; does it run?)"
            if names.FINALIZER_INFERENCE_SERVICE in left
            else ""
        )
        return f"is being deleted, for {span(facts.now - since)}; finalizers left: {held}{whose}"
    if not ready:
        return f"is not Ready: {_NO_REPORT}"
    since = moment_of(ready.get("lastTransitionTime"))
    lasting = f" for {span(facts.now - since)}" if since else ""
    if not _observed(document):
        return f"has a spec that the operator has not acted on yet (Ready {ready.get('status')})"
    if ready.get("status") == "True":
        url = (document.get("status") or {}).get("url")
        return f"is Ready{lasting}" + (f", at {url}" if url else "")
    return f"is not Ready{lasting}"


def _facts(facts: Facts) -> Iterator[tuple[str, str]]:
    document = facts.target.document
    spec, annotations = document.get("spec") or {}, document["metadata"].get("annotations") or {}
    if facts.model is not None:
        yield "model", _model(facts.model)
    elif (spec.get("model") or {}).get("name"):
        yield "model", f"{spec['model']['name']}: there is none of that name"
    yield "runtime", _runtime(facts)
    mode = annotations.get(names.ANNOTATION_DEPLOYMENT_MODE)
    if mode:
        yield "mode", mode
    if is_paused(annotations):
        yield "paused", f"nothing is changed for it ({names.ANNOTATION_PAUSED})"
    pending = condition(document, names.CONDITION_ROLLOUT_PENDING)
    if pending:
        yield "rollout", str(pending.get("message") or "")
    pods: dict[str, list[Mapping[str, Any]]] = {}
    for pod in facts.pods:
        labels = pod["metadata"].get("labels") or {}
        pods.setdefault(labels.get(names.LABEL_COMPONENT, "pods"), []).append(pod)
    for component, group in sorted(pods.items()):
        yield component, f"{sum(map(_is_ready, group))} of {len(group)} pods ready"
    if not pods:
        yield "pods", "none"


def _runtime(facts: Facts) -> str:
    spec = facts.target.document.get("spec") or {}
    named = (spec.get("runtime") or {}).get("name")
    if named:
        return f"{named}, as the service names it"
    labels = (pod["metadata"].get("labels") or {} for pod in facts.pods)
    used = dict.fromkeys(
        held[names.LABEL_SERVING_RUNTIME] for held in labels if names.LABEL_SERVING_RUNTIME in held
    )
    return f"{', '.join(used) or 'none yet'}, chosen by the operator (see ome explain)"


def _model(model: Mapping[str, Any]) -> str:
    status = model.get("status") or {}
    named = f"{model.get('kind')} {model['metadata']['name']}"
    ready = status.get("nodesReadyCount", len(status.get("nodesReady") or ()))
    state = status.get("state") or "no report yet"
    return f"{named}: {state}, ready on {ready} nodes"


def _is_ready(pod: Mapping[str, Any]) -> bool:
    return condition(pod, "Ready").get("status") == "True"


def _troubles(facts: Facts) -> Iterator[str]:
    said: list[str] = []
    for entry in (facts.target.document.get("status") or {}).get("conditions") or ():
        type_, message = entry.get("type"), " ".join(str(entry.get("message") or "").split())
        waits = type_ in (names.CONDITION_READY, names.CONDITION_PAUSED)
        if waits or entry.get("status") == "True" or entry.get("severity") == "Info":
            continue
        if message in said or (entry.get("status") == "Unknown" and not message):
            continue
        said.append(message)
        told = ": ".join(text for text in (entry.get("reason"), message) if text)
        yield f"{type_}: {told or 'not yet'}"
    problem = pod_problem(_views(facts.pods))
    if problem and not any(problem in text for text in said):
        yield problem
    model = facts.model or {}
    told = str(condition(model, "Ready").get("message") or "")
    if model and (model.get("status") or {}).get("state") != "Ready":
        name = model["metadata"]["name"]
        yield f"model {name} is not ready: {told or 'no report yet'} (see ome why model/{name})"


def _views(pods: Sequence[Mapping[str, Any]]) -> list[PodView]:
    found: list[PodView] = []
    for pod in pods:
        try:
            found.append(msgspec.convert(pod, PodView, strict=False))
        except msgspec.ValidationError:
            continue
    return found
