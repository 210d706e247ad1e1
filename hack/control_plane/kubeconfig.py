"""Kubeconfig files, written as JSON, which is YAML too: no library is needed."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from .layout import Start


def write_certificate(start: Start, path: Path, user: str, file: str) -> None:
    """One that proves the user with the certificate of that name, which it contains."""
    credentials = {
        "client-certificate-data": _encoded(start.pki / f"{file}.crt"),
        "client-key-data": _encoded(start.pki / f"{file}.key"),
    }
    _write(start, path, user, credentials)


def write_token(start: Start, path: Path, user: str, token: str) -> None:
    """One that proves the user with a bearer token."""
    _write(start, path, user, {"token": token})


def document(
    server: str, authority: str, user: str, credentials: dict[str, str]
) -> dict[str, object]:
    """A kubeconfig with one cluster, one user and one context."""
    name = "ome-control-plane"
    cluster = {"server": server, "certificate-authority-data": authority}
    context = {"cluster": name, "user": user, "namespace": "default"}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": user, "user": credentials}],
        "contexts": [{"name": name, "context": context}],
        "current-context": name,
    }


def _write(start: Start, path: Path, user: str, credentials: dict[str, str]) -> None:
    config = document(start.server, _encoded(start.pki / "ca.crt"), user, credentials)
    path.touch(mode=0o600)
    path.write_text(json.dumps(config, indent=2) + "\n")


def _encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
