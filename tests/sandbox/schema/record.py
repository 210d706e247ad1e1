"""Send the cases to a real API server and keep what it says.

Run: ``python -m tests.sandbox.schema.record``; needs KUBECONFIG of a control plane
(``hack/control-plane``). Writes ``recorded.jsonl``.
"""

from __future__ import annotations

import copy
import json
from typing import Any

from tests import cluster
from tests.cluster import Problem
from tests.sandbox.schema.cases import (
    BODIES,
    CASES,
    CRD,
    DEPLOYMENT,
    EXPRESSIONS,
    RECORDED,
    document,
)

NAMESPACE = "schema-recording"
SAMPLES = f"/apis/schema.example.com/v1/namespaces/{NAMESPACE}/samples"


def main() -> None:
    """Record everything in a namespace of its own."""
    lax = copy.deepcopy(CRD)
    free = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    lax["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"] = free
    name = CRD["metadata"]["name"]
    cluster.delete("customresourcedefinitions", name)
    cluster.apply(lax)
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    try:
        olds = {
            name: cluster.create(document(f"case-{number}", case["old"]), NAMESPACE)
            for number, (name, case) in enumerate(CASES.items())
            if "old" in case
        }
        cluster.apply(CRD)
        cluster.eventually(_is_strict)
        rows = [
            {"case": name, **_record(number, case, olds.get(name))}
            for number, (name, case) in enumerate(CASES.items())
        ]
        rows += [{"body": body, **_send_body(path, text)} for body, (path, text) in BODIES.items()]
        rows += _conditions()
    finally:
        cluster.delete("customresourcedefinitions", name)
        cluster.delete("validatingwebhookconfigurations", NAMESPACE)
        cluster.delete("namespaces", NAMESPACE)
    RECORDED.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def _is_strict() -> bool:
    try:
        cluster.create(document("probe", {"whole": "x"}), NAMESPACE, dryRun="All")
    except Problem as problem:
        return problem.code == 422
    return False


def _record(number: int, case: dict[str, Any], old: dict[str, Any] | None) -> dict[str, Any]:
    sent = document(case.get("name", f"case-{number}"), case["spec"])
    query = {"dryRun": "All", "fieldValidation": case.get("validation", "Strict")}
    try:
        if old is None:
            answer = cluster.request("POST", SAMPLES, sent, **query)
        else:
            sent["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"]
            answer = cluster.request("PUT", f"{SAMPLES}/{sent['metadata']['name']}", sent, **query)
    except Problem as problem:
        return _refusal(problem.code, problem.body)
    return {"spec": answer.get("spec")}


def _send_body(path: str, text: str) -> dict[str, Any]:
    target = path.format(ns=NAMESPACE)
    media = "application/yaml" if "yaml" in target else "application/json"
    status, said = cluster.raw(
        "POST", target, text, {"Content-Type": media, "Accept": "application/json"}
    )
    return _refusal(status, json.loads(said))


def _conditions() -> list[dict[str, Any]]:
    """What becomes of each expression as a condition of a webhook that nobody serves.

    Of a condition that holds the webhook is called, which fails.
    """
    refused = {text: _refused_condition(text) for text in EXPRESSIONS}
    taken = [text for text in EXPRESSIONS if refused[text] is None]
    hooks = [_webhook(f"h{number}", text) for number, text in enumerate([*taken, "true"])]
    cluster.create(_configuration(hooks))
    probe = f"h{len(taken)}"
    cluster.eventually(lambda: "failed calling webhook" in str(_condition(probe)))
    return [
        {"expression": text, "refused": refused[text]}
        if refused[text] is not None
        else {"expression": text, **_condition(f"h{taken.index(text)}")}
        for text in EXPRESSIONS
    ]


def _webhook(name: str, expression: str) -> dict[str, Any]:
    return {
        "name": f"{name}.schema.example.com",
        "clientConfig": {"url": "https://127.0.0.1:1/x"},
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "timeoutSeconds": 2,
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": NAMESPACE}},
        "objectSelector": {"matchLabels": {"tier": name}},
        "rules": [
            {
                "apiGroups": ["apps"],
                "apiVersions": ["v1"],
                "operations": ["CREATE"],
                "resources": ["deployments"],
            }
        ],
        "matchConditions": [{"name": "c", "expression": expression}],
    }


def _configuration(hooks: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": NAMESPACE},
        "webhooks": hooks,
    }


def _refused_condition(expression: str) -> str | None:
    try:
        cluster.create(_configuration([_webhook("h", expression)]), dryRun="All")
    except Problem as problem:
        return str(problem.body["message"])
    return None


def _condition(label: str) -> dict[str, Any]:
    sent = copy.deepcopy(DEPLOYMENT)
    sent["metadata"]["labels"]["tier"] = label
    try:
        cluster.create(sent, NAMESPACE, dryRun="All")
    except Problem as problem:
        said = str(problem.body["message"])
        called = "failed calling webhook" in said
        return {"holds": True, "said": said} if called else {"error": said}
    return {"holds": False}


def _refusal(code: int, body: dict[str, Any]) -> dict[str, Any]:
    causes = (body.get("details") or {}).get("causes") or []
    return {"code": code, "message": body.get("message", ""), "causes": causes}


if __name__ == "__main__":
    main()
