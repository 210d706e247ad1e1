"""Which models belong on a node."""

from __future__ import annotations

from typing import Any

import pytest

from ome.agent.eligibility import eligible

LABELS = {"zone": "a", "gpus": "8", "memory": "500Gi"}
URI = {"storageUri": "hf://o/m"}


def affinity(*terms: dict[str, Any]) -> dict[str, Any]:
    required = {"nodeSelectorTerms": list(terms)}
    return {**URI, "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}


def expression(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("storage", "expected"),
    [
        ({}, False),
        ({"storageUri": ""}, False),
        ({"storageUri": "pvc://claim/x"}, False),
        (URI, True),
        ({**URI, "nodeSelector": {}}, True),
        ({**URI, "nodeSelector": {"zone": "a"}}, True),
        ({**URI, "nodeSelector": {"zone": "a", "gpus": "4"}}, False),
        ({**URI, "nodeSelector": {"absent": ""}}, False),
        ({**affinity(expression("zone", "In", "b")), "nodeSelector": {"zone": "a"}}, False),
        (affinity(), True),
        (affinity({}), False),
        (affinity({}, expression("zone", "Exists")), True),
        ({**URI, "nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{}]}}, True),
        (affinity(expression("zone", "In", "a", "b")), True),
        (affinity(expression("absent", "In", "a")), False),
        (affinity(expression("zone", "NotIn", "b")), True),
        (affinity(expression("zone", "NotIn", "a")), False),
        (affinity(expression("absent", "NotIn", "a")), True),
        (affinity(expression("zone", "Exists")), True),
        (affinity(expression("absent", "DoesNotExist")), True),
        (affinity(expression("zone", "DoesNotExist")), False),
        (affinity(expression("gpus", "Gt", "4")), True),
        (affinity(expression("gpus", "Gt", "10")), False),
        (affinity(expression("gpus", "Lt", "10")), True),
        (affinity(expression("memory", "Gt", "0.4Ti")), True),
        (affinity(expression("memory", "Lt", "400Gi")), False),
        (affinity(expression("zone", "Gt", "A")), True),
        (affinity(expression("gpus", "Gt")), False),
        (affinity(expression("absent", "Gt", "1")), False),
        (affinity(expression("zone", "Like", "a")), False),
        (affinity({"matchExpressions": [{}]}), False),
        (affinity(expression("metadata.name", "In", "n1")), True),
        (
            affinity(
                {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]}
            ),
            True,
        ),
        (
            affinity(
                {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n2"]}]}
            ),
            False,
        ),
    ],
)
def test_a_model_on_a_node(storage: dict[str, Any], expected: bool) -> None:
    assert eligible(storage, LABELS, "n1") is expected


def test_a_label_called_metadata_name_comes_before_the_name() -> None:
    storage = affinity(expression("metadata.name", "In", "other"))
    assert eligible(storage, {"metadata.name": "other"}, "n1")
