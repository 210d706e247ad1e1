"""Cut names: length, identity below the bound, and what tells them apart."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ome.api.truncate import (
    model_configmap_key,
    model_node_label,
    truncate_dns,
    truncate_with_hash,
)

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789-."
texts = st.text(LETTERS, min_size=1, max_size=300)
namespaces = st.text(LETTERS[:-1], min_size=1, max_size=63)
limits = st.integers(1, 300)


def reference(text: str, limit: int) -> str:
    """The rule as it is written down, word for word."""
    if len(text) <= limit:
        return text
    digest = sha256(text.encode()).hexdigest()[:8]
    keep = limit - 8 - 1
    return digest[:limit] if keep <= 0 else digest + "-" + text[-keep:]


@given(texts, limits)
def test_the_rule_of_models(text: str, limit: int) -> None:
    assert truncate_with_hash(text, limit) == reference(text, limit)


@given(texts, limits)
def test_the_rule_of_objects_differs_in_a_leading_digit_only(text: str, limit: int) -> None:
    cut, other = truncate_dns(text, limit), truncate_with_hash(text, limit)
    assert len(cut) <= limit
    if len(text) <= limit:
        assert cut == text
    else:
        assert cut[1:] == other[1:]
        assert cut[0] == ("a" if other[0].isdigit() else other[0])


@given(texts)
def test_an_object_name_is_cut_at_63_unless_told(text: str) -> None:
    assert truncate_dns(text) == truncate_dns(text, 63)


@pytest.mark.parametrize(
    ("limit", "length"), [(1, 1), (8, 8), (9, 8), (10, 10), (63, 63), (64, 64), (100, 64)]
)
def test_edges(limit: int, length: int) -> None:
    assert len(truncate_with_hash("m" * 64, limit)) == length


@given(namespaces, namespaces, texts, texts)
def test_different_models_have_different_labels(a: str, b: str, x: str, y: str) -> None:
    assume((a, x) != (b, y))
    assume(".basemodel." not in x + y)
    assert model_node_label(a, x) != model_node_label(b, y)
    assert model_configmap_key(a, x[:253]) != model_configmap_key(b, y[:253]) or x[:253] == y[:253]


@given(namespaces, texts)
def test_short_models_keep_their_names(namespace: str, name: str) -> None:
    key, label = model_configmap_key(namespace, name), model_node_label(namespace, name)
    whole = f"{namespace}.basemodel.{name}"
    assert (key == whole) == (len(namespace) + len(name) <= 242)
    assert (label == f"models.ome.io/{whole}") == (len(namespace) + len(name) <= 38)
    assert (model_node_label("", name).endswith(f"clusterbasemodel.{name}")) == (len(name) <= 32)
    assert (model_configmap_key("", name) == f"clusterbasemodel.{name}") == (len(name) <= 236)


@given(st.text(LETTERS[:-1], min_size=1, max_size=8), texts)
def test_a_namespace_of_eight_is_never_cut(namespace: str, name: str) -> None:
    assert model_configmap_key(namespace, name).startswith(f"{namespace}.basemodel.")
    assert model_node_label(namespace, name).startswith(f"models.ome.io/{namespace}.basemodel.")


def test_the_hash_is_of_the_part_that_is_cut() -> None:
    namespace, name = "n" * 20, "m" * 240
    ns, _, rest = model_configmap_key(namespace, name).partition(".basemodel.")
    assert ns == sha256(namespace.encode()).hexdigest()[:8]
    assert rest.startswith(sha256(name.encode()).hexdigest()[:8] + "-m")
    assert len(rest) == 234
