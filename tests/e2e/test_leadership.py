"""Two managers on one API server: one is killed, stopped, frozen; the other takes over."""

from __future__ import annotations

import json
import signal
import time
import urllib.request
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ome.api.names import LEADER_LEASE
from tests import cluster
from tests.e2e.harness import (
    HERE,
    USER,
    Process,
    answers,
    apply,
    audit,
    eventually,
    free_port,
    get,
    items,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(300)]

MUTATING = ("create", "update", "patch", "delete", "deletecollection")


class Replica(Process):
    """One of two managers, under a user of its own so that the audit log tells them apart."""

    def __init__(self, folder: Path, name: str, namespace: str) -> None:
        self.user = f"{USER}-{name}"
        path = folder / f"{name}.kubeconfig"
        path.write_text(Path(cluster.user_kubeconfig(self.user)).read_text())
        self.namespace, self.began = namespace, time.time()
        self.metrics, self.probes = free_port(), free_port()
        super().__init__(
            folder / f"{name}.log",
            *("manager", f"--kubeconfig={path}", f"--namespace={namespace}", "--leader-elect"),
            f"--health-probe-addr=127.0.0.1:{self.probes}",
            f"--metrics-bind-address=127.0.0.1:{self.metrics}",
        )

    def says(self, text: str) -> bool:
        return text in self.log.read_text()

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def follows(self) -> bool:
        """Whether its caches are in sync and it watches the Lease."""
        return answers(f"http://127.0.0.1:{self.probes}/readyz") == 200 and any(
            entry["verb"] == "watch"
            and entry["objectRef"]["resource"] == "leases"
            and entry["objectRef"].get("namespace") == self.namespace
            for entry in audit(self.began, self.user)
            if entry.get("objectRef")
        )

    def leads(self) -> float:
        url = f"http://127.0.0.1:{self.metrics}/metrics"
        with urllib.request.urlopen(url, timeout=5) as answer:
            text = answer.read().decode()
        line = next(line for line in text.splitlines() if line.startswith("leader_election_master"))
        return float(line.split()[1])


@contextmanager
def two(folder: Path, namespace: str) -> Iterator[tuple[Replica, Replica]]:
    """A leader and a follower whose caches are in sync."""
    apply((HERE / "rbac.yaml").read_text())
    binding = get("clusterrolebindings", USER)
    assert binding is not None
    subjects = [
        {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}
        for name in cluster.REPLICAS
    ]
    name = f"{USER}-{namespace}"
    kind = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding"}
    apply({**kind, "metadata": {"name": name}, "subjects": subjects, "roleRef": binding["roleRef"]})
    replicas: list[Replica] = []
    try:
        replicas.append(Replica(folder, "a", namespace))
        eventually(lambda: replicas[0].says("leader.gained"), 90)
        replicas.append(Replica(folder, "b", namespace))
        eventually(replicas[1].follows, 90, every=0.5)
        yield replicas[0], replicas[1]
    finally:
        for replica in replicas:
            replica.send(signal.SIGCONT)
            if replica.running:
                replica.stop()
        cluster.delete("clusterrolebindings", name)


def took_over(replica: Replica, within: float) -> None:
    """The exact bounds hold in virtual time (tests/reconciler/test_election.py).

    Here a busy machine adds what it likes, so ``within`` only tells one way of taking over from
    the other ones.
    """
    eventually(lambda: replica.says("leader.gained"), within, every=0.05)


def test_a_kill_hands_over_once_the_lease_has_run_out(tmp_path: Path, namespace: str) -> None:
    with two(tmp_path, namespace) as (a, b):
        a.send(signal.SIGKILL)
        took_over(b, 40)


