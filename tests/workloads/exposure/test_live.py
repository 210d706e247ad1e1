"""Every way of exposing a service on an API server: strict, and without a warning."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from tests import cluster
from tests.workloads.custom_kinds import custom_kinds
from tests.workloads.exposure.cases import CASES, made

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def namespace() -> Iterator[str]:
    name = f"exposure-{uuid.uuid4().hex[:8]}"
    cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    with custom_kinds():
        yield name
    cluster.delete("namespaces", name, wait=0)


@pytest.mark.parametrize("case", CASES)
def test_the_server_takes_it(case: str, namespace: str) -> None:
    for item in made(CASES[case]).objects:
        placed = {**item, "metadata": {**item["metadata"], "namespace": namespace}}
        assert cluster.warnings(placed) == []
