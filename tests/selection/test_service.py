"""What a service asks of its runtime."""

from __future__ import annotations

from typing import Any

import pytest

from ome.api import InferenceService
from ome.selection import complete_runner, required_classes


def service(spec: dict[str, Any]) -> InferenceService:
    return InferenceService.model_validate({"spec": spec})


def by_class(name: str) -> dict[str, Any]:
    return {"acceleratorClass": name}


CLASSES: list[tuple[dict[str, Any], set[str]]] = [
    ({}, set()),
    ({"acceleratorSelector": {"policy": "BestFit"}}, set()),
    ({"acceleratorSelector": by_class("")}, {""}),
    (
        {
            "acceleratorSelector": by_class("a"),
            "engine": {"acceleratorOverride": by_class("b")},
            "decoder": {"acceleratorOverride": by_class("b")},
        },
        {"a", "b"},
    ),
]


@pytest.mark.parametrize(("spec", "names"), CLASSES)
def test_required_classes(spec: dict[str, Any], names: set[str]) -> None:
    assert required_classes(service(spec)) == names
    annotated = InferenceService.model_validate(
        {"metadata": {"annotations": {"ome.io/accelerator-class": "c"}}, "spec": spec}
    )
    assert required_classes(annotated) == names | {"c"}


IMAGE = {"runner": {"name": "a", "image": "b"}}
RUNNERS: list[tuple[dict[str, Any], bool]] = [
    ({}, False),
    ({"engine": {}}, False),
    ({"engine": {"runner": {"image": ""}}}, False),
    ({"engine": {"containers": [{"name": "a", "image": "b"}]}}, False),
    ({"engine": IMAGE}, True),
    ({"engine": {"leader": IMAGE}}, False),
    ({"engine": {"leader": IMAGE, "worker": {}}}, False),
    ({"engine": {"leader": IMAGE, "worker": IMAGE}}, True),
]


@pytest.mark.parametrize(("spec", "complete"), RUNNERS)
def test_complete_runner(spec: dict[str, Any], complete: bool) -> None:
    assert complete_runner(service(spec)) == complete
