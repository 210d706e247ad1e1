"""Does an entry match a model: every dimension, its presence, and the words of a mismatch."""

from __future__ import annotations

from typing import Any

import pytest

from ome.selection import entry_matches, mismatches, model_label
from tests.selection.support import entry, model

Json = dict[str, Any]


# Presence: both, none, or only one side.


@pytest.mark.parametrize(
    ("wanted", "given", "reasons"),
    [
        ({}, {}, []),
        ({"modelArchitecture": "A"}, {"modelArchitecture": "A"}, []),
        (
            {"modelArchitecture": "A"},
            {"modelArchitecture": "B"},
            ["architecture mismatch (model=B, runtime=A)"],
        ),
        (
            {"modelArchitecture": "A"},
            {},
            ["model has no architecture but runtime requires A"],
        ),
        (
            {},
            {"modelArchitecture": "B"},
            ["model has architecture B but runtime has no architecture requirement"],
        ),
        ({"quantization": "fp8"}, {"quantization": "fp8"}, []),
        ({"quantization": ""}, {"quantization": ""}, []),
        (
            {"quantization": "fp8"},
            {"quantization": "int4"},
            ["quantization mismatch (model=int4, runtime=fp8)"],
        ),
        (
            {"quantization": "fp8"},
            {},
            ["model has no quantization but runtime requires fp8"],
        ),
        (
            {},
            {"quantization": "fp8"},
            ["model has quantization fp8 but runtime has no quantization requirement"],
        ),
        (
            {},
            {"quantization": ""},
            ["model has quantization  but runtime has no quantization requirement"],
        ),
        ({"framework": "transformers"}, {"framework": "transformers"}, []),
        (
            {"framework": "transformers"},
            {"framework": "diffusers"},
            ["framework name mismatch (model=diffusers, runtime=transformers)"],
        ),
        (
            {"framework": "transformers"},
            {},
            ["model has no framework but runtime requires transformers"],
        ),
        (
            {},
            {"framework": "transformers"},
            ["model has framework transformers but runtime has no framework requirement"],
        ),
    ],
)
def test_presence_counts_on_both_sides(wanted: Json, given: Json, reasons: list[str]) -> None:
    found = entry(**wanted), model(**given)
    assert mismatches(*found) == reasons
    assert entry_matches(*found) is (reasons == [])


@pytest.mark.parametrize("what", ["format", "framework"])
@pytest.mark.parametrize(
    ("wanted", "given", "reason"),
    [
        ({}, {}, None),
        ({"version": "1.0.0"}, {"version": "1.0.0"}, None),
        ({"version": "1.0"}, {"version": "v1.0.0"}, None),
        ({"version": "2.0.0", "operator": "GreaterThan"}, {"version": "1.0.0"}, None),
        (
            {"version": "2.0.0"},
            {"version": "1.0.0"},
            "{what} version mismatch (model=1.0.0, runtime=2.0.0)",
        ),
        (
            {"version": "latest"},
            {"version": "latest"},
            "{what} version mismatch (model=latest, runtime=latest)",
        ),
        ({"version": "2.0.0"}, {}, "model has no {what} version but runtime requires 2.0.0"),
        (
            {},
            {"version": "1.0.0"},
            "model has {what} version but runtime has no version requirement (give its entry of"
            " supportedModelFormats model{What}.version 1.0.0)",
        ),
    ],
)
def test_versions_count_on_both_sides(
    what: str, wanted: Json, given: Json, reason: str | None
) -> None:
    if what == "format":
        found = entry({"name": "x", **wanted}), model({"name": "x", **given})
    else:
        pair = {"name": "x", **wanted}, {"name": "x", **given}
        found = entry(framework=pair[0]), model(framework=pair[1])
    expected = [] if reason is None else [reason.format(what=what, What=what.capitalize())]
    assert mismatches(*found) == expected
    assert entry_matches(*found) is (reason is None)


def test_names_are_compared_exactly() -> None:
    reasons = mismatches(entry("SafeTensors"), model("safetensors"))
    assert reasons == ["format name mismatch (model=safetensors, runtime=SafeTensors)"]


def test_a_wrong_name_says_nothing_of_the_version() -> None:
    wanted = entry({"name": "a", "version": "1"}, framework={"name": "f", "version": "1"})
    given = model({"name": "b", "version": "2"}, framework={"name": "g", "version": "2"})
    assert mismatches(wanted, given) == [
        "format name mismatch (model=b, runtime=a)",
        "framework name mismatch (model=g, runtime=f)",
    ]


