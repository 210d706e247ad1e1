"""Who trusts whom: three authorities, and the certificates that they signed.

- `ca`: the API server's clients and all servers that they reach.
- `front-proxy-ca`: only the API server's proxy. What it signs may speak for any user, so it signs
  nothing else.
- `etcd-ca`: only the API server and etcd itself. What it signs may read and write everything.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .build import pki_path
from .terminal import run

if TYPE_CHECKING:
    from pathlib import Path

    from .layout import Start

DAYS = 365
FIRST_SERVICE_ADDRESS = "10.96.0.1"
NEXT_STEP = "report this: the program that makes certificates is part of hack/control_plane"

ADMIN = "kubernetes-admin"
ADMINISTRATORS = "system:masters"


def make_all(start: Start) -> None:
    """Everything that the components need."""
    make(start.pki, requests(start.address))


def make_user(start: Start, file: str, name: str, groups: list[str]) -> None:
    """A client certificate that the API server takes for this user in these groups."""
    make(start.pki, [client(file, name, groups)])


def requests(address: str | None) -> list[dict[str, Any]]:
    """What is asked of the certificate maker, authorities before what they sign."""
    local = ["localhost", "127.0.0.1", *([address] if address else [])]
    service = [f"kubernetes{end}" for end in ("", ".default", ".default.svc")]
    full_name = "kubernetes.default.svc.cluster.local"
    names = [*local, *service, full_name, FIRST_SERVICE_ADDRESS]
    return [
        *(request(name, name) for name in ("ca", "front-proxy-ca", "etcd-ca")),
        {"name": "service-accounts", "keyOnly": True},
        request("kube-apiserver", "kube-apiserver", "ca", hosts=names),
        request("local", "ome-control-plane", "ca", hosts=local),
        request("front-proxy", "front-proxy", "front-proxy-ca"),
        request("etcd", "etcd", "etcd-ca", hosts=local),
        request("etcd-client", "kube-apiserver", "etcd-ca"),
        client("admin", ADMIN, [ADMINISTRATORS]),
        client("kube-controller-manager", "system:kube-controller-manager"),
        client("kube-scheduler", "system:kube-scheduler"),
        client("kwok", "kwok", [ADMINISTRATORS]),
    ]


def client(file: str, name: str, groups: list[str] | None = None) -> dict[str, Any]:
    """The request for a user's certificate."""
    return request(file, name, "ca", groups=groups)


def request(
    file: str,
    name: str,
    issuer: str = "",
    *,
    groups: list[str] | None = None,
    hosts: list[str] | None = None,
) -> dict[str, Any]:
    """The request for a certificate; without an issuer it is an authority's own."""
    return {
        "name": file, "commonName": name, "issuer": issuer, "groups": groups or [],
        "hosts": hosts or [], "validityDays": DAYS,
    }  # fmt: skip


def make(folder: Path, wanted: list[dict[str, Any]]) -> None:
    """Write a key and a certificate for each, under its name, into the folder."""
    run([str(pki_path()), str(folder)], stdin=json.dumps(wanted), next_step=NEXT_STEP)
