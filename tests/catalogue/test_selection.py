"""Every model finds a runtime, by the code that the controller runs."""

from __future__ import annotations

import collections
import functools
from typing import TYPE_CHECKING

import pytest

from ome.errors import SelectionError
from ome.selection import Exclusion, judge, select_runtime, validate_named_runtime
from tests.catalogue.support import (
    after_download,
    candidates,
    engine_of,
    gigabytes,
    known,
    objects,
    reported,
    request,
)

if TYPE_CHECKING:
    from hack.model_catalogue.facts import Model

NODE_OF_141_GB = ("deepseek-v3-8gpu", "deepseek-v4-8gpu")
"""Shapes whose GPUs must be larger than the usual 80 GB."""
BETWEEN = ("-llama-2gpu", "-mistral-2gpu")
"""For users' models between the sizes of the catalogue's."""
MODELS = pytest.mark.parametrize("model", known().models, ids=lambda model: model.name)


@functools.cache
def chosen(model: Model) -> str:
    wanted = request(model.name, objects()[model.name]["spec"])
    return select_runtime(wanted, candidates()).runtime.name


@MODELS
def test_a_model_finds_a_runtime_before_its_files_are_read(model: Model) -> None:
    selection = select_runtime(request(model.name, objects()[model.name]["spec"]), candidates())
    eligible = [verdict for verdict in selection.verdicts if verdict.exclusion is None]
    totals = [verdict.score.total for verdict in eligible]
    names = [verdict.runtime.name for verdict in eligible]
    assert len(set(totals)) == len(totals), f"decided by name only: {names}"
    engines = {engine_of(name) for name in names}
    assert engine_of(selection.runtime.name) == ("sglang" if "sglang" in engines else "vllm")


@MODELS
def test_the_files_change_nothing(model: Model) -> None:
    spec = after_download(objects()[model.name]["spec"], reported(model))
    assert spec["storage"]["path"], "an agent fills in what the chart leaves open"
    assert select_runtime(request(model.name, spec), candidates()).runtime.name == chosen(model)


@MODELS
def test_a_users_own_copy_finds_the_same(model: Model) -> None:
    """A model that says only where its files are, once an agent has read them."""
    bare = {"storage": {"storageUri": "pvc://models/copy"}}
    if model.framework != "transformers":
        # Its files look like a chat model's: this is what a user has to say.
        bare |= {"modelFramework": {"name": model.framework}}
    spec = after_download(bare, reported(model))
    assert select_runtime(request(model.name, spec), candidates()).runtime.name == chosen(model)


@MODELS
def test_the_weights_fit_on_the_gpus(model: Model) -> None:
    """With a tenth of the memory left for the rest, on GPUs of 80 GB."""
    for runtime in candidates():
        if judge(runtime, request(model.name, objects()[model.name]["spec"])).exclusion:
            continue
        shape = runtime.name.removesuffix("-pd").rpartition("-")[2].removesuffix("gpu")
        nodes, _, gpus = shape.rpartition("x")
        size = 141 if runtime.name.endswith(NODE_OF_141_GB) else 80
        assert gigabytes(model) < 0.9 * size * int(nodes or 1) * int(gpus), runtime.name


def test_each_engine_serves_enough() -> None:
    for engine, least in (("sglang", 60), ("vllm", 60)):
        only = [runtime for runtime in candidates() if engine_of(runtime.name) == engine]
        found = 0
        for model in known().models:
            try:
                select_runtime(request(model.name, objects()[model.name]["spec"]), only)
            except SelectionError:
                continue
            found += 1
        assert found >= least, engine


def test_no_runtime_is_there_for_nothing() -> None:
    """Each serves a model of the catalogue; one that is never chosen serves it by name."""
    serves = collections.Counter[str]()
    for model in known().models:
        wanted = request(model.name, objects()[model.name]["spec"])
        for runtime in candidates():
            verdict = judge(runtime, wanted)
            if verdict.exclusion is None:
                serves[runtime.name] += 1
            elif verdict.exclusion is Exclusion.NOT_ELIGIBLE:
                named = validate_named_runtime(
                    runtime.name, "ClusterServingRuntime", wanted, candidates()
                )
                assert named.entry is not None
                serves[runtime.name] += 1
    idle = [runtime.name for runtime in candidates() if not serves[runtime.name]]
    assert [name for name in idle if not name.endswith(BETWEEN)] == []


def test_every_shape_is_there() -> None:
    names = [runtime.name for runtime in candidates()]
    assert sum(name.startswith("sglang") and name.endswith("-pd") for name in names) >= 8
    assert sum("2x8gpu" in name for name in names) >= 4
    assert any(name.startswith("vllm") and "2x8gpu" in name for name in names)
    assert any("2x8gpu-pd" in name for name in names)


def test_an_embedding_model_is_not_served_as_a_chat_model() -> None:
    for model in known().models:
        is_chat = bool({"TEXT_TO_TEXT", "IMAGE_TEXT_TO_TEXT"} & set(model.capabilities))
        command = objects()[chosen(model)]["spec"]["engineConfig"].get("runner", {}).get("command")
        embeds = command is not None and "--is-embedding" in command
        assert embeds is not is_chat, model.name