def test_a_clean_stop_hands_over_before_the_lease_would_have_run_out(
    tmp_path: Path, namespace: str
) -> None:
    with two(tmp_path, namespace) as (a, b):
        assert (a.leads(), b.leads()) == (1, 0)
        a.send(signal.SIGTERM)
        took_over(b, 10)  # of 15
        assert b.leads() == 1
        lease = get("leases", LEADER_LEASE, namespace) or {}
        assert lease["spec"]["leaseTransitions"] == 1
        holder = lease["spec"]["holderIdentity"]
        eventually(lambda: f"{holder} became leader" in _notes(namespace))


def _events(namespace: str) -> list[dict[str, Any]]:
    return [item for item in items("events", namespace) if item["reason"] == "LeaderElection"]


def _notes(namespace: str) -> list[str]:
    return [event.get("message") or event.get("note") or "" for event in _events(namespace)]


def test_a_frozen_leader_writes_nothing_after_it_wakes(tmp_path: Path, namespace: str) -> None:
    with two(tmp_path, namespace) as (a, b):
        # Work that goes on all the time: models whose finalizers and statuses are to be written.
        for number in range(10):
            _model(f"{namespace}-{number}")
        a.send(signal.SIGSTOP)
        stopped = time.time()
        for number in range(10, 20):
            _model(f"{namespace}-{number}")
        eventually(lambda: b.says("leader.gained"))
        woken = time.time()
        a.send(signal.SIGCONT)
        for number in range(20, 30):
            _model(f"{namespace}-{number}")
        eventually(lambda: a.says("leader.lost"))
        eventually(lambda: all(_held(f"{namespace}-{n}") for n in range(30)))
        time.sleep(5)
        late = [entry for entry in audit(stopped + 1, a.user) if entry["verb"] in MUTATING]
        # The stop may fall between the check of a write and its bytes, which no process can do in
        # one step. Such a write leaves first thing, and the version that it was made from guards
        # it.
        assert all(_was_leaving(entry, woken) and _refused(entry) for entry in late), (woken, late)
        assert len(late) <= 1
        assert (a.leads(), b.leads()) == (0, 1)
        # What was made before, in and after the freeze is as what is made in quiet.
        _model(f"{namespace}-quiet")
        eventually(lambda: "status" in (get("clusterbasemodels", f"{namespace}-quiet") or {}), 30)
        quiet = _lasting(f"{namespace}-quiet")
        for number in range(30):
            eventually(lambda n=number: _lasting(f"{namespace}-{n}") == quiet, 10)  # type: ignore[misc]
        cluster.delete_collection("clusterbasemodels", labelSelector=f"ome.test/run={namespace}")


def _was_leaving(entry: dict[str, Any], woken: float) -> bool:
    received = datetime.fromisoformat(entry["requestReceivedTimestamp"]).timestamp()
    return received < woken + 0.05


def _refused(entry: dict[str, Any]) -> bool:
    return bool(entry["responseStatus"]["code"] >= 400)


def _model(name: str) -> None:
    document = {
        "apiVersion": "ome.io/v1beta1",
        "kind": "ClusterBaseModel",
        "metadata": {"name": name, "labels": {"ome.test/run": name.rpartition("-")[0]}},
        "spec": {
            "modelFormat": {"name": "safetensors"},
            "storage": {"storageUri": f"hf://example/{name}", "path": f"/raid/models/{name}"},
        },
    }
    apply(document)


def _lasting(name: str) -> dict[str, Any]:
    """A model without what differs from one to the next: its name, identity and times."""
    found: dict[str, Any] = json.loads(
        json.dumps(get("clusterbasemodels", name)).replace(name, "MODEL")
    )
    assert not found["metadata"].get("deletionTimestamp")
    found["metadata"] = {
        key: found["metadata"].get(key)
        for key in ("name", "labels", "annotations", "finalizers", "generation")
    }
    for condition in found.get("status", {}).get("conditions", ()):
        condition.pop("lastTransitionTime")
    return found


def _held(name: str) -> bool:
    """The controller has seen it: its finalizer is there."""
    return bool((get("clusterbasemodels", name) or {})["metadata"].get("finalizers"))
