"""Send the cases to a real API server and keep what it says.

``python -m tests.sandbox.builtin.record``; needs KUBECONFIG of a control plane
(``hack/control-plane``). Writes ``recorded.json``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from tests.sandbox.builtin.server import RealServer

HERE = Path(__file__).parent
NAMESPACE = "recording"


def main() -> None:
    server = RealServer()
    server.send("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    server.wait_for(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/default")
    try:
        recorded = {
            f"{path.stem}: {name}": _record(server, case)
            for path in sorted((HERE / "cases").glob("*.yaml"))
            for name, case in yaml.safe_load(path.read_text()).items()
        }
    finally:
        server.send("DELETE", f"/api/v1/namespaces/{NAMESPACE}")
    lines = [f"{json.dumps(name)}: {json.dumps(case)}" for name, case in recorded.items()]
    (HERE / "recorded.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


def _record(server: RealServer, case: dict[str, Any]) -> dict[str, Any]:
    sent = case["object"]
    sent["metadata"] = {"name": "case"} | (sent.get("metadata") or {})
    path = server.collection(sent, NAMESPACE)
    if "change" not in case:
        answer = server.send("POST", f"{path}?dryRun=All", sent)
        return {"sent": sent, "answer": _stripped(answer)}
    old = server.send("POST", path, sent)
    named = f"{path}/{sent['metadata']['name']}"
    try:
        return _change(server, named, case, old)
    finally:
        server.send("DELETE", f"{named}?gracePeriodSeconds=0")
        server.wait_until_gone(named)


def _change(
    server: RealServer, path: str, case: dict[str, Any], old: dict[str, Any]
) -> dict[str, Any]:
    """The patch between two reads of one version, so that nobody else's write is in the answer."""
    subresource = case.get("subresource", "")
    target = f"{path}/{subresource}" if subresource else path
    answer: dict[str, Any] = {}
    for _ in range(10):
        old = server.send("GET", path)
        answer = server.send("PATCH", f"{target}?dryRun=All", case["change"])
        after = server.send("GET", path)
        if after["metadata"]["resourceVersion"] == old["metadata"]["resourceVersion"]:
            break
    return {
        "old": _stripped(old),
        "change": case["change"],
        "subresource": subresource,
        "answer": _stripped(answer),
    }


def _stripped(document: dict[str, Any]) -> dict[str, Any]:
    document.get("metadata", {}).pop("managedFields", None)
    return document


if __name__ == "__main__":
    main()
