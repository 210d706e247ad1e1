"""What admission asks of a runtime, and whether two of them stand in each other's way."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

import pytest

from ome.selection import parse_size, parse_version, size_range
from tests.catalogue.support import candidates, engine_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ome.api import SupportedModelFormat
    from ome.selection import RuntimeCandidate

RUNTIMES = pytest.mark.parametrize("runtime", candidates(), ids=lambda runtime: runtime.name)


def entries(runtime: RuntimeCandidate) -> list[SupportedModelFormat]:
    return list(runtime.spec.supported_model_formats or ())


def identity(entry: SupportedModelFormat) -> tuple[str | None, ...]:
    """What an entry takes, its versions left out: two that say the same may meet."""
    assert entry.model_format is not None
    assert entry.model_framework is not None
    return (
        entry.model_format.name,
        entry.model_architecture,
        entry.quantization,
        entry.model_framework.name,
    )


@RUNTIMES
def test_sizes_and_versions_are_read(runtime: RuntimeCandidate) -> None:
    bounds = size_range(runtime.spec.model_size_range)
    assert bounds is not None
    assert bounds.low is not None
    assert bounds.high is not None
    assert 0 < bounds.low < bounds.high
    assert entries(runtime)
    for entry in entries(runtime):
        for named in (entry.model_format, entry.model_framework):
            assert named is not None
            assert named.version is None or parse_version(named.version) is not None
            assert named.operator in ("Equal", "GreaterThan", "GreaterThanOrEqual")


@RUNTIMES
def test_entries_agree_and_differ(runtime: RuntimeCandidate) -> None:
    """One priority and one answer to auto-select for a runtime; no entry stands there twice."""
    assert len({(entry.priority, entry.auto_select) for entry in entries(runtime)}) == 1
    assert all((entry.priority or 0) >= 1 for entry in entries(runtime))
    written = [entry.model_dump_json() for entry in entries(runtime)]
    assert len(set(written)) == len(written)


@RUNTIMES
def test_the_topology_is_whole(runtime: RuntimeCandidate) -> None:
    assert runtime.spec.engine_config is not None
    for component in (runtime.spec.engine_config, runtime.spec.decoder_config):
        if component is None:
            continue
        if component.leader is None:
            assert component.worker is None
            assert component.runner is not None
        else:
            assert component.runner is None
            assert component.worker is not None
            assert (component.worker.size or 0) > 0
    if runtime.spec.decoder_config is not None:
        assert runtime.spec.router_config is not None, "nothing joins prefill and decode"
        assert not any(entry.auto_select for entry in entries(runtime))


def overlaps(
    first: RuntimeCandidate, second: RuntimeCandidate
) -> Iterator[tuple[SupportedModelFormat, SupportedModelFormat]]:
    """The entries that both may be chosen for one model, versions not looked at."""
    one, other = size_range(first.spec.model_size_range), size_range(second.spec.model_size_range)
    if one is not None and other is not None:
        if one.high is not None and other.low is not None and one.high < other.low:
            return
        if other.high is not None and one.low is not None and other.high < one.low:
            return
    for left, right in itertools.product(entries(first), entries(second)):
        if left.auto_select and right.auto_select and identity(left) == identity(right):
            yield left, right


def conflicts(runtimes: tuple[RuntimeCandidate, ...]) -> list[str]:
    """The pairs in which only the name or the width of a range decides."""
    return [
        f"{first.name} and {second.name}: {pair[0].model_architecture}"
        for first, second in itertools.combinations(runtimes, 2)
        for pair in itertools.islice(
            (pair for pair in overlaps(first, second) if pair[0].priority == pair[1].priority), 1
        )
    ]


def test_no_two_runtimes_overlap_with_one_priority() -> None:
    assert conflicts(candidates()) == []


def test_an_overlap_would_be_reported() -> None:
    (llama,) = [runtime for runtime in candidates() if runtime.name == "sglang-llama-1gpu"]
    spec = llama.spec.model_copy(
        update={"model_size_range": llama.spec.model_size_range.model_copy(update={"min": "15B"})}
        if llama.spec.model_size_range
        else {}
    )
    twin = type(llama)("twin", "", spec)
    assert conflicts((llama, twin)) == ["sglang-llama-1gpu and twin: LlamaForCausalLM"]


def test_engines_overlap_only_with_each_other() -> None:
    """Where both engines serve a model, the priority decides; it is one number for each engine."""
    found = {
        (engine_of(runtime.name), entry.priority)
        for runtime in candidates()
        for entry in entries(runtime)
    }
    assert found == {("sglang", 2), ("vllm", 1)}


def test_the_ranges_of_a_family_leave_no_gap_that_a_size_could_fall_into() -> None:
    """Neighbouring shapes of the large families meet within what sizes are written in."""
    for family in ("llama", "qwen2", "qwen3", "mistral", "gemma2"):
        bounds = sorted(
            (parse_size(held.min), parse_size(held.max))
            for runtime in candidates()
            if (held := runtime.spec.model_size_range) is not None
            and re.fullmatch(rf"sglang-{family}-\dgpu", runtime.name)
        )
        for (_, high), (low, _) in itertools.pairwise(bounds):
            assert high is not None
            assert low is not None
            assert low - high <= 10**9, family
