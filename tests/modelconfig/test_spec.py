"""What is written to a model's spec."""

from __future__ import annotations

from typing import Any

import pytest

from ome.api.models import BaseModelSpec
from ome.controllers.basemodel.backfill import GO_CONFIGURATION
from ome.modelconfig.describe import describe
from ome.modelconfig.record import Record
from ome.modelconfig.spec import configuration, filled, rules_of, spec_values
from ome.sandbox.safetensors_files import llama_repository
from tests.modelconfig.support import directory
from tests.modelconfig.test_pipeline import INDEX

TINY = describe(directory(llama_repository()))


def test_all_of_a_language_model() -> None:
    assert spec_values(TINY) == {
        "modelType": "llama",
        "modelArchitecture": "LlamaForCausalLM",
        "modelFramework": {"name": "transformers", "version": "4.43.0"},
        "modelFormat": {"name": "safetensors", "version": "1.0.0"},
        "modelParameterSize": "92.56K",
        "modelCapabilities": ["TEXT_TO_TEXT"],
        "maxTokens": 2048,
        "modelConfiguration": {
            "model_type": "llama",
            "architecture": "LlamaForCausalLM",
            "context_length": 2048,
            "parameter_count": "92.56K",
            "has_vision": False,
            "is_embedding": False,
            "transformers_version": "4.43.0",
            "torch_dtype": "float32",
            "model_size_bytes": 370256,
        },
    }


def test_all_of_a_pipeline() -> None:
    values = spec_values(describe(directory({"model_index.json": INDEX})))
    assert (
        values["modelFormat"]
        == values["modelFramework"]
        == {
            "name": "diffusers",
            "version": "0.30.0",
        }
    )
    assert values["modelCapabilities"] == ["TEXT_TO_IMAGE"]
    assert values["diffusionPipeline"]["className"] == "StableDiffusionPipeline"
    assert "modelParameterSize" not in values


def test_nothing_empty_is_written() -> None:
    assert spec_values(Record("new")) == {
        "modelType": "new",
        "modelFramework": {"name": "transformers"},
        "modelFormat": {"name": "safetensors", "version": "1.0.0"},
        "modelCapabilities": ["TEXT_TO_TEXT"],
        "modelConfiguration": configuration(Record("new")),
    }
    assert configuration(Record("new"))["parameter_count"] == "0"


def test_a_pipeline_without_a_version_names_none() -> None:
    index = {key: value for key, value in INDEX.items() if key != "_diffusers_version"}
    values = spec_values(describe(directory({"model_index.json": index})))
    assert values["modelFormat"] == {"name": "diffusers"}


@pytest.mark.parametrize(
    ("length", "expected"), [(2**31 - 1, 2**31 - 1), (2**31, 2**31 - 1), (10485760, 10485760)]
)
def test_contexts_beyond_32_bits_are_cut(length: int, expected: int) -> None:
    record = Record("new", context_length=length, rules={"maxTokens": "n_ctx"})
    assert spec_values(record)["maxTokens"] == expected
    assert ("cut from" in rules_of(record)["maxTokens"]) is (length > expected)


def test_other_formats_have_no_version() -> None:
    assert spec_values(Record("new", format_name="gguf"))["modelFormat"] == {"name": "gguf"}


@pytest.mark.parametrize(
    "record",
    [
        TINY,
        describe(directory({"model_index.json": INDEX})),
        Record("new", quantization_method="fp8"),
    ],
)
def test_the_kinds_take_the_values_and_each_has_a_rule(record: Record) -> None:
    values = spec_values(record)
    spec = BaseModelSpec.model_validate({"storage": {"storageUri": "hf://a/b"}, **values})
    assert (
        spec.model_dump(by_alias=True, exclude_none=True).items()
        >= {"modelType": values["modelType"]}.items()
    )
    assert rules_of(record).keys() == values.keys()


def test_the_summary_has_the_members_that_mark_it_as_derived() -> None:
    assert configuration(TINY).keys() == GO_CONFIGURATION


VALUES = spec_values(TINY)


@pytest.mark.parametrize(
    ("spec", "field", "expected"),
    [
        ({}, "modelType", "llama"),
        ({"modelType": "mine"}, "modelType", "mine"),
        ({"modelType": ""}, "modelType", ""),
        ({"modelCapabilities": []}, "modelCapabilities", ["TEXT_TO_TEXT"]),
        ({"modelCapabilities": ["CHAT"]}, "modelCapabilities", ["CHAT"]),
        ({"modelFormat": {"name": ""}}, "modelFormat", VALUES["modelFormat"]),
        ({"modelFormat": {}}, "modelFormat", VALUES["modelFormat"]),
        ({"modelFormat": {"name": "SafeTensors"}}, "modelFormat",
         {"name": "SafeTensors", "version": "1.0.0"}),
        ({"modelFormat": {"name": "onnx"}}, "modelFormat", {"name": "onnx"}),
        ({"modelFormat": {"name": "safetensors", "version": "2"}}, "modelFormat",
         {"name": "safetensors", "version": "2"}),
        ({"modelConfiguration": {"mine": 1}}, "modelConfiguration", {"mine": 1}),
        ({"maxTokens": 5}, "maxTokens", 5),
    ],
)  # fmt: skip
def test_values_of_the_user_stay(spec: dict[str, Any], field: str, expected: Any) -> None:
    assert filled(spec, VALUES)[field] == expected
