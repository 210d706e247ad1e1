"""What a reference to a model may mean, as a table."""

from __future__ import annotations

from typing import Any

import pytest

from ome.api.references import ModelKey, base_model, base_model_of, models_named

LOCAL = ModelKey("BaseModel", "demo", "llama")
ELSEWHERE = ModelKey("BaseModel", "models", "llama")
SHARED = ModelKey("ClusterBaseModel", "", "llama")


@pytest.mark.parametrize(
    ("kind", "meant"),
    [
        ("BaseModel", (LOCAL,)),
        ("ClusterBaseModel", (LOCAL, SHARED)),
        ("", (LOCAL, SHARED)),
        ("Model", (LOCAL, SHARED)),
    ],
)
def test_what_a_service_names(kind: str, meant: tuple[ModelKey, ...]) -> None:
    assert models_named(kind, "llama", "demo") == meant


@pytest.mark.parametrize(
    ("namespace", "meant"), [("models", ELSEWHERE), ("demo", LOCAL), ("", SHARED), (None, SHARED)]
)
def test_the_base_model_of_a_weight(namespace: str | None, meant: ModelKey) -> None:
    assert base_model("llama", namespace) == meant
    stored = {"name": "llama"} if namespace is None else {"name": "llama", "namespace": namespace}
    assert base_model_of({"baseModelRef": stored}) == meant


@pytest.mark.parametrize(
    "spec", [{}, {"baseModelRef": None}, {"baseModelRef": {}}, {"baseModelRef": {"name": ""}}]
)
def test_a_weight_that_names_no_base_model(spec: dict[str, Any]) -> None:
    assert base_model_of(spec) is None


def test_how_users_are_told_of_a_model() -> None:
    assert str(ELSEWHERE) == "BaseModel llama in namespace models"
    assert str(SHARED) == "ClusterBaseModel llama"
