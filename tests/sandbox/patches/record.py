"""Send strategic merge patches to the API server of ``$KUBECONFIG`` and keep what it answers.

Run: ``python -m tests.sandbox.patches.record``. Every patch is a dry run against the same object.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import anyio

from tests.contract import harness
from tests.contract.harness import DEPLOYMENTS, STRATEGIC_PATCH, Api

RECORDED = Path(__file__).with_name("strategic.jsonl")
KEPT = ("labels", "annotations", "finalizers", "ownerReferences")

BASE: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {
        "name": "x",
        "labels": {"a": "1", "b": "2"},
        "annotations": {"k": "v"},
        "finalizers": ["ome.test/a", "ome.test/b", "ome.test/c"],
    },
    "spec": {
        "paused": True,
        "replicas": 0,
        "selector": {"matchLabels": {"app": "x"}},
        "template": {
            "metadata": {"labels": {"app": "x"}},
            "spec": {
                "containers": [
                    {
                        "name": "main",
                        "image": "main:1",
                        "args": ["a", "b"],
                        "env": [{"name": n, "value": n.lower()} for n in "ABC"],
                        "ports": [{"containerPort": 80}, {"containerPort": 81, "name": "x"}],
                        "volumeMounts": [{"name": "v", "mountPath": "/v"}],
                    },
                    {"name": "side", "image": "side:1"},
                ],
                "volumes": [{"name": "v", "emptyDir": {"medium": "Memory"}}],
                "tolerations": [{"key": "a", "operator": "Exists"}],
                "nodeSelector": {"n": "1"},
            },
        },
    },
}


def pod(**spec: Any) -> dict[str, Any]:
    return {"spec": {"template": {"spec": spec}}}


def main_container(**more: Any) -> dict[str, Any]:
    return pod(containers=[{"name": "main", **more}])


def metadata(**more: Any) -> dict[str, Any]:
    return {"metadata": more}


PATCHES: list[dict[str, Any]] = [
    {},
    main_container(image="main:2"),
    pod(containers=[{"name": "new", "image": "new:1"}]),
    pod(containers=[{"name": "side", "image": "s:2"}, {"name": "new", "image": "new:1"}]),
    pod(containers=[{"name": "side", "$patch": "delete"}]),
    pod(containers=[{"name": "nobody", "$patch": "delete"}]),
    pod(containers=[{"$patch": "replace"}, {"name": "new", "image": "new:1"}]),
    pod(containers=[{"name": "side", "$patch": "replace", "image": "s:2"}]),
    pod(containers=[{"image": "no:1"}]),
    pod(containers=[{"name": "side", "$patch": "merge"}]),
    pod(containers=[{"name": "side", "$patch": "odd"}]),
    pod(containers=None, **{"$setElementOrder/containers": [{"name": "side"}]}),
    pod(**{"$setElementOrder/containers": [{"name": "side"}, {"name": "main"}]}),
    pod(**{"$setElementOrder/containers": [{"name": "side"}]}),
    pod(
        containers=[{"name": "new", "image": "new:1"}],
        **{"$setElementOrder/containers": [{"name": n} for n in ("side", "new", "main")]},
    ),
    pod(
        containers=[{"name": "new", "image": "n:1"}, {"name": "main", "$patch": "delete"}],
        **{"$setElementOrder/containers": [{"name": "new"}, {"name": "side"}]},
    ),
    pod(
        containers=[{"name": "main", "image": "n:1"}],
        **{"$setElementOrder/containers": [{"name": "side"}]},
    ),
    main_container(args=["c"]),
    main_container(args=None),
    main_container(env=[{"name": "D", "value": "d"}, {"name": "B", "value": "2"}]),
    main_container(env=[{"name": "B", "value": None, "valueFrom": None}]),
    main_container(
        env=[{"name": "D", "value": "d"}],
        **{"$setElementOrder/env": [{"name": n} for n in "CDA"]},
    ),
    main_container(ports=[{"containerPort": 81, "$patch": "delete"}, {"containerPort": 82}]),
    main_container(ports=[{"containerPort": 80, "protocol": "UDP"}]),
    main_container(volumeMounts=[{"mountPath": "/v", "readOnly": True}]),
    main_container(resources={"limits": {"cpu": "1", "memory": None}}),
    pod(tolerations=[{"key": "b", "operator": "Exists"}]),
    pod(tolerations=None, nodeSelector={"m": "2"}),
    pod(nodeSelector={"$patch": "replace", "m": "2"}),
    pod(nodeSelector={"$patch": "delete"}),
    pod(volumes=[{"name": "v", "$retainKeys": ["name", "hostPath"], "hostPath": {"path": "/"}}]),
    pod(volumes=[{"name": "v", "hostPath": {"path": "/"}, "emptyDir": None}]),
    pod(volumes=[{"name": "w", "$retainKeys": ["name"], "emptyDir": {"medium": None}}]),
    pod(imagePullSecrets=[{"name": "s", "$patch": "delete"}]),
    pod(securityContext={"runAsUser": 1, "sysctls": None, "$patch": "replace"}),
    pod(affinity={"$patch": "delete", "nodeAffinity": {}}),
    {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}},
    {"spec": {"strategy": {"$retainKeys": ["type"], "rollingUpdate": {"maxSurge": 1}}}},
    {"spec": {"strategy": {"$retainKeys": "type", "type": "Recreate"}}},
    {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}},
    {"spec": {"replicas": None, "minReadySeconds": 3}},
    metadata(labels={"a": None, "c": "3"}, annotations=None),
    metadata(finalizers=["ome.test/d", "ome.test/b"]),
    metadata(**{"$deleteFromPrimitiveList/finalizers": ["ome.test/b", "ome.test/q"]}),
    metadata(
        finalizers=["ome.test/d"],
        **{
            "$deleteFromPrimitiveList/finalizers": ["ome.test/a"],
            "$setElementOrder/finalizers": ["ome.test/d", "ome.test/c"],
        },
    ),
    metadata(**{"$setElementOrder/finalizers": ["ome.test/c", "ome.test/a"]}),
    metadata(labels={"$patch": "odd"}),
]


async def main() -> None:
    """Record the object and every patch of it."""
    async with harness.connect(os.environ["KUBECONFIG"]) as (session, server):
        api = Api(session, server, "patches-record")
        await api.create("/api/v1/namespaces", {"metadata": {"name": api.ns}})
        await api.create(DEPLOYMENTS, BASE)
        path = f"{DEPLOYMENTS}/x"
        base = (await api.get(path)).body
        rows: list[dict[str, Any]] = [{"base": _kept(base)}]
        for patch in PATCHES:
            answer = await api.patch(path, patch, STRATEGIC_PATCH, dryRun="All")
            given = _kept(answer.body) if answer.status == 200 else answer.body["message"]
            rows.append({"patch": patch, "status": answer.status, "given": given})
        await api.patch(path, {"metadata": {"finalizers": None}}, STRATEGIC_PATCH)
        await api.delete(f"/api/v1/namespaces/{api.ns}")
    RECORDED.write_text("".join(json.dumps(row, sort_keys=True) + "\n" for row in rows))


def _kept(document: dict[str, Any]) -> dict[str, Any]:
    metadata = {k: v for k, v in document["metadata"].items() if k in KEPT}
    return {"metadata": metadata, "spec": document["spec"]}


if __name__ == "__main__":
    anyio.run(main)
