"""A service that is stored is not refused an edit for what others, or admission, have written."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ome.api.filled import mark_of
from ome.webhooks.inferenceservice import default, validate
from tests.webhooks.objects import cluster, document, model, review, runtime, told

SERVICE = document("InferenceService", "chat", {"model": {"name": "llama"}, "engine": {}})
EDITED = document(
    "InferenceService", "chat", {"model": {"name": "llama"}, "engine": {"maxReplicas": 3}}
)


def described(version: str = "1.0.0", *, by_us: bool = True) -> dict[str, Any]:
    """The model with a version of its format, which its user left out and the runtime does too."""
    held = model()
    held["spec"]["modelFormat"] = {**held["spec"]["modelFormat"], "version": version}
    if by_us:
        mark = f"modelFormat.version={mark_of(version)}"
        held["metadata"]["annotations"] = {"ome.io/auto-filled-fields": mark}
    return held


def test_an_edit_is_taken_with_a_remark() -> None:
    held = cluster(described(), runtime())
    verdict = validate(review(EDITED, old=SERVICE), held)
    assert verdict.problems == (), told(verdict)
    (remark,) = [text for text in verdict.warnings if "what the user of model llama wrote" in text]
    assert "1.0.0" in remark
    assert "where pods run they stay with it" in remark


def test_a_new_service_is_refused() -> None:
    (problem,) = validate(review(SERVICE), cluster(described(), runtime())).problems
    assert problem.field == "spec.runtime"


@pytest.mark.parametrize(
    "lacking", [cluster(described(by_us=False), runtime()), cluster(described())]
)
def test_an_edit_is_refused_where_nothing_would_be_kept(lacking: Any) -> None:
    """The model's own user wrote the version, or the runtime is gone."""
    (problem,) = validate(review(EDITED, old=SERVICE), lacking).problems
    assert problem.field == "spec.runtime"


STORED_WITHOUT_WEBHOOK = [
    ({"model": {"name": "gone"}, "engine": {}}, cluster()),
    ({"predictor": {"model": {"baseModel": "llama"}}}, cluster(model())),
    ({"model": {"name": "llama"}, "engine": {}}, cluster(model())),
]


@pytest.mark.parametrize(("spec", "held"), STORED_WITHOUT_WEBHOOK)
def test_a_finalizer_or_a_label_is_no_edit(spec: dict[str, Any], held: Any) -> None:
    """What was stored while no webhook ran is neither refused nor scaled by it."""
    stored = document("InferenceService", "chat", spec)
    update = review(document("InferenceService", "chat", spec, finalizers=["f"]), old=stored)
    assert default(update, held) == update.object
    assert validate(update, held).problems == ()


@pytest.mark.parametrize(("spec", "held"), STORED_WITHOUT_WEBHOOK)
def test_an_edit_is_completed_and_judged(spec: dict[str, Any], held: Any) -> None:
    stored = document("InferenceService", "chat", spec)
    edited = document("InferenceService", "chat", {**spec, "router": {}})
    update = review(edited, old=stored)
    update = replace(update, object=default(update, held))
    assert update.object is not None
    assert update.object["spec"]["router"]["maxReplicas"] == 2
    assert validate(update, held).problems != ()


def test_a_mode_that_is_taken_away_is_written_anew() -> None:
    stored = document("InferenceService", "chat", {}, {"ome.io/deploymentMode": "RawDeployment"})
    update = review(document("InferenceService", "chat", {}), old=stored)
    written = default(update, cluster())["metadata"]["annotations"]
    assert written == {"ome.io/deploymentMode": "RawDeployment"}
