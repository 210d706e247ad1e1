"""Entries as agents write them and readers read them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ome.agent.protocol import (
    Artifact,
    Config,
    Entry,
    EntryError,
    Progress,
    decode_entry,
    encode_entry,
    fingerprint,
    slim,
    status_config_map,
)

FROM_THE_SPECIFICATION: dict[str, Any] = {
    "name": "llama-3-70b",
    "status": "Ready",
    "config": {
        "modelType": "llama",
        "modelArchitecture": "LlamaForCausalLM",
        "modelFramework": {"name": "transformers", "version": "4.36.0"},
        "modelFormat": {"name": "safetensors", "version": "1.0.0"},
        "modelParameterSize": "70.6B",
        "maxTokens": 8192,
        "modelCapabilities": ["TEXT_TO_TEXT"],
        "apiCapabilities": ["OPENAI_V1_CHAT_COMPLETIONS"],
        "decodedModelConfiguration": {"model_type": "llama", "context_length": 8192},
        "quantization": "fp8",
        "artifact": {
            "sha": "e815299b0bcbac849fa540c768ef21845365c9eb",
            "parentPath": {"clusterbasemodel.llama-3-70b": "/raid/models/meta/llama-3-70b"},
            "childrenPaths": ["/raid/models/team-a/llama-3-70b"],
        },
    },
    "progress": {
        "phase": "downloading",
        "totalBytes": 141107412000,
        "completedBytes": 7301444403,
        "totalFiles": 42,
        "completedFiles": 3,
        "speedBytesPerSec": 734003200.5,
        "lastUpdated": "2026-05-06T10:11:12Z",
    },
}


def test_the_entry_of_the_specification_round_trips() -> None:
    entry = decode_entry(json.dumps(FROM_THE_SPECIFICATION))
    assert entry is not None
    assert json.loads(encode_entry(entry)) == FROM_THE_SPECIFICATION


@pytest.mark.parametrize(
    ("entry", "written"),
    [
        (Entry("m", "Updating"), {"name": "m", "status": "Updating"}),
        (
            Entry("m", "Ready", "/raid/m", config=Config(model_type="llama")),
            {
                "name": "m",
                "status": "Ready",
                "path": "/raid/m",
                "config": {
                    "modelType": "llama",
                    "artifact": {"sha": "", "parentPath": None, "childrenPaths": None},
                },
            },
        ),
        (
            Entry("m", "Failed", error=EntryError("hf_download_error", "gone")),
            {
                "name": "m",
                "status": "Failed",
                "error": {"reason": "hf_download_error", "message": "gone"},
            },
        ),
        (
            Entry("m", "Updating", progress=Progress("scanning")),
            {
                "name": "m",
                "status": "Updating",
                "progress": {
                    "phase": "scanning",
                    "totalBytes": 0,
                    "completedBytes": 0,
                    "totalFiles": 0,
                    "completedFiles": 0,
                    "speedBytesPerSec": 0.0,
                    "lastUpdated": "",
                },
            },
        ),
    ],
)
def test_what_is_empty_is_left_out_but_artifact_and_progress_are_whole(
    entry: Entry, written: dict[str, Any]
) -> None:
    assert json.loads(encode_entry(entry)) == written


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{invalid",
        "null",
        "[]",
        '"x"',
        "3",
        '{"status": 3}',
        '{"config": {"maxTokens": "a"}}',
        '{"name": "\\ud800"}',
        "[" * 5000,
    ],
)
def test_what_is_no_entry(text: str) -> None:
    assert decode_entry(text) is None


@pytest.mark.parametrize(
    "text",
    [
        '{"status": "Ready"}',
        '{"status": "Ready", "name": null, "config": null, "progress": null, "error": null}',
        '{"status": "Ready", "unknown": {"deep": [1]}}',
        '{"status": "Ready", "config": {"modelType": null, "modelCapabilities": null}}',
        '{"status": "Ready", "config": {"artifact": null, "new": 1}}',
        '{"status": "Ready", "progress": {"phase": "downloading"}}',
        '{"status": "Ready", "progress": {"speedBytesPerSec": 3}}',
    ],
)
def test_unknown_missing_and_null_members_are_tolerated(text: str) -> None:
    entry = decode_entry(text)
    assert entry is not None
    assert entry.status == "Ready"


def test_the_fingerprint_is_of_everything_but_the_progress() -> None:
    base = Entry("m", "Updating", config=Config(model_type="a"))
    mark = fingerprint(base)
    assert fingerprint(Entry("m", "Updating", config=base.config, progress=Progress())) == mark
    others = [
        Entry("m", "Ready", config=base.config),
        Entry("m", "Updating", "/p", config=base.config),
        Entry("m", "Updating", error=EntryError("x"), config=base.config),
        Entry("m", "Updating", config=Config(model_type="b")),
        Entry("m", "Updating"),
    ]
    assert len({mark, *map(fingerprint, others)}) == 6


def test_a_slim_entry_lacks_the_decoded_configuration_only() -> None:
    config = Config(model_type="a", decoded_model_configuration={"x": "y" * 1000})
    text = slim(encode_entry(Entry("m", "Ready", "/p", config=config)))
    assert decode_entry(text) == Entry("m", "Ready", "/p", config=Config(model_type="a"))
    for kept in ("{invalid", '{"status": "Ready"}'):
        assert slim(kept) == kept


def test_the_config_map_has_all_that_readers_ask_for() -> None:
    assert status_config_map("n1", "ome", {"k": "v"}) == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "n1",
            "namespace": "ome",
            "labels": {"models.ome/basemodel-status": "true", "node": "n1"},
            "annotations": {
                "models.ome.io/node-name": "n1",
                "models.ome.io/managed-by": "model-agent",
            },
        },
        "data": {"k": "v"},
    }


texts = st.text(max_size=5)
entries = st.builds(
    Entry,
    texts,
    texts,
    texts,
    st.none() | st.builds(EntryError, texts, texts),
    st.none()
    | st.builds(
        Config,
        model_type=texts,
        model_format=st.dictionaries(texts, texts, max_size=2),
        max_tokens=st.integers(0, 2**31),
        artifact=st.builds(Artifact, texts, st.none() | st.dictionaries(texts, texts, max_size=1)),
    ),
    st.none() | st.builds(Progress, texts, st.integers(0, 2**50)),
)


@given(entries)
def test_what_is_written_is_read(entry: Entry) -> None:
    assert decode_entry(encode_entry(entry)) == entry
    assert fingerprint(decode_entry(encode_entry(entry)) or Entry()) == fingerprint(entry)


@given(st.text())
def test_reading_never_raises(text: str) -> None:
    decode_entry(text)
