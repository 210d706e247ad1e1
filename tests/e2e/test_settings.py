"""An edit of the operator's settings reaches every service, once, while the operator runs."""

from __future__ import annotations

import time
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests import cluster
from tests.e2e.harness import SERVICE, apply, audit, eventually, get, items, writes
from tests.e2e.test_exposure import operator, settle

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(300)]

NAMES = ("chat", "other", "third")
FIRST: dict[str, Any] = {"ingressClassName": "one"}
HOSTS = {"domainTemplate": "{{ .Namespace }}-{{ .Name }}.{{ .IngressDomain }}"}
SCHEME = {"urlScheme": "https"}
CLASS = {"ingressClassName": "two"}


def test_an_edit_of_the_settings_is_written_to_each_service_once(
    tmp_path: Path, namespace: str
) -> None:
    with operator(tmp_path, namespace, **FIRST):
        for name in NAMES[1:]:
            text = SERVICE.replace("namespace: demo", f"namespace: {namespace}")
            apply(text.replace("name: chat", f"name: {name}"))
        for name in NAMES:
            cluster.wait_ready("inferenceservices", name, namespace, seconds=90)
        held, since = {**FIRST}, time.time()
        for change in (HOSTS, SCHEME, CLASS):
            held |= change
            settle(namespace, **held)
            eventually(partial(_all_show, namespace, dict(held)))
        seen = _written(since, namespace)
        for name in NAMES[1:]:
            cluster.delete("inferenceservices", name, namespace)
        for name in NAMES:
            # Hosts and class stand in the Ingress, hosts and scheme in the status.
            assert seen[f"ingresses/{name}"] == 2, seen
            assert seen[f"inferenceservices/{name}/status"] == 2, seen
        others = {
            path for path in seen if path.startswith(("deployments", "services/", "pod", "hor"))
        }
        assert others == set()


def _all_show(namespace: str, settings: dict[str, Any]) -> bool:
    return all(_shown(name, namespace) == _wanted(name, namespace, settings) for name in NAMES)


def _written(since: float, namespace: str) -> Counter[str]:
    """How often each object of the namespace was written, by its plural and name."""
    place = f"/namespaces/{namespace}/"
    uris = (line.split(" ", 1)[1].partition("?")[0] for line in writes(audit(since)))
    return Counter(uri.partition(place)[2] for uri in uris if place in uri)


def _wanted(name: str, namespace: str, settings: dict[str, Any]) -> tuple[str, str, str]:
    host = f"{name}.{namespace}" if "domainTemplate" not in settings else f"{namespace}-{name}"
    scheme = settings.get("urlScheme", "http")
    return (
        settings["ingressClassName"],
        f"{host}.example.com",
        f"{scheme}://{host}.example.com:8080",
    )


def _shown(name: str, namespace: str) -> tuple[str, str, str]:
    service = get("inferenceservices", name, namespace) or {}
    (spec,) = [
        item["spec"] for item in items("ingresses", namespace) if item["metadata"]["name"] == name
    ]
    return spec["ingressClassName"], spec["rules"][0]["host"], service["status"]["url"]
