"""Sequences of writes by several managers: recorded from a real server, replayed against ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.sandbox.ownership.writes import (
    Step,
    apply,
    configmap,
    container,
    create,
    deployment,
    entry,
    managed,
    merge,
    put,
    sample,
    service,
    widget,
)

RECORDED = Path(__file__).with_name("recorded.jsonl")


def _data(**data: Any) -> dict[str, Any]:
    return {"data": data}


_A, _AB = {"a": "1"}, {"a": "1", "b": "2"}
_WEB = {"port": 80, "name": "web"}
_DNS = {"port": 53, "name": "dns", "protocol": "UDP"}

SCENARIOS: dict[str, list[Step]] = {
    "two appliers share a value": [
        apply("one", configmap(_AB)),
        apply("two", configmap(_A)),
        apply("one", configmap({"b": "2"})),
        apply("two", configmap()),
    ],
    "an apply that changes nothing": [apply("one", configmap(_A)), apply("one", configmap(_A))],
    "conflicts with an applier": [
        apply("one", configmap(_AB)),
        apply("two", configmap({"a": "2"})),
        apply("two", configmap({"a": "2", "b": "3"})),
        apply("two", configmap({"a": "2", "b": "3"}), force=True),
        apply("one", configmap()),
    ],
    "conflicts with updaters and appliers": [
        apply("one", configmap({**_AB, "c": "3"})),
        merge("up", _data(c="4")),
        merge("down", _data(d="5")),
        apply("two", configmap({"a": "9", "c": "9", "d": "9"})),
        apply("two", configmap({"c": "9"})),
    ],
    "an update of an applied field takes it": [
        apply("one", configmap(_AB)),
        merge("one", _data(a="2")),
        apply("one", configmap({"a": "2"})),
        apply("one", configmap({"b": "1"})),
    ],
    "labels, annotations, finalizers, owners": [
        create("up", configmap(_A, labels={"x": "1"}, finalizers=["a.io/b", "a.io/c"])),
        merge("down", {"metadata": {"labels": {"y": "2"}, "annotations": {"z": "3"}}}),
        apply("one", configmap(None, labels={"y": "2"}, finalizers=["a.io/d"])),
        apply(
            "one",
            configmap(
                None,
                ownerReferences=[{"apiVersion": "v1", "kind": "X", "name": "x", "uid": "u"}],
            ),
        ),
        merge("down", {"metadata": {"labels": None, "finalizers": ["a.io/c"]}}),
        put("down", configmap(_A)),
    ],
    "nulls in what is applied": [
        apply("one", configmap({"a": None, "b": "x"})),
        apply("one", {**configmap(), "data": None}),
        apply("one", {**configmap(), "data": {}}),
        apply("two", configmap(_A, labels=None)),
        apply("one", configmap({})),
    ],
    "fields that are gone are nobody's": [
        create("up", configmap(_AB)),
        apply("one", configmap(_A)),
        merge("down", _data(a=None)),
        merge("down", {"data": None}),
        merge("down", _data(a="1")),
    ],
    "an update that changes nothing": [create("up", configmap(_A)), merge("down", _data(a="1"))],
    "managed fields: reset": [
        create("up", configmap(_A)),
        managed("down"),
        managed("down", {}),
        merge("down", _data(b="2")),
        apply("one", configmap({"a": "2"})),
        apply("one", configmap({"a": "2"}), force=True),
    ],
    "managed fields: moved to an applier": [
        create("up", configmap(_AB)),
        managed("down", entry("one", "Apply", {"f:data": {"f:a": {}, "f:b": {}}})),
        apply("one", configmap(_A)),
    ],
    "managed fields: garbage": [
        create("up", configmap(_A)),
        managed("down", entry("one", "Borrow", {"f:data": {}})),
        managed("down", entry("one", "Apply", {"f:data": {"k:[1": {}}})),
        managed("down", {**entry("one", "Apply", {"f:data": {}}), "fieldsType": "V2"}),
        managed("down", {**entry("one", "Apply", {"f:data": {}}), "apiVersion": ""}),
        managed("down", entry("one", "Apply", {"q:what": {}, "f:data": {"f:a": {}}})),
        managed("down", entry("one", "Apply", {})),
    ],
    "managed fields: with a change of a field": [
        create("up", configmap(_AB)),
        merge(
            "down",
            {
                "metadata": {
                    "managedFields": [
                        entry("one", "Apply", {"f:data": {"f:a": {}, "f:b": {}, "f:zz": {}}}),
                        entry("", "Update", {"f:data": {".": {}}}, time="2026-01-01T00:00:00Z"),
                    ]
                },
                "data": {"a": "3"},
            },
        ),
    ],
    "more than ten updaters": [
        create("u00", configmap({"u00": "1"})),
        *(merge(f"u{i:02}", _data(**{f"u{i:02}": "1", "both": str(i)})) for i in range(1, 13)),
        apply("one", configmap({"u00": "2", "u05": "2"})),
    ],
    "keyed items": [
        apply("one", widget(parts=[{"name": "a", "count": 1}, {"name": "b"}])),
        apply("two", widget(parts=[{"name": "b", "count": 2}, {"name": "c", "count": 3}])),
        apply("one", widget(parts=[{"name": "a", "count": 2}])),
        apply("two", widget(parts=[{"name": "a"}, {"name": "b", "count": 3}])),
        apply("two", widget(parts=[])),
        apply("one", widget(color="red")),
    ],
    "an item whose field another updates": [
        apply("one", widget(parts=[{"name": "a"}, {"name": "b", "count": 1}])),
        merge("up", {"spec": {"parts": [{"name": "a", "count": 7}, {"name": "b", "count": 1}]}}),
        apply("one", widget(parts=[{"name": "b", "count": 1}])),
        apply("one", widget(color="green")),
    ],
    "an update that removes and adds items": [
        create("up", widget(parts=[{"name": "a", "count": 1}, {"name": "b"}])),
        apply("one", widget(parts=[{"name": "b", "count": 5}])),
        merge("down", {"spec": {"parts": [{"name": "b", "count": 5}, {"name": "c"}]}}),
        merge("down", {"spec": {"parts": None}}),
        merge("down", {"spec": {"parts": [{"name": "a"}]}}),
    ],
    "the order of items": [
        apply("one", widget(parts=[{"name": n} for n in "abcd"])),
        apply("two", widget(parts=[{"name": n} for n in "dxb"])),
        apply("three", widget(parts=[{"name": n} for n in "yca"])),
        apply("one", widget(parts=[{"name": n} for n in "dcz"])),
        merge("up", {"spec": {"parts": [{"name": n} for n in "zydxcba"]}}),
    ],
    "custom resources: status": [
        create("up", widget({"size": 3}, color="red")),
        put("up", widget({"size": 2, "state": "Up"}, color="red"), sub="status"),
        apply("one", widget({"size": 2}), sub="status"),
        apply("two", widget({"size": 9}), sub="status"),
        apply("one", widget({"size": 9}, color="red")),
        apply("one", widget({"state": "Up"}), sub="status"),
        apply("one", widget({"state": "Down"}), sub="status", force=True),
    ],
    "custom resources: schemaless parts": [
        apply("one", widget(free={"a": {"b": [1, {"c": 2}], "e": {}}, "n": 1})),
        apply("two", widget(free={"a": {"f": "x"}, "n": 1})),
        apply("one", widget(free={"a": {"e": {"x": 1}}})),
        merge("up", {"spec": {"free": {"a": "text"}}}),
        merge("up", {"spec": {"free": {"a": {"b": {"c": 1}}, "z": []}}}),
        apply("two", widget(free={})),
    ],
    "schemaless parts that become empty": [
        apply("one", sample(free={"x": {"a": 1}, "y": 1})),
        apply("one", sample(free={"x": {}, "y": 1})),
        apply("one", sample(free={"x": {"a": 1}, "y": 1})),
        apply("two", sample(free={"x": {}})),
        apply("one", sample(free={"y": 1})),
    ],
    "sets": [
        apply("one", sample(set=["a<b", "ü", "c"], numbers=[1, 2])),
        apply("two", sample(set=["c", "d"], numbers=[2, 3])),
        apply("one", sample(set=["ü"], numbers=[])),
        merge("up", {"spec": {"set": ["d", "e"], "numbers": [4]}}),
        apply("two", sample()),
    ],
    "keys with defaults": [
        apply("one", sample(ports=[{"port": 80, "name": "a"}, {"port": 80, "protocol": "UDP"}])),
        apply("two", sample(ports=[{"port": 80, "protocol": "TCP", "name": "b"}])),
        apply("two", sample(ports=[{"port": 80, "protocol": "UDP", "name": "b"}])),
        apply("one", sample(ports=[{"port": 80}])),
        apply("one", sample(ports=[{"port": 9, "inner": [{"id": 1, "x": "1"}, {"id": 2}]}])),
        apply("two", sample(ports=[{"port": 9, "inner": [{"id": 1, "x": "2"}]}])),
        merge("up", {"spec": {"ports": [{"port": 9, "inner": [{"id": 2, "x": "3"}]}]}}),
    ],
    "whole objects and lists": [
        apply("one", sample(whole={"a": "1", "b": "2"}, plain=["a", "b"], either=1)),
        apply("two", sample(whole={"a": "1"}, plain=["a"], either="1")),
        apply("two", sample(whole={"a": "1"}, plain=["a"], either="1"), force=True),
        apply("one", sample(plain=[])),
        apply("one", sample(plain=[]), force=True),
        merge("up", {"spec": {"whole": {"b": "3"}, "plain": ["b"]}}),
    ],
    "objects under free keys": [
        apply("one", sample(byName={"x": {"a": "1"}, "y": {}})),
        apply("two", sample(byName={"x": {"b": "2"}, "y": {"a": "1"}})),
        apply("one", sample(byName={"y": {}})),
        merge("up", {"spec": {"byName": {"x": {"a": "9"}, "z": {"b": "1"}}}}),
        apply("two", sample(byName={})),
    ],
    "open objects with known members": [
        apply("one", sample(mixed={"known": {"a": "1"}, "free": "x", "more": {"b": {"c": 1}}})),
        apply("two", sample(mixed={"known": {"a": "1"}, "more": {"b": {"d": 1}}})),
        apply("one", sample(mixed={"more": {"b": {"c": 2}}})),
    ],
    "open objects, created": [create("up", sample(mixed={"more": {"b": {"c": 2}}}, set=["a"]))],
    "null where it is allowed": [
        apply("one", sample(maybe=None, plain=["a"])),
        apply("one", sample(maybe="x")),
        apply("two", sample(maybe=None)),
        apply("two", sample(maybe=None), force=True),
        merge("up", {"spec": {"maybe": "y"}}),
    ],
    "what cannot be applied": [
        apply("one", widget(parts=[{"name": "a"}, {"name": "a", "count": 2}])),
        apply("one", widget(parts=[{"count": 2}])),
        apply("one", widget(parts=[None])),
        apply("one", widget(parts=["a"])),
        apply("one", widget(parts={"a": 1})),
        apply("one", widget(size="a")),
        apply("one", widget(color=3)),
        apply("one", widget(bogus=1)),
    ],
    "what cannot be applied: built-in kinds": [
        apply("one", configmap({"a": 1})),
        apply("one", configmap({"a": True})),
        apply("one", {**configmap(), "immutable": 1}),
        apply("one", configmap(["a"])),
        apply("one", configmap(None, finalizers=["a/b", "a/b"])),
        apply("one", configmap(None, managedFields=[])),
        apply("one", configmap(None, managedFields=[{}])),
    ],
    "what cannot be applied: keys with defaults": [
        apply("one", sample(ports=[{"port": 1}, {"port": 1, "protocol": "TCP"}])),
    ],
    "conflicts in items": [
        apply("one", sample(ports=[{"port": 1, "name": "a", "inner": [{"id": 2, "x": "1"}]}])),
        apply("two", sample(ports=[{"port": 1, "inner": [{"id": 2, "x": "2"}]}])),
    ],
    "a service": [
        create("up", service(_WEB, selector={"a": "b"})),
        apply("one", service({"port": 80, "targetPort": "web", "name": "web"})),
        apply("one", service({"port": 80, "targetPort": "web", "name": "web"}), force=True),
        apply("two", service(_DNS, selector={"a": "b"})),
        apply("two", service({"port": 53, "protocol": "UDP", "name": "dns"})),
        apply("one", service(selector={"a": "c"})),
        merge("down", {"spec": {"selector": {"a": "d"}, "publishNotReadyAddresses": True}}),
    ],
    "a deployment, created": [
        create("up", deployment(container(ports=[{"containerPort": 80}]), container("side"))),
        merge("down", {"metadata": {"labels": {"x": "y"}}, "spec": {"replicas": 1}}),
    ],
    "a deployment, applied": [
        apply("one", deployment(container(env=[{"name": "A", "value": "1"}]))),
        apply("one", deployment(container(resources={"limits": {"cpu": "1000m"}}))),
        apply("two", deployment(container("side"), replicas=0)),
        apply("two", deployment(container(resources={"limits": {"cpu": "2"}}))),
        apply("one", deployment(container(ports=[{"containerPort": 80}]))),
        apply("one", deployment(container(ports=[{"containerPort": 80, "name": "web"}]))),
        merge("up", {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}}),
    ],
    "a deployment: volumes and probes": [
        apply(
            "one",
            deployment(
                container(
                    volumeMounts=[{"name": "v", "mountPath": "/v"}],
                    readinessProbe={"httpGet": {"port": "web", "path": "/"}},
                ),
                template={
                    "metadata": {"labels": {"app": "x"}},
                    "spec": {
                        "containers": [
                            container(
                                volumeMounts=[{"name": "v", "mountPath": "/v"}],
                                livenessProbe={"tcpSocket": {"port": 80}},
                            )
                        ],
                        "volumes": [{"name": "v", "emptyDir": {}}],
                        "tolerations": [{"operator": "Exists"}],
                        "nodeSelector": {"a": "b"},
                        "imagePullSecrets": [{"name": "s"}],
                    },
                },
            ),
        ),
        merge("up", {"spec": {"template": {"spec": {"nodeSelector": {"c": "d"}}}}}),
        merge(
            "up", {"spec": {"template": {"spec": {"tolerations": None, "imagePullSecrets": None}}}}
        ),
        apply("one", deployment()),
    ],
    "a deployment: environment with duplicates": [
        create("up", deployment(container(env=[{"name": "A"}, {"name": "A", "value": "2"}]))),
        apply("one", deployment(container(env=[{"name": "B", "value": "3"}]))),
        merge("down", {"spec": {"template": {"spec": {"containers": [container()]}}}}),
    ],
    "a deployment: metadata of pods": [
        create(
            "up",
            deployment(
                template={
                    "metadata": {"labels": {"app": "x"}},
                    "spec": {"containers": [container()]},
                }
            ),
        ),
        merge("down", {"spec": {"template": {"metadata": {"annotations": {"a": "1"}}}}}),
        merge("down", {"spec": {"template": {"metadata": {"annotations": None}}}}),
        apply("one", {**deployment(), "metadata": {"name": "x", "labels": {"l": "1"}}}),
    ],
    "an applier that drops everything": [
        apply("one", sample(byName={"x": {"a": "1"}}, set=["a"])),
        apply("one", {**sample(), "metadata": {"name": "x", "labels": {"a": "b"}}}),
        apply(
            "one",
            {"apiVersion": "ownership.ome.test/v1", "kind": "Sample", "metadata": {"name": "x"}},
        ),
    ],
    "an update of metadata of a custom resource": [
        create("up", widget(color="red")),
        merge("down", {"metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}}}),
        merge("down", {"metadata": {"annotations": {"c": "e"}}, "status": {"size": 4}}, "status"),
        merge("down", {"spec": {"free": {"x": {"y": 1}}}}),
    ],
    "an unnamed updater": [create("", configmap(_A)), merge("", _data(b="1"))],
}
