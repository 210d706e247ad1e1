"""A service whose model is a fine-tuned weight, which stands for its base model as well."""

from __future__ import annotations

from typing import Any

import pytest

from ome.webhooks.inferenceservice import validate
from tests.webhooks.objects import cluster, document, model, review, runtime, told

TUNED = {"model": {"name": "legal", "kind": "FineTunedWeight"}, "engine": {}}
SERVICE = document("InferenceService", "chat", TUNED)
THERE = {"baseModelRef": {"name": "llama", "namespace": "models"}}


def legal(**spec: Any) -> dict[str, Any]:
    return document("FineTunedWeight", "legal", {"baseModelRef": {"name": "llama"}, **spec})


@pytest.mark.parametrize(
    "held",
    [
        cluster(model(), legal(), runtime()),
        cluster(
            {**model(kind="BaseModel"), "metadata": {"name": "llama", "namespace": "models"}},
            legal(**THERE),
            runtime(),
        ),
    ],
)
def test_a_weight_as_the_model_means_its_base_model(held: Any) -> None:
    verdict = validate(review(SERVICE), held)
    assert verdict.problems == (), told(verdict)
    assert [text for text in verdict.warnings if "Runtime srt will be auto-selected" in text]


@pytest.mark.parametrize(
    ("held", "text"),
    [
        (cluster(model("legal"), runtime()), "No FineTunedWeight with the name: legal; create it"),
        (
            cluster(legal(), runtime()),
            "ClusterBaseModel llama, of which FineTunedWeight legal was made, not found",
        ),
        (
            cluster(model(), legal(**THERE), runtime()),
            "BaseModel llama in namespace models, of which FineTunedWeight legal was made, not",
        ),
        (
            cluster(model(), legal(baseModelRef={}), runtime()),
            "FineTunedWeight legal has no BaseModelRef.Name specified",
        ),
    ],
)
def test_what_a_weight_as_the_model_lacks(held: Any, text: str) -> None:
    (problem,) = validate(review(SERVICE), held).problems
    assert problem.field == "spec.model.name"
    assert text in problem.message


def test_a_disabled_weight_as_the_model_is_remarked_on() -> None:
    held = cluster(model(), legal(disabled=True), runtime())
    verdict = validate(review(SERVICE), held)
    assert verdict.problems == ()
    assert any("FineTunedWeight legal is disabled" in text for text in verdict.warnings)
