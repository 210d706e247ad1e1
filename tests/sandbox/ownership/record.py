"""Play the scenarios against the API server of ``$KUBECONFIG`` and keep what it answers.

Run: ``python -m tests.sandbox.ownership.record``. What differs from run to run (uids, versions) is
left out; times become steps of a clock that begins in 2026.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import anyio

from tests.contract import harness
from tests.contract.harness import APPLY_PATCH, JSON, MERGE_PATCH, Answer, Api
from tests.sandbox.ownership.kinds import SAMPLE_CRD, WIDGET_CRD
from tests.sandbox.ownership.scenarios import RECORDED, SCENARIOS

if TYPE_CHECKING:
    from tests.sandbox.ownership.writes import Step

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
NAMESPACES = "/api/v1/namespaces"
TYPES = {"apply": APPLY_PATCH, "merge": MERGE_PATCH}
FLEETING = ("uid", "resourceVersion", "creationTimestamp", "generation", "namespace")


async def main() -> None:
    """Record all scenarios in a namespace of their own."""
    async with harness.connect(os.environ["KUBECONFIG"]) as (session, server):
        api = Api(session, server, "ownership-record")
        for crd in (SAMPLE_CRD, WIDGET_CRD):
            await api.create(CRDS, crd)
        await api.create(NAMESPACES, {"metadata": {"name": api.ns}})
        await api.eventually(_path(SAMPLE_CRD["metadata"]["name"]), lambda a: a.status == 200)
        recorded = {name: await _play(api, steps) for name, steps in SCENARIOS.items()}
        await api.delete(f"{CRDS}/{SAMPLE_CRD['metadata']['name']}")
        await api.delete(f"{NAMESPACES}/{api.ns}")
    RECORDED.write_text(written(recorded))


def written(recorded: dict[str, list[dict[str, Any]]]) -> str:
    """A line for each step; what was there before is left out where the last step left it."""
    lines = []
    for name, played in recorded.items():
        last = None
        for index, one in enumerate(played):
            row = {**one, "scenario": name}
            if index and one["before"] == last:
                del row["before"]
            last = one["after"] if one["status"] < 300 else one["before"]
            lines.append(json.dumps(row, sort_keys=True, ensure_ascii=False))
    return "\n".join(lines) + "\n"


def _path(crd: str) -> str:
    plural, _, group = crd.partition(".")
    return f"/apis/{group}/v1/namespaces/{{ns}}/{plural}"


def _collection(body: dict[str, Any]) -> str:
    version = body["apiVersion"]
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    return f"{root}/namespaces/{{ns}}/{body['kind'].lower()}s"


async def _play(api: Api, steps: list[Step]) -> list[dict[str, Any]]:
    first = next(step["body"] for step in steps if "kind" in step["body"])
    collection = _collection(first)
    played = []
    for step in steps:
        before = await _settled(api, f"{collection}/x")
        answer = await _send(api, collection, step)
        played.append(
            {"step": step, "status": answer.status, "before": before, "after": answer.body}
        )
        await anyio.sleep(1.05 if len(steps) > 1 and answer.status < 300 else 0)
    await api.patch(f"{collection}/x", {"metadata": {"finalizers": None}}, MERGE_PATCH)
    await api.delete(f"{collection}/x")
    return _timeless(played)


async def _settled(api: Api, path: str) -> dict[str, Any] | None:
    """The object once nobody else writes to it any more."""
    last = await api.get(path)
    while last.status == 200 and last.body["kind"] == "Deployment":
        await anyio.sleep(0.3)
        now = await api.get(path)
        if now.body == last.body:
            break
        last = now
    return last.body if last.status == 200 else None


async def _send(api: Api, collection: str, step: Step) -> Answer:
    query = {"fieldManager": step["by"]} if step["by"] else {}
    if step["do"] == "create":
        return await api.create(collection, step["body"], **query)
    path = f"{collection}/x" + (f"/{step['sub']}" if step["sub"] else "")
    body = step["body"]
    if step["do"] == "put":
        live = await api.get(f"{collection}/x")
        version = {"resourceVersion": live.version}
        body = {**body, "metadata": {**body["metadata"], **version}}
    if step.get("force"):
        query["force"] = "true"
    method = "PUT" if step["do"] == "put" else "PATCH"
    return await api.send(method, path, body, content_type=TYPES.get(step["do"], JSON), query=query)


def _timeless(played: list[dict[str, Any]]) -> list[dict[str, Any]]:
    text = json.dumps(played)
    stamps = sorted({entry["time"] for one in played for entry in _entries(one) if "time" in entry})
    for index, stamp in enumerate(stamps):
        text = text.replace(f'"{stamp}"', f'"2026-01-01T00:00:{index:02}Z"')
    loaded: list[dict[str, Any]] = json.loads(text)
    for one in loaded:
        for document in (one["before"], one["after"]):
            for name in FLEETING:
                (document or {}).get("metadata", {}).pop(name, None)
    return loaded


def _entries(one: dict[str, Any]) -> list[dict[str, Any]]:
    documents = (one["before"] or {}, one["after"])
    return [e for d in documents for e in d.get("metadata", {}).get("managedFields", ())]


if __name__ == "__main__":
    anyio.run(main)
