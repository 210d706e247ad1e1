"""Names that fit, bit for bit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ome.api.truncate import (
    model_configmap_key,
    model_node_label,
    truncate_dns,
    truncate_with_hash,
)


@pytest.mark.parametrize(
    ("namespace", "name", "expected"),
    [
        ("", "llama-3-3-70b-instruct", "clusterbasemodel.llama-3-3-70b-instruct"),
        (
            "",
            "llama-4-maverick-17b-128e-instruct",
            "clusterbasemodel.cecd0844-erick-17b-128e-instruct",
        ),
        (
            "",
            "llama-4-maverick-17b-128e-instruct-fp8",
            "clusterbasemodel.321a5921-k-17b-128e-instruct-fp8",
        ),
        ("default", "llama-3-70b", "default.basemodel.llama-3-70b"),
        ("machine-learning-team", "qwen", "machine-learning-team.basemodel.qwen"),
        (
            "machine-learning-team",
            "llama-3-3-70b-instruct",
            "b8816cf6.basemodel.llama-3-3-70b-instruct",
        ),
        ("prod", "m" * 35, "prod.basemodel.58debbfe-" + "m" * 25),
        (
            "team-research",
            "qwen2-5-coder-32b-instruct",
            "25a74b6d.basemodel.qwen2-5-coder-32b-instruct",
        ),
    ],
)
def test_node_labels(namespace: str, name: str, expected: str) -> None:
    assert model_node_label(namespace, name) == f"models.ome.io/{expected}"


def test_object_names() -> None:
    long = "my-really-long-inference-service-name-for-testing-limits-x-engine"
    assert truncate_dns(long) == "a964cb01-ong-inference-service-name-for-testing-limits-x-engine"
    other = "customer-support-assistant-llama-3-3-70b-instruct-product-a-engine"
    assert truncate_dns(other) == "a6bded70-port-assistant-llama-3-3-70b-instruct-product-a-engine"


names = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=253)


@given(names, st.integers(1, 80))
def test_cut_names_fit_and_short_ones_stay(name: str, limit: int) -> None:
    cut = truncate_with_hash(name, limit)
    assert len(cut) <= limit
    assert (cut == name) or len(name) > limit


@given(names, names)
def test_keys_and_labels_stay_within_their_limits(namespace: str, name: str) -> None:
    for scope in ("", namespace[:63]):
        assert len(model_configmap_key(scope, name)) <= 253
        assert len(model_node_label(scope, name).partition("/")[2]) <= 49
