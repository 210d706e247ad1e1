"""What is sent, and what a real server said to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

__all__ = [
    "BODIES",
    "CASES",
    "CRD",
    "DEPLOYMENT",
    "EXPRESSIONS",
    "RECORDED",
    "document",
    "recorded",
]

HERE = Path(__file__).parent
RECORDED = HERE / "recorded.jsonl"
CRD: dict[str, Any] = yaml.safe_load((HERE / "crd.yaml").read_text("utf-8"))
CASES: dict[str, dict[str, Any]] = yaml.safe_load((HERE / "cases.yaml").read_text("utf-8"))
EXPRESSIONS: list[str] = yaml.safe_load((HERE / "expressions.yaml").read_text("utf-8"))
DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "case", "labels": {"app": "a", "tier": "b"}},
    "spec": {
        "replicas": 3,
        "selector": {"matchLabels": {"app": "a"}},
        "template": {
            "metadata": {"labels": {"app": "a"}},
            "spec": {
                "containers": [
                    {
                        "name": "c1",
                        "image": "one",
                        "args": ["a", "b"],
                        "resources": {"limits": {"memory": "2Gi"}},
                    },
                    {"name": "c2", "image": "two"},
                ]
            },
        },
    },
}

_CORE = "/api/v1/namespaces/{ns}/"
_APPS = "/apis/apps/v1/namespaces/{ns}/deployments?dryRun=All&fieldValidation=Strict"
_PODS = f"{_CORE}pods?dryRun=All&fieldValidation=Strict"
_SAMPLES = "/apis/schema.example.com/v1/namespaces/{ns}/samples?dryRun=All&fieldValidation=Strict"
_SECRETS = f"{_CORE}secrets?dryRun=All&fieldValidation=Strict"


def _deployment(spec: str, metadata: str = '{"name":"a"}') -> str:
    return (
        '{"apiVersion":"apps/v1","kind":"Deployment","metadata":' + metadata + ',"spec":' + spec
    ) + "}"


def _pod(spec: str) -> str:
    return '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},"spec":' + spec + "}"


def _sample(rest: str) -> str:
    return '{"apiVersion":"schema.example.com/v1","kind":"Sample",' + rest + "}"


BODIES: dict[str, tuple[str, str]] = {
    "replicas is a text": (_APPS, _deployment('{"replicas":"3"}')),
    "replicas is a fraction": (_APPS, _deployment('{"replicas":1.5}')),
    "replicas is a whole float": (_APPS, _deployment('{"replicas":2.0}')),
    "replicas is too big": (_APPS, _deployment('{"replicas":2147483648}')),
    "replicas is a boolean": (_APPS, _deployment('{"replicas":true}')),
    "replicas is a list": (_APPS, _deployment('{"replicas":[]}')),
    "spec is a text": (_APPS, _deployment('"x"')),
    "spec is a list": (_APPS, _deployment("[]")),
    "template is a list": (_APPS, _deployment('{"template":[]}')),
    "paused is a text": (_APPS, _deployment('{"paused":"yes"}')),
    "labels is a list": (_APPS, _deployment("{}", '{"labels":[]}')),
    "a label is a number": (_APPS, _deployment("{}", '{"labels":{"a":1}}')),
    "name is a number": (_APPS, _deployment("{}", '{"name":1}')),
    "metadata is a text": (_APPS, _deployment("{}", '"x"')),
    "creationTimestamp is no time": (_APPS, _deployment("{}", '{"creationTimestamp":"x"}')),
    "creationTimestamp is a number": (_APPS, _deployment("{}", '{"creationTimestamp":1}')),
    "containers is an object": (_PODS, _pod('{"containers":{}}')),
    "a container is a text": (_PODS, _pod('{"containers":["a"]}')),
    "a container's name is a number": (_PODS, _pod('{"containers":[{"name":1}]}')),
    "an environment value is a number": (
        _PODS,
        _pod('{"containers":[{"name":"a","env":[{"name":"A","value":1}]}]}'),
    ),
    "args hold a number": (_PODS, _pod('{"containers":[{"name":"a","args":[1]}]}')),
    "a port is a text": (
        _PODS,
        _pod('{"containers":[{"name":"a","ports":[{"containerPort":"80"}]}]}'),
    ),
    "a probe's port is a boolean": (
        _PODS,
        _pod('{"containers":[{"name":"a","livenessProbe":{"httpGet":{"port":true}}}]}'),
    ),
    "a probe's port is a fraction": (
        _PODS,
        _pod('{"containers":[{"name":"a","livenessProbe":{"httpGet":{"port":1.5}}}]}'),
    ),
    "a limit is a boolean": (
        _PODS,
        _pod('{"containers":[{"name":"a","resources":{"limits":{"cpu":true}}}]}'),
    ),
    "a limit is an object": (
        _PODS,
        _pod('{"containers":[{"name":"a","resources":{"limits":{"cpu":{}}}}]}'),
    ),
    "a limit is no quantity": (
        _PODS,
        _pod('{"containers":[{"name":"a","resources":{"limits":{"cpu":"x"}}}]}'),
    ),
    "nodeSelector holds a number": (_PODS, _pod('{"nodeSelector":{"a":1}}')),
    "tolerations hold a text": (_PODS, _pod('{"tolerations":["x"]}')),
    "tolerationSeconds is a text": (_PODS, _pod('{"tolerations":[{"tolerationSeconds":"x"}]}')),
    "secret is not base64": (
        _SECRETS,
        '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"},"data":{"a":"*"}}',
    ),
    "secret is a number": (
        _SECRETS,
        '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"},"data":{"a":1}}',
    ),
    "two wrong types": (_APPS, _deployment('{"replicas":"3","paused":1}')),
    "unknown and duplicate fields of a deployment": (
        _APPS,
        _deployment(
            '{"zzz":1,"replicas":1,"replicas":2,"selector":{},"template":{"spec":{"containers":'
            '[{"name":"a","typo":1,"name":"b"}]}},"aaa":1,"aaa":2}'
        ),
    ),
    "unknown and duplicate fields of a sample": (
        _SAMPLES,
        _sample(
            '"metadata":{"name":"a","typo":1},"zzz":1,"spec":{"typo":1,"text":"a","text":"b",'
            '"defaults":{"items":[{"z":1}]},"anything":{"a":1,"a":2},"also":2}'
        ),
    ),
    "a sample's labels are a list": (_SAMPLES, _sample('"metadata":{"name":"a","labels":[]}')),
    "a sample's label is a number": (
        _SAMPLES,
        _sample('"metadata":{"name":"a","labels":{"a":1}}'),
    ),
    "a sample's metadata is a text": (_SAMPLES, _sample('"metadata":"a"')),
    "a sample's name is a number": (_SAMPLES, _sample('"metadata":{"name":1}')),
    "no JSON": (_APPS, '{"apiVersion":'),
    "a text": (_APPS, '"x"'),
    "a list": (_APPS, "[]"),
    "nothing": (_APPS, ""),
    "no JSON of a sample": (_SAMPLES, '{"apiVersion":'),
    "yaml with a duplicate": (
        _APPS + "&pretty=yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec:\n  replicas: 1\n"
        "  replicas: 2\n",
    ),
    "yaml with an unknown field": (
        _APPS + "&pretty=yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec:\n  typo: 1\n",
    ),
    "no yaml": (_APPS + "&pretty=yaml", "a: [b\nc: d"),
}
"""Bodies as text, each with the path that it is posted to."""


def document(name: str, spec: Any) -> dict[str, Any]:
    """A Sample."""
    return {
        "apiVersion": "schema.example.com/v1",
        "kind": "Sample",
        "metadata": {"name": name},
        "spec": spec,
    }


def recorded(kind: str) -> dict[str, dict[str, Any]]:
    """The recorded answers: to ``CASES`` (``case``), ``BODIES`` (``body``), ``EXPRESSIONS``
    (``expression``).
    """
    rows = [json.loads(line) for line in RECORDED.read_text("utf-8").splitlines()]
    return {row[kind]: row for row in rows if kind in row}
