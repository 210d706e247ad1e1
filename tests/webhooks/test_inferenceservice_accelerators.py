"""What is said of accelerators and has no effect."""

from __future__ import annotations

from typing import Any

import pytest

from ome.api import InferenceService
from ome.webhooks.inferenceservice import validate
from ome.webhooks.inferenceservice.accelerators import accelerator_warnings
from tests.webhooks.objects import cluster, document, model, review, runtime

SHARED = "spec.acceleratorSelector"
ENGINE = "spec.engine.acceleratorOverride"
DECODER = "spec.decoder.acceleratorOverride"
BIG = {"constraints": {"minMemory": 100}}
FIT = {"policy": "BestFit"}
H100 = {"acceleratorClass": "h100"}
LOST = ".constraints: do nothing without a policy, so no class is chosen; set {0}.policy to BestFit"
UNASKED = ".constraints: are not checked, as class h100 is named; remove the name and set a policy"
BEATEN = ".policy: BestFit chooses nothing, as class h100 is named; remove the name or the policy"

Selector = dict[str, Any] | None
# The service's, the engine's and the decoder's, the annotation, and how the remarks begin.
TABLE: list[tuple[Selector, Selector, Selector, str, list[str]]] = [
    (None, None, None, "", []),
    (None, None, None, "h100", []),
    ({**FIT, **BIG}, None, None, "", []),
    (H100, None, None, "", []),
    ({"constraints": {}}, None, None, "", []),
    (BIG, None, None, "", [SHARED + LOST.format(SHARED)]),
    (BIG, FIT, None, "", []),
    (BIG, None, FIT, "", []),
    ({**BIG, **H100}, None, None, "", [SHARED + UNASKED]),
    (BIG, H100, None, "", [SHARED + UNASKED]),
    (BIG, None, None, "h100", [SHARED + UNASKED]),
    ({**FIT, **H100}, None, None, "", [SHARED + BEATEN]),
    (None, BIG, None, "", [ENGINE + LOST.format(ENGINE)]),
    (FIT, BIG, None, "", []),
    (H100, BIG, None, "", [ENGINE + UNASKED]),
    (H100, FIT, None, "", [ENGINE + BEATEN]),
    (None, FIT, None, "h100", [ENGINE + BEATEN]),
    (FIT, None, {**FIT, **H100}, "", [DECODER + BEATEN]),
    (FIT, {"acceleratorClass": ""}, None, "h100", []),
    (None, None, BIG, "", [DECODER + LOST.format(DECODER)]),
]


def service(shared: Selector, engine: Selector, decoder: Selector, noted: str) -> dict[str, Any]:
    spec: dict[str, Any] = {"model": {"name": "llama"}, "engine": {}}
    if shared is not None:
        spec["acceleratorSelector"] = shared
    for name, selector in (("engine", engine), ("decoder", decoder)):
        if selector is not None:
            spec[name] = {"acceleratorOverride": selector}
    notes = {"ome.io/accelerator-class": noted} if noted else None
    return document("InferenceService", "chat", spec, notes)


@pytest.mark.parametrize(("shared", "engine", "decoder", "noted", "expected"), TABLE)
def test_what_has_no_effect_is_said(
    shared: Selector, engine: Selector, decoder: Selector, noted: str, expected: list[str]
) -> None:
    given = InferenceService.model_validate(service(shared, engine, decoder, noted))
    said = list(accelerator_warnings(given))
    assert len(said) == len(expected), said
    for text, start in zip(said, expected, strict=True):
        assert text.startswith(start)


def test_admission_says_it_and_refuses_nothing() -> None:
    verdict = validate(review(service(BIG, None, None, "")), cluster(model(), runtime()))
    assert verdict.problems == ()
    assert any(text.startswith(SHARED + ".constraints") for text in verdict.warnings)
