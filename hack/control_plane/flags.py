"""How each component is started. Pure: a start goes in, its flags come out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from .layout import Start

SERVICE_ADDRESSES = "10.96.0.0/16"
POD_ADDRESSES = "10.128.0.0/9"
LEASE_SECONDS = 200
"""kwok renews a node's Lease after a quarter of this: seldom, as nodes may be many."""
NODE_GRACE = "10m"
"""A node counts as lost after this: long, so that a busy machine loses none."""

AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}


def etcd(start: Start) -> list[str]:
    """Without waiting for the disk: what a crash of the machine loses is not missed here."""
    pki = start.pki
    clients = f"https://127.0.0.1:{start.ports['etcd']}"
    peers = f"https://127.0.0.1:{start.ports['etcd-peer']}"
    values = {
        "name": "ome",
        "data-dir": start.dir / "etcd",
        "listen-client-urls": clients,
        "advertise-client-urls": clients,
        "listen-peer-urls": peers,
        "initial-advertise-peer-urls": peers,
        "initial-cluster": f"ome={peers}",
        "log-level": "warn",
        "quota-backend-bytes": 4 * 2**30,
    }
    for prefix in ("", "peer-"):
        values[f"{prefix}cert-file"] = pki / "etcd.crt"
        values[f"{prefix}key-file"] = pki / "etcd.key"
        values[f"{prefix}trusted-ca-file"] = pki / "etcd-ca.crt"
        values[f"{prefix}client-cert-auth"] = "true"
    return [*_flags(values), "--unsafe-no-fsync"]


def kube_apiserver(start: Start, features: Sequence[str] = ()) -> list[str]:
    """Reachable on loopback only; Services reach their endpoints without a cluster network."""
    pki = start.pki
    values = {
        "bind-address": "127.0.0.1",
        "secure-port": start.ports["kube-apiserver"],
        "advertise-address": start.address or "127.0.0.1",
        # It would publish the advertised address, where nothing listens.
        "endpoint-reconciler-type": "none",
        "etcd-servers": f"https://127.0.0.1:{start.ports['etcd']}",
        "etcd-cafile": pki / "etcd-ca.crt",
        "etcd-certfile": pki / "etcd-client.crt",
        "etcd-keyfile": pki / "etcd-client.key",
        "client-ca-file": pki / "ca.crt",
        "tls-cert-file": pki / "kube-apiserver.crt",
        "tls-private-key-file": pki / "kube-apiserver.key",
        "service-account-issuer": "https://kubernetes.default.svc.cluster.local",
        "service-account-key-file": pki / "service-accounts.pub",
        "service-account-signing-key-file": pki / "service-accounts.key",
        "service-cluster-ip-range": SERVICE_ADDRESSES,
        "authorization-mode": "Node,RBAC",
        "allow-privileged": "true",
        # Without it a webhook is called at its Service's cluster address, which nothing routes.
        "enable-aggregator-routing": "true",
        "proxy-client-cert-file": pki / "front-proxy.crt",
        "proxy-client-key-file": pki / "front-proxy.key",
        "requestheader-client-ca-file": pki / "front-proxy-ca.crt",
        "requestheader-allowed-names": "front-proxy",
        "requestheader-username-headers": "X-Remote-User",
        "requestheader-group-headers": "X-Remote-Group",
        "requestheader-extra-headers-prefix": "X-Remote-Extra-",
        "audit-policy-file": start.dir / "audit-policy.json",
        "audit-log-path": start.audit_log,
        "audit-log-mode": "blocking",
        # Megabytes: tests read one file from its beginning, so it must not be rotated.
        "audit-log-maxsize": 100_000,
        "profiling": "false",
    }
    return _flags(values | _gates(features))


def kube_controller_manager(start: Start, features: Sequence[str] = ()) -> list[str]:
    """All controllers that are on by default, each with its own service account."""
    values = _client(start, "kube-controller-manager") | {
        "controllers": "*",
        "use-service-account-credentials": "true",
        "service-account-private-key-file": start.pki / "service-accounts.key",
        "root-ca-file": start.pki / "ca.crt",
        "cluster-signing-cert-file": start.pki / "ca.crt",
        "cluster-signing-key-file": start.pki / "ca.key",
        "service-cluster-ip-range": SERVICE_ADDRESSES,
        "allocate-node-cidrs": "false",
        # How soon a new node loses its not-ready taint.
        "node-monitor-period": "1s",
        "node-monitor-grace-period": NODE_GRACE,
        "horizontal-pod-autoscaler-sync-period": "2s",
        "pvclaimbinder-sync-period": "2s",
    }
    return _flags(values | _gates(features))


def kube_scheduler(start: Start, features: Sequence[str] = ()) -> list[str]:
    """The default profile."""
    return _flags(_client(start, "kube-scheduler") | _gates(features))


def kwok(start: Start) -> list[str]:
    """Plays the kubelet for nodes with its annotation, and for the pods on them."""
    return _flags(
        {
            "kubeconfig": start.pki / "kwok.kubeconfig",
            "config": start.dir / "kwok.yaml",
            "manage-all-nodes": "false",
            "manage-nodes-with-annotation-selector": "kwok.x-k8s.io/node=fake",
            # So a pod with hostNetwork has this machine's address, and a Service that selects it
            # leads to what listens there.
            "node-ip": start.address or "10.0.0.1",
            "cidr": POD_ADDRESSES,
            "node-lease-duration-seconds": LEASE_SECONDS,
            "server-address": f"127.0.0.1:{start.ports['kwok']}",
            "tls-cert-file": start.pki / "local.crt",
            "tls-private-key-file": start.pki / "local.key",
        }
    )


def kwok_config(stages: Sequence[Path]) -> str:
    """kwok's configuration: more work at once than it does by itself, and how things behave."""
    options = {
        "apiVersion": "config.kwok.x-k8s.io/v1alpha1",
        "kind": "KwokConfiguration",
        "options": {
            "podPlayStageParallelism": 16,
            "nodePlayStageParallelism": 16,
            "nodeLeaseParallelism": 16,
        },
    }
    return "\n---\n".join([json.dumps(options), *(path.read_text().strip() for path in stages)])


def _client(start: Start, name: str) -> dict[str, object]:
    """What the two clients of the API server that have a server of their own share."""
    config = start.pki / f"{name}.kubeconfig"
    return {
        "kubeconfig": config,
        "authentication-kubeconfig": config,
        "authorization-kubeconfig": config,
        "bind-address": "127.0.0.1",
        "secure-port": start.ports[name],
        "tls-cert-file": start.pki / "local.crt",
        "tls-private-key-file": start.pki / "local.key",
        # There is one of each: an election would only delay it.
        "leader-elect": "false",
        # The default (20 to 50 a second) is what makes mass tests slow.
        "kube-api-qps": 1000,
        "kube-api-burst": 2000,
        "profiling": "false",
    }


def _gates(features: Sequence[str]) -> dict[str, object]:
    return {"feature-gates": ",".join(features)} if features else {}


def _flags(values: Mapping[str, object]) -> list[str]:
    return [f"--{name}={value}" for name, value in values.items()]
