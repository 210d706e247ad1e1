from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from tests import cluster

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def namespace() -> Iterator[str]:
    """A namespace of this test's own, for the operator and for the services."""
    name = f"e2e-{uuid.uuid4().hex[:8]}"
    cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    cluster.delete("namespaces", name, wait=0)