def test_all_reasons_stand_in_the_order_of_the_dimensions() -> None:
    wanted = entry(
        "a",
        diffusionPipeline={},
        modelArchitecture="A",
        quantization="fp8",
        framework={"name": "f", "version": "1.0.0"},
    )
    given = model("b", framework={"name": "f", "version": "2.0.0"})
    assert mismatches(wanted, given) == [
        "diffusion pipeline required by runtime but not specified in model",
        "model has no architecture but runtime requires A",
        "model has no quantization but runtime requires fp8",
        "format name mismatch (model=b, runtime=a)",
        "framework version mismatch (model=2.0.0, runtime=1.0.0)",
    ]


def test_an_entry_without_format_never_matches() -> None:
    assert mismatches(entry(None), model()) == ["unknown mismatch"]
    assert not entry_matches(entry(None), model())
    with_reason = mismatches(entry(None, quantization="fp8"), model())
    assert with_reason == ["model has no quantization but runtime requires fp8"]


# Diffusion pipelines.

FULL: Json = {
    "className": "FluxPipeline",
    "scheduler": {"library": "diffusers", "type": "Euler"},
    "textEncoder": {"library": "transformers", "type": "CLIP"},
    "tokenizer": {"library": "transformers", "type": "CLIPTokenizer"},
    "transformer": {"library": "diffusers", "type": "Flux"},
    "vae": {"library": "diffusers", "type": "KL"},
    "additionalComponents": {"image_encoder": {"library": "transformers", "type": "V"}},
}


def changed(**parts: Any) -> Json:
    return {key: value for key, value in {**FULL, **parts}.items() if value is not None}


@pytest.mark.parametrize(
    ("wanted", "given", "reason"),
    [
        (None, None, None),
        (None, FULL, None),
        ({}, {}, None),
        ({}, FULL, None),
        (FULL, FULL, None),
        ({"vae": {}}, FULL, None),
        ({"vae": {"library": "", "type": "KL"}}, FULL, None),
        ({"additionalComponents": {}}, changed(additionalComponents=None), None),
        ({}, None, "diffusion pipeline required by runtime but not specified in model"),
        (
            {"className": "Other"},
            FULL,
            "pipeline class mismatch (model=FluxPipeline, runtime=Other)",
        ),
        (
            {"className": "Other"},
            {},
            "pipeline class mismatch (model=<nil>, runtime=Other)",
        ),
        *(
            (
                FULL,
                changed(**{part: None}),
                f"component {part} required by runtime but not specified in model",
            )
            for part in ("scheduler", "textEncoder", "tokenizer", "transformer", "vae")
        ),
        (
            {"vae": {"library": "a", "type": "b"}},
            FULL,
            "vae library mismatch (model=diffusers, runtime=a)",
        ),
        (
            {"textEncoder": {"type": "b"}},
            FULL,
            "textEncoder type mismatch (model=CLIP, runtime=b)",
        ),
        ({"vae": {"type": "b"}}, {"vae": {}}, "vae type mismatch (model=, runtime=b)"),
        (
            {"vae": {"type": "b"}, "scheduler": {"type": "b"}},
            FULL,
            "scheduler type mismatch (model=Euler, runtime=b)",
        ),
        (
            FULL,
            changed(additionalComponents=None),
            "diffusion pipeline missing required additional components",
        ),
        (
            {"additionalComponents": {"z": {}, "b": {}, "image_encoder": {"type": "X"}}},
            FULL,
            "diffusion component b missing in model",
        ),
        (
            {"additionalComponents": {"image_encoder": {"type": "X"}}},
            FULL,
            "image_encoder type mismatch (model=V, runtime=X)",
        ),
    ],
)
def test_a_pipeline_is_checked_in_order(
    wanted: Json | None, given: Json | None, reason: str | None
) -> None:
    found = entry(diffusionPipeline=wanted), model(diffusionPipeline=given)
    assert mismatches(*found) == ([] if reason is None else [reason])


# The label.


def test_the_label_joins_what_is_there() -> None:
    full = model(
        {"name": "pytorch", "version": "1.0.0"},
        framework={"name": "transformers", "version": "4.0.0"},
        modelArchitecture="transformer",
        quantization="fp16",
    )
    assert model_label(full) == "mt:pytorch:1.0.0:transformer:fp16:transformers:4.0.0"
    assert model_label(model("onnx")) == "mt:onnx"
    assert model_label(model("onnx", framework="ort")) == "mt:onnx:ort"
