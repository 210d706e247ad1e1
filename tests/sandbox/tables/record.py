"""Make the cases on a real API server and keep their rows.

``python -m tests.sandbox.tables.record``; needs KUBECONFIG of a control plane
(``hack/control-plane``). Writes ``recorded.json``.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import yaml

from tests.sandbox.builtin.server import RealServer

HERE = Path(__file__).parent
NAMESPACE = "recording-tables"
GROUP = "tables.example.com"


def main() -> None:
    server = RealServer()
    server.send("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    server.wait_for(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/default")
    try:
        recorded = {
            name: _custom(server, case) if "custom" in case else _record(server, case)
            for name, case in yaml.safe_load((HERE / "cases.yaml").read_text()).items()
        }
    finally:
        server.send("DELETE", f"/api/v1/namespaces/{NAMESPACE}")
    lines = [f"{json.dumps(name)}: {json.dumps(case)}" for name, case in recorded.items()]
    (HERE / "recorded.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


def _record(server: RealServer, case: dict[str, Any]) -> dict[str, Any]:
    sent = case["object"]
    sent["metadata"] = {"name": "case"} | (sent.get("metadata") or {})
    path = server.collection(sent, NAMESPACE)
    return _row(server, path, sent, case.get("status"))


def _row(
    server: RealServer, path: str, sent: dict[str, Any], status: dict[str, Any] | None
) -> dict[str, Any]:
    made = server.send("POST", path, sent)
    assert made["kind"] != "Status", made
    named = f"{path}/{sent['metadata']['name']}"
    try:
        if status is not None:
            wrong = server.send("PATCH", f"{named}/status", {"status": status})
            assert wrong["kind"] != "Status", wrong
        before = time.time()
        answer = server.send("GET", f"{named}?includeObject=Object", table=True)
        after = time.time()
    finally:
        server.send("DELETE", f"{named}?gracePeriodSeconds=0")
        server.wait_until_gone(named)
    (row,) = answer["rows"]
    row["object"]["metadata"].pop("managedFields", None)
    shown = [
        {name: value for name, value in column.items() if name != "description"}
        for column in answer["columnDefinitions"]
    ]
    return {"between": [before, after], "columns": shown, **row}


def _custom(server: RealServer, case: dict[str, Any]) -> dict[str, Any]:
    """A row of a custom resource whose CRD lives as long as the recording."""
    crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    name = f"things.{GROUP}"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "additionalPrinterColumns": case["custom"],
    }
    names = {"kind": "Thing", "plural": "things"}
    spec = {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [version]}
    made = server.send("POST", crds, {"metadata": {"name": name}, "spec": spec})
    assert made["kind"] != "Status", made
    path = f"/apis/{GROUP}/v1/namespaces/{NAMESPACE}/things"
    try:
        server.wait_for(path)
        sent = {"apiVersion": f"{GROUP}/v1", "kind": "Thing", **case["object"]}
        sent["metadata"] = {"name": "case"}
        return {"additional": case["custom"], **_row(server, path, sent, None)}
    finally:
        server.send("DELETE", f"{crds}/{name}")
        server.wait_until_gone(f"{crds}/{name}")


if __name__ == "__main__":
    main()
