"""Entries that other agents, or people, wrote: read or refused, and nobody stops at them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ome.agent.protocol import (
    Config,
    Entry,
    EntryError,
    decode_entry,
    encode_entry,
    in_a_line,
    slim,
)
from ome.agent.sharing import artifact_of, children, find_owner
from ome.api import names
from ome.api.filled import FOUND_PATH, as_written, mark_of, storage_to_fetch, value_at
from ome.controllers.basemodel.aggregate import UNREADABLE, Aggregate
from ome.controllers.basemodel.backfill import backfill
from ome.controllers.basemodel.problems import problems
from tests.support.tiers import examples

texts = st.one_of(
    st.text(max_size=8), st.sampled_from(["Ready", "Failed", "\0", "a\nb", "disk_full", "x" * 5000])
)
values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        texts,
        st.sampled_from([10**40, -(2**70)]),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
maybe = st.one_of(values, texts)
entries = st.fixed_dictionaries(
    {},
    optional={
        "name": maybe,
        "status": maybe,
        "path": maybe,
        "error": st.one_of(values, st.fixed_dictionaries({"reason": maybe, "message": maybe})),
        "progress": st.one_of(values, st.fixed_dictionaries({"totalBytes": values})),
        "config": st.one_of(
            values,
            st.fixed_dictionaries(
                {},
                optional={
                    "modelType": maybe,
                    "modelFormat": st.one_of(values, st.dictionaries(st.just("name"), maybe)),
                    "maxTokens": values,
                    "modelCapabilities": st.one_of(values, st.lists(maybe, max_size=2)),
                    "decodedModelConfiguration": st.dictionaries(texts, values, max_size=3),
                    "diffusionPipeline": values,
                    "artifact": st.one_of(
                        values,
                        st.fixed_dictionaries(
                            {
                                "sha": maybe,
                                "parentPath": st.dictionaries(texts, texts, max_size=2),
                                "childrenPaths": st.lists(texts, max_size=2),
                            }
                        ),
                    ),
                },
            ),
        ),
    },
)


@settings(max_examples=examples(500), deadline=None)
@given(st.one_of(entries, values), st.one_of(entries, values))
def test_controllers_and_agents_live_with_any_entry(one: Any, other: Any) -> None:
    said = {"a": json.dumps(one), "b": json.dumps(other)}
    aggregate = Aggregate()
    for node in said:
        aggregate.node(node, exists=True)
        aggregate.config_map(node, {"k": said[node]})
    reports = aggregate.reports("k")
    backfill({"storage": {"storageUri": "hf://a/b"}}, {}, reports.entries())
    assert all("\n" not in problem.text for problem in problems(reports, "hf://a/b"))
    read = {node: decode_entry(text) for node, text in said.items()}
    find_owner(read, "c", "", "x")
    for node, entry in read.items():
        children(artifact_of(entry), add="/p")
        assert (decode_entry(slim(said[node])) is None) == (entry is None)


@pytest.mark.parametrize("depth", [40, 100, 400, 900, 2000, 100_000])
@pytest.mark.parametrize("name", ['"m"', "null"])
def test_what_is_nested_as_no_configuration_is_unreadable(depth: int, name: str) -> None:
    deep = '{"a":' * depth + "1" + "}" * depth
    aggregate = Aggregate()
    aggregate.node("n", exists=True)
    aggregate.config_map(
        "n", {"k": f'{{"name":{name},"config":{{"decodedModelConfiguration":{deep}}}}}'}
    )
    reports = aggregate.reports("k")
    assert reports.count(UNREADABLE) == (0 if depth == 40 else 1)
    backfill({}, {}, reports.entries())


def test_a_slim_entry_has_nothing_without_bounds() -> None:
    pipeline = {"additionalComponents": {f"part{number}": {"type": "t"} for number in range(9999)}}
    entry = Entry("m", "Failed", error=EntryError("x", "line\n" * 99999))
    slimmed = slim(encode_entry(entry))
    assert len(slimmed) < 4000
    assert "\\n" not in slimmed
    entry = Entry("m", "Ready", config=Config("diffusers", diffusion_pipeline=pipeline))
    assert decode_entry(slim(encode_entry(entry))) == Entry(
        "m", "Ready", config=Config("diffusers")
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [("a\n b\t", "a b"), ("half \udcff", "half ?"), ("x" * 9999, "x" * 1997 + "...")],
)
def test_a_text_of_others_becomes_a_line(text: str, line: str) -> None:
    assert in_a_line(text) == line


SPEC: dict[str, Any] = {
    "storage": {"storageUri": "hf://a/b", "path": "/p"},
    "modelType": "llama",
    "modelFormat": {"name": "n"},
}


@settings(max_examples=examples(200), deadline=None)
@given(st.lists(st.sampled_from(["storage", "storage.path", "modelType", "modelFormat.name", "."])))
def test_an_annotation_written_by_hand(paths: list[str]) -> None:
    marks = ",".join(f"{path}={mark_of(value_at(SPEC, path))}" for path in paths)
    written = as_written(SPEC, {names.ANNOTATION_AUTO_FILLED_FIELDS: marks})
    assert ("modelType" in written) == ("modelType" not in paths)
    assert ("storage" in written) == ("storage" not in paths)


def test_a_path_that_is_not_there_was_not_found() -> None:
    marks = f"{FOUND_PATH}={mark_of(None)}"
    storage = {"storageUri": "hf://a/b"}
    found = storage_to_fetch({"storage": storage}, {names.ANNOTATION_AUTO_FILLED_FIELDS: marks})
    assert found == storage
