"""A model on a claim against an API server with a Job controller."""

from __future__ import annotations

import json
from typing import Any

import anyio
import pytest

from ome.controllers.resources import BASE_MODELS
from ome.kube.resource import ObjectKey, Resource
from ome.kube.resources import CONFIGMAPS, JOBS, PODS, PVCS
from tests import cluster
from tests.controllers.basemodel.test_live import Place, place
from tests.controllers.basemodel.world import CONFIG
from tests.controllers.benchmarkjob.test_live import is_empty

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(120)]

VOLUMES = Resource("", "v1", "PersistentVolume", "persistentvolumes", namespaced=False)
SIZE = {"storage": "1Gi"}


async def bound_claim(here: Place) -> None:
    """A claim that is bound: by its controller on the real server, by hand on the embedded one."""
    namespace = here.context.namespace
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "claim", "namespace": namespace},
        "spec": {
            "accessModes": ["ReadWriteMany"],
            "resources": {"requests": SIZE},
            "storageClassName": "",
            "volumeName": namespace,
        },
    }
    if cluster.is_real():
        volume = {
            "capacity": SIZE,
            "accessModes": ["ReadWriteMany"],
            "hostPath": {"path": "/tmp/x"},
            "claimRef": {"namespace": namespace, "name": "claim"},
        }
        await here.client.create(
            VOLUMES,
            {
                "apiVersion": "v1",
                "kind": "PersistentVolume",
                "metadata": {"name": namespace},
                "spec": volume,
            },
        )
    await here.client.create(PVCS, claim)
    if not cluster.is_real():
        key = ObjectKey(namespace, "claim")
        bound = {"status": {"phase": "Bound"}}
        await here.client.merge_patch(PVCS, key, bound, subresource="status")


async def until(here: Place, *states: str) -> dict[str, Any]:
    key, document = ObjectKey(here.context.namespace, "m"), {}
    with anyio.move_on_after(40):
        while True:
            document = await here.client.get(BASE_MODELS, key)
            if (document.get("status") or {}).get("state") in states:
                return document
            await anyio.sleep(0.1)
    raise AssertionError(json.dumps(document)[:2000])


async def report(here: Place) -> None:
    """The pod's container said what it read; simulated kubelets have it say nothing."""
    namespace = here.context.namespace
    ended = {"exitCode": 0, "reason": "Completed", "message": json.dumps(CONFIG)}
    with anyio.fail_after(30):
        while True:
            for pod in await here.client.list(PODS, namespace):
                statuses = (pod.get("status") or {}).get("containerStatuses")
                if statuses and "terminated" in statuses[0]["state"]:
                    await say(here, pod, ended)
                    return
            await anyio.sleep(0.1)


async def say(here: Place, pod: dict[str, Any], ended: dict[str, Any]) -> None:
    statuses = pod["status"]["containerStatuses"]
    statuses[0]["state"]["terminated"] |= ended
    key = ObjectKey(pod["metadata"]["namespace"], pod["metadata"]["name"])
    status = {"status": {"containerStatuses": statuses}}
    await here.client.merge_patch(PODS, key, status, subresource="status")


def test_a_model_on_a_claim_is_read_by_its_job() -> None:
    async def scenario() -> None:
        async with place() as here:
            namespace = here.context.namespace
            settings = {"name": "inferenceservice-config", "namespace": namespace}
            await here.client.create(
                CONFIGMAPS,
                {
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "metadata": settings,
                    "data": {"modelInit": json.dumps({"image": "agent:1"})},
                },
            )
            await bound_claim(here)
            await here.client.create(
                BASE_MODELS,
                {
                    "apiVersion": "ome.io/v1beta1",
                    "kind": "BaseModel",
                    "metadata": {"name": "m", "namespace": namespace},
                    "spec": {"storage": {"storageUri": "pvc://claim/a"}},
                },
            )
            await until(here, "Importing", "Failed")
            (job,) = await here.client.list(JOBS, namespace)
            assert job["spec"]["ttlSecondsAfterFinished"] == 3600
            await report(here)
            await until(here, "Ready", "Failed")
            # A report that came after the Job's end is read in the next pass.
            touched = {"metadata": {"annotations": {"touched": "1"}}}
            await here.client.merge_patch(BASE_MODELS, ObjectKey(namespace, "m"), touched)
            document = await until(here, "Ready")
            assert document["spec"]["modelArchitecture"] == "LlamaForCausalLM"
            assert "nodesReady" not in document["status"]
            await here.client.delete(BASE_MODELS, ObjectKey(namespace, "m"))
            await is_empty(here.client, JOBS, namespace)
            if cluster.is_real():
                await here.client.delete(VOLUMES, ObjectKey("", namespace))

    anyio.run(scenario)
