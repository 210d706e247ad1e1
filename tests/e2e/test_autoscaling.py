"""A service as load moves it: the server's own HPA controller, and who says how many there are."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests import cluster
from tests.e2e.harness import eventually, get, items
from tests.e2e.test_exposure import annotate, operator
from tests.workloads.custom_kinds import custom_kinds

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(300)]

_HPAS = "horizontalpodautoscalers"
_GROUPS = "leaderworkersets"
_SET = "lws-chat-engine"
_RUNNER = {"name": "ome-container", "image": "example.test/serve:1"}


def test_replicas_that_an_autoscaler_sets_are_never_undone(tmp_path: Path, namespace: str) -> None:
    with operator(tmp_path, namespace, disableIngressCreation=True):
        cluster.wait_ready("inferenceservices", "chat", namespace)
        cluster.patch(
            "inferenceservices", "chat", namespace, {"spec": {"engine": {"minReplicas": 2}}}
        )
        # Below its bounds the controller acts without any metric.
        eventually(lambda: _replicas(namespace) == 2)
        said = eventually(lambda: _scaler(namespace).get("conditions"))
        assert {entry["type"] for entry in said} >= {"AbleToScale"}
        assert next(entry for entry in said if entry["type"] == "AbleToScale")["status"] == "True"
        annotate(namespace, touched="1")
        eventually(lambda: _annotation("ome.io/touched", namespace) == "1")
        assert _replicas(namespace) == 2
        with custom_kinds():
            for chosen, kept in (("keda", "scaledobjects"), ("external", ""), ("hpa", _HPAS)):
                annotate(namespace, autoscalerClass=chosen)
                eventually(partial(_only, [kept] if kept else [], namespace))
                assert _replicas(namespace) == 2


def _replicas(namespace: str) -> int:
    deployed = get("deployments", "chat-engine", namespace) or {}
    return int((deployed.get("spec") or {}).get("replicas") or 0)


def _annotation(name: str, namespace: str) -> str | None:
    deployed = get("deployments", "chat-engine", namespace) or {}
    found: str | None = (deployed["metadata"].get("annotations") or {}).get(name)
    return found


def _scaler(namespace: str) -> dict[str, Any]:
    return (get(_HPAS, "chat-engine", namespace) or {}).get("status") or {}


def _only(kinds: list[str], namespace: str) -> bool:
    """Whether autoscalers of these kinds are there, and of no other."""
    return [kind for kind in (_HPAS, "scaledobjects") if items(kind, namespace)] == kinds


def test_groups_that_an_autoscaler_sets_are_never_undone(tmp_path: Path, namespace: str) -> None:
    with custom_kinds(), operator(tmp_path, namespace, disableIngressCreation=True):
        _set_engine(namespace, 1, 4)
        eventually(lambda: get(_GROUPS, _SET, namespace))
        assert not items(_HPAS, namespace)
        annotate(namespace, autoscalerClass="hpa")
        target = eventually(lambda: _target(namespace))
        assert (target["kind"], target["name"]) == ("LeaderWorkerSet", _SET)
        # Below its bounds the controller acts without any metric, through the scale subresource.
        _set_engine(namespace, 2, 4)
        eventually(lambda: _groups(namespace) == 2)
        said = eventually(lambda: _scaler(namespace).get("conditions"))
        able = next(entry for entry in said if entry["type"] == "AbleToScale")
        assert able["status"] == "True"
        _scale(namespace, 3)
        annotate(namespace, touched="1")
        eventually(lambda: _noted("ome.io/touched", namespace) == "1")
        assert _groups(namespace) == 3
        for chosen, kept in (
            ("keda", "scaledobjects"),
            ("external", ""),
            (None, ""),
            ("hpa", _HPAS),
        ):
            annotate(namespace, autoscalerClass=chosen)
            eventually(partial(_only, [kept] if kept else [], namespace))
            if chosen == "external":
                _set_engine(namespace, 1, 4)
                eventually(lambda: _noted("ome.io/asked-replicas", namespace) == "1")
            assert _groups(namespace) == 3


def _set_engine(namespace: str, low: int, high: int) -> None:
    engine = {
        "minReplicas": low,
        "maxReplicas": high,
        "leader": {"runner": _RUNNER},
        "worker": {"size": 1, "runner": _RUNNER},
    }
    change = [{"op": "replace", "path": "/spec/engine", "value": engine}]
    cluster.patch("inferenceservices", "chat", namespace, change)


def _groups(namespace: str) -> int:
    """How many groups there are to be, as an autoscaler sees it."""
    return int(cluster.request("GET", _scale_path(namespace))["spec"]["replicas"])


def _scale(namespace: str, count: int) -> None:
    """What an autoscaler does: it writes the scale subresource."""
    change = {"spec": {"replicas": count}}
    cluster.request("PATCH", _scale_path(namespace), change, "application/merge-patch+json")


def _scale_path(namespace: str) -> str:
    group = "/apis/leaderworkerset.x-k8s.io/v1"
    return f"{group}/namespaces/{namespace}/{_GROUPS}/{_SET}/scale"


def _target(namespace: str) -> dict[str, str]:
    found: dict[str, str] = (get(_HPAS, "chat-engine", namespace) or {"spec": {}})["spec"].get(
        "scaleTargetRef", {}
    )
    return found


def _noted(name: str, namespace: str) -> str | None:
    held = get(_GROUPS, _SET, namespace) or {"metadata": {}}
    found: str | None = (held["metadata"].get("annotations") or {}).get(name)
    return found
