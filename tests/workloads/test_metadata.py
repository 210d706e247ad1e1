"""Labels and names that are always legal, whatever models and runtimes are called."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ome.workloads import plan
from ome.workloads.metadata import label_value, service_annotations
from tests.workloads.support import HERE, load, objects

CASES = sorted(path.stem for path in (HERE / "cases").glob("*.yaml"))
LEGAL = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")


@pytest.mark.parametrize("name", CASES)
def test_labels_are_legal_and_owners_are_set(name: str) -> None:
    inputs = load(name)
    for item in objects(plan(inputs)):
        labels = item["metadata"]["labels"]
        assert [value for value in labels.values() if not LEGAL.fullmatch(value)] == []
        (owner,) = item["metadata"]["ownerReferences"]
        assert owner["uid"] == inputs.service.metadata.uid
        assert (owner["controller"], owner["blockOwnerDeletion"]) == (True, True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("meta", "meta"),
        ("Meta Platforms", "Meta-Platforms"),
        ("a/b@c", "a-b-c"),
        ("v1.2_x", "v1.2_x"),
        ("-edge.", "edge"),
        ("***", ""),
    ],
)
def test_other_characters_become_dashes(text: str, expected: str) -> None:
    assert label_value(text) == expected


@given(st.text(max_size=90))
def test_any_text_becomes_a_legal_label_value(text: str) -> None:
    assert LEGAL.fullmatch(label_value(text))


@given(st.from_regex(LEGAL, fullmatch=True))
def test_a_legal_label_value_is_kept(text: str) -> None:
    assert label_value(text) == text


def test_a_service_lacks_the_annotations_of_pods() -> None:
    pods = [
        "k8s.grafana.com/scrape",
        "loki.grafana.com/x",
        "prometheus.io/port",
        "networking.gke.io/x",
        "rdma.ome.io/auto-inject",
        "ome.io/inject-model-init",
        "ome.io/inject-fine-tuned-adapter",
        "ome.io/fine-tuned-weights-on-node",
        "ome.io/inject-serving-sidecar",
    ]
    kept = {"team": "a", "ome.io/service-type": "NodePort", "prometheus.iox/y": ""}
    assert service_annotations({**dict.fromkeys(pods, "x"), **kept}) == kept
