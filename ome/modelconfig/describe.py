"""From the files of a model to a record of what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ome.modelconfig.families import FAMILIES, Family, language_of, problems_of
from ome.modelconfig.find import MODEL_INDEX, find_config, folder_of
from ome.modelconfig.numbers import (
    packing_of,
    quantization_method,
    quantization_of,
    size_bytes,
    torch_dtype,
)
from ome.modelconfig.pipeline import CLASS_KEYS, pipeline_context, pipeline_weights, read_pipeline
from ome.modelconfig.record import Record
from ome.modelconfig.sizes import dimensions, estimate, known_size
from ome.modelconfig.values import LARGEST, ConfigError, Fields, read_json, read_list, text_of
from ome.modelconfig.weights import count_weights

if TYPE_CHECKING:
    from ome.modelconfig.directory import Directory
    from ome.modelconfig.families import Language
    from ome.modelconfig.weights import Weights

__all__ = ["describe"]

_GENERIC_CONTEXT = (
    "max_position_embeddings",
    "max_sequence_length",
    "n_positions",
    "n_ctx",
    "max_seq_len",
)
_TORCH_NAMES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "I8": "int8",
    "U8": "uint8",
}
_OTHER_FORMATS = {
    ".bin": "pytorch",
    ".gguf": "gguf",
    ".onnx": "onnx",
    ".engine": "tensorrtllm",
}


def describe(directory: Directory) -> Record:
    """What the model in the directory is; reads, and blocks.

    Raises ``ConfigError`` when no file says it, or a file of a known family contradicts itself.
    """
    name = find_config(directory)
    is_index = name.rpartition("/")[2] == MODEL_INDEX
    what = "model_index.json" if is_index else "config file"
    try:
        config = read_json(directory, name)
        key = config.text("model_type") or (config.text(*CLASS_KEYS) if is_index else "")
        if not key:
            raise ConfigError(
                f"model_type or _class_name field is missing or empty in config file"
                f" '{directory.name}/{name}'"
            )
        if is_index and key not in FAMILIES:
            return _pipeline(directory, name, config)
        return _model(directory, name, key, config)
    except ConfigError as error:
        raise ConfigError(f"failed to parse {what} with hf_model_config: {error}") from error


def _model(directory: Directory, name: str, key: str, config: Fields) -> Record:
    family = FAMILIES.get(key)
    language = language_of(family, config)
    for problem in () if family is None else problems_of(family, language):
        raise ConfigError(
            f"invalid {family.label if family else key} configuration in"
            f" '{directory.name}/{name}': {problem}"
        )
    rules = {"modelType": "model_type", "family": key if family else "generic rules"}
    folder = folder_of(name)
    architecture = _architecture(config, family, rules)
    dtype, rules["torch_dtype"] = torch_dtype(key, config, language)
    parameters, stored, notes = _parameters(directory, folder, key, config, language, rules)
    return Record(
        model_type=key,
        architecture=architecture,
        parameter_count=parameters,
        context_length=_context(family, language, rules),
        transformers_version=config.text("transformers_version")
        or language.text("transformers_version"),
        torch_dtype=dtype,
        quantization_method=quantization_method(key, quantization_of(config, language)),
        model_size_bytes=stored or size_bytes(parameters, dtype),
        has_vision=_takes_images(family, config),
        has_audio=family is None and bool(config.inner("audio_config")),
        is_embedding=_embeds(directory, folder, key, family, architecture, rules),
        format_name=_format(directory, rules),
        config_file=name,
        family=key if family else "",
        rules=rules,
        notes=notes,
    )


def _architecture(config: Fields, family: Family | None, rules: dict[str, str]) -> str:
    named = config.raw("architectures")
    first = text_of(named[0]) if isinstance(named, list) and named else ""
    if first:
        rules["modelArchitecture"] = "first of architectures"
        return first
    rules["modelArchitecture"] = "default of the family"
    return family.architecture if family else ""


def _context(family: Family | None, language: Language, rules: dict[str, str]) -> int:
    keys = family.context if family else _GENERIC_CONTEXT
    for key in keys:
        value = language.positive(key)
        if value:
            rules["maxTokens"] = key
            return min(value, LARGEST)
    rules["maxTokens"] = "default of the family"
    return family.default_context if family else 0


def _parameters(
    directory: Directory,
    folder: str,
    key: str,
    config: Fields,
    language: Language,
    rules: dict[str, str],
) -> tuple[int, int, tuple[str, ...]]:
    """The count, the stored bytes when headers say them, and why headers were not used."""
    notes: tuple[str, ...] = ()
    try:
        packing = packing_of(quantization_of(config, language))
        weights = count_weights(directory, folder, packing)
        if weights.parameters:
            rules["modelParameterSize"] = weights.rule
            return weights.parameters, weights.size_bytes, ()
    except ConfigError as error:
        notes = (f"parameters not counted from weights: {error}",)
    size = dimensions(language)
    known = known_size(key, config, size)
    if known:
        rules["modelParameterSize"] = f"known size of {key} ({size.hidden}, {size.layers})"
        return known, 0, notes
    rules["modelParameterSize"] = "formula on the dimensions"
    return estimate(key, config, language, size), 0, notes


def _takes_images(family: Family | None, config: Fields) -> bool:
    wanted = family.vision if family else "vision_config"
    if wanted == "img_processor":
        return bool(config.inner(wanted))
    return wanted == "yes" or bool(wanted and wanted in config)


def _embeds(
    directory: Directory,
    folder: str,
    key: str,
    family: Family | None,
    architecture: str,
    rules: dict[str, str],
) -> bool:
    rule = ""
    if family is not None and family.embeds:
        rule = f"family {key}"
    elif key == "mistral" and architecture == "MistralModel":
        rule = "Mistral without a language head"
    elif _similarity(directory, f"{folder}config_sentence_transformers.json"):
        rule = "similarity_fn_name in config_sentence_transformers.json"
    elif _pools(directory, f"{folder}modules.json"):
        rule = "a Pooling module in modules.json"
    rules["is_embedding"] = rule
    return bool(rule)


def _similarity(directory: Directory, name: str) -> bool:
    if name not in directory.files():
        return False
    try:
        return bool(read_json(directory, name).text("similarity_fn_name"))
    except ConfigError:
        return False


def _pools(directory: Directory, name: str) -> bool:
    """Whether the list of modules has one that pools; its file is a list, not an object."""
    if name not in directory.files():
        return False
    try:
        modules = read_list(directory, name)
    except ConfigError:
        return False
    return any("Pooling" in Fields(module).text("type") for module in modules)


def _format(directory: Directory, rules: dict[str, str]) -> str:
    names = directory.files()
    if any(name.endswith(".safetensors") for name in names):
        rules["modelFormat"] = "*.safetensors files"
        return "safetensors"
    for suffix, found in _OTHER_FORMATS.items():
        if any(name.endswith(suffix) for name in names):
            rules["modelFormat"] = f"no *.safetensors, but *{suffix} files"
            return found
    rules["modelFormat"] = "default, as there are no weights"
    return "safetensors"


def _pipeline(directory: Directory, name: str, index: Fields) -> Record:
    pipeline = read_pipeline(index)
    folder = folder_of(name)
    rules = {
        "modelType": "a diffusion pipeline",
        "family": "pipeline rules",
        "modelArchitecture": "pipeline class",
        "modelFormat": "model_index.json",
        "maxTokens": "max_position_embeddings of the text encoder",
        "diffusionPipeline": "parts that model_index.json lists",
    }
    count, stored, dtype = 0, 0, ""
    notes: tuple[str, ...] = ()
    try:
        weights = pipeline_weights(directory, folder, pipeline)
        count, stored, dtype = weights.parameters, weights.size_bytes, _stored_dtype(weights)
        rules |= {"modelParameterSize": weights.rule, "torch_dtype": "most stored elements"}
    except ConfigError as error:
        notes = (f"parameters not counted from weights: {error}",)
    return Record(
        model_type="diffusers",
        architecture=pipeline.class_name,
        parameter_count=count,
        context_length=pipeline_context(directory, folder),
        torch_dtype=dtype,
        model_size_bytes=stored or size_bytes(count, dtype),
        has_vision=True,
        format_name="diffusers",
        pipeline=pipeline,
        config_file=name,
        family="diffusers",
        rules=rules,
        notes=notes,
    )


def _stored_dtype(weights: Weights) -> str:
    dtypes = sorted(weights.dtypes)
    most = max(dtypes, key=lambda dtype: weights.dtypes[dtype], default="")
    return _TORCH_NAMES.get(most, "")
