"""Every Job of a benchmark on an API server: strict, without a warning."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest

from tests import cluster
from tests.workloads.benchmark.support import at_service, job, made
from tests.workloads.benchmark.test_tool import jobs

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]

OVERRIDE: dict[str, Any] = {
    "image": "other:2",
    "env": [{"name": "HUGGINGFACE_API_KEY", "value": "literal"}, {"name": "A", "value": "b"}],
    "envFrom": [{"secretRef": {"name": "mine"}}],
    "volumes": [{"name": "v", "emptyDir": {}}, {"name": "llama", "emptyDir": {}}],
    "volumeMounts": [{"name": "v", "mountPath": "/v"}, {"name": "v", "mountPath": "/w"}],
    "resources": {"limits": {"memory": "1Gi"}},
    "tolerations": [{"key": "k", "operator": "Exists"}],
    "nodeSelector": {"zone": "a"},
    "affinity": {"nodeAffinity": {}},
    "serviceAccountName": "sa",
    "imagePullSecrets": [{"name": "pull"}],
    "securityContext": {"runAsUser": 1},
    "priorityClassName": "system-node-critical",
    "activeDeadlineSeconds": 60,
    "ttlSecondsAfterFinished": 600,
}
MORE: dict[str, dict[str, Any]] = {
    "an empty override": {"podOverride": {}},
    "every override": {
        "podOverride": OVERRIDE,
        "huggingFaceSecretReference": {"name": "hub"},
        "outputLocation": {"storageUri": "pvc://claim/a"},
    },
    "credentials": {"outputLocation": {"storageUri": "s3://b", "key": "creds"}},
}


@pytest.fixture(scope="module")
def namespace() -> Iterator[str]:
    name = f"jobs-{uuid.uuid4().hex[:8]}"
    cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    cluster.delete("namespaces", name, wait=0)


@pytest.mark.parametrize("name", [*jobs(), *MORE])
def test_the_server_takes_every_job(name: str, namespace: str) -> None:
    spec = {**jobs(), **MORE}[name]
    document = made(job(**spec), None if "endpoint" in spec else at_service())
    for metadata in (document["metadata"], document["spec"]["template"]["metadata"]):
        metadata["namespace"] = namespace
    assert cluster.warnings(document, namespace) == []
