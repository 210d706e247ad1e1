from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING

import pytest

from tests.contract import harness
from tests.contract.harness import WIDGET_CRD, WIDGETS, Answer, Api

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def _established(answer: Answer) -> bool:
    conditions = answer.body.get("status", {}).get("conditions") or []
    return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    """The API server with the widgets CRD and a namespace of this test's own."""
    ns = f"contract-{uuid.uuid4().hex[:8]}"
    async with harness.connect(os.environ["KUBECONFIG"]) as (session, server):
        api = Api(session, server, ns)
        created = await api.create(CRDS, WIDGET_CRD)
        assert created.status in (201, 409), created
        await api.eventually(f"{CRDS}/widgets.contract.ome.io", _established)
        # Established is said a moment before the resource is served.
        for served in ("/apis/contract.ome.io/v1", WIDGETS):
            await api.eventually(served, lambda answer: answer.status == 200)
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ns}}
        assert (await api.create("/api/v1/namespaces", namespace)).status == 201
        yield api
        await api.delete(f"/api/v1/namespaces/{ns}")
