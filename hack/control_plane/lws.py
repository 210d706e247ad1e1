"""The real controller of LeaderWorkerSets, on a control plane that runs.

It is no part of every start: where it runs, nobody else may play its part. Its webhooks are called
by address, with a certificate of the control plane's own authority.
"""

from __future__ import annotations

import base64
import json
import shutil
import socket
from typing import TYPE_CHECKING, Any

from . import build, kubeconfig, processes
from .client import Refused, of_apiserver
from .terminal import timed

if TYPE_CHECKING:
    from .layout import Start

NAME = "lws"
GROUP = "leaderworkerset.x-k8s.io"
DEADLINE = 90.0
_REGISTRY = "/apis/admissionregistration.k8s.io/v1"
_KINDS = {
    "mutate": ("MutatingWebhookConfiguration", "mutatingwebhookconfigurations"),
    "validate": ("ValidatingWebhookConfiguration", "validatingwebhookconfigurations"),
}
_SETS = {"apiGroups": [GROUP], "apiVersions": ["v1"], "resources": ["leaderworkersets"]}
_PODS = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}


def begin(start: Start) -> None:
    """Build it where that was not done yet, start it and return when its webhooks are called.

    The CRD of LeaderWorkerSets must be there (`up --crds lws`). Raises `ControlPlaneError`.
    """
    program = build.ensure_lws()
    if processes.alive(start, NAME):
        return
    link = start.program(NAME)
    link.unlink(missing_ok=True)
    link.symlink_to(program)
    certificates = start.pki / "lws-webhook"
    certificates.mkdir(exist_ok=True)
    for end, file in (("crt", "tls.crt"), ("key", "tls.key")):
        shutil.copy(start.pki / f"local.{end}", certificates / file)
    config = start.pki / f"{NAME}.kubeconfig"
    kubeconfig.write_certificate(start, config, NAME, "admin")
    settings = start.dir / "lws.json"
    settings.write_text(json.dumps(configuration(start)))
    with timed("the controller of LeaderWorkerSets is ready"):
        flags = [f"--config={settings}", "--metrics-bind-address=0", "--zap-log-level=info"]
        processes.spawn(start, NAME, flags, {"KUBECONFIG": str(config)})
        port = start.ports["lws-webhook"]
        processes.wait_ready(start, NAME, lambda: _listens(port), DEADLINE)
        _register(start)


def end(start: Start) -> None:
    """End it and forget its webhooks; fine where it does not run."""
    with of_apiserver(start) as client:
        for verb, (_, plural) in _KINDS.items():
            try:
                client.json("DELETE", f"{_REGISTRY}/{plural}/lws-{verb}")
            except Refused as error:
                if error.status != 404:
                    raise
    processes.end(start, NAME)


def configuration(start: Start) -> dict[str, Any]:
    """Its configuration file: on loopback, alone, with certificates from files."""
    return {
        "apiVersion": "config.lws.x-k8s.io/v1alpha1",
        "kind": "Configuration",
        "webhook": {
            "host": "127.0.0.1",
            "port": start.ports["lws-webhook"],
            "certDir": str(start.pki / "lws-webhook"),
        },
        "health": {"healthProbeBindAddress": f"127.0.0.1:{start.ports['lws']}"},
        "leaderElection": {"leaderElect": False},
        "internalCertManagement": {"enable": False},
        "clientConnection": {"qps": 500, "burst": 500},
    }


def webhooks(verb: str, port: int, authority: bytes) -> dict[str, Any]:
    """The configuration of its mutating (`mutate`) or validating (`validate`) webhooks."""
    own = [{"key": "leaderworkerset.sigs.k8s.io/name", "operator": "Exists"}]
    made = []
    for resource, path, more in (
        (_SETS, f"{verb}-leaderworkerset-x-k8s-io-v1-leaderworkerset", {}),
        (_PODS, f"{verb}--v1-pod", {"objectSelector": {"matchExpressions": own}}),
    ):
        plural = resource["resources"][0]
        made.append(
            {
                "name": f"{verb}-{plural}.{GROUP}",
                "admissionReviewVersions": ["v1"],
                "clientConfig": {
                    "url": f"https://127.0.0.1:{port}/{path}",
                    "caBundle": base64.b64encode(authority).decode(),
                },
                "failurePolicy": "Fail",
                "sideEffects": "None",
                "rules": [{**resource, "operations": ["CREATE", "UPDATE"]}],
                **more,
            }
        )
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": _KINDS[verb][0],
        "metadata": {"name": f"lws-{verb}"},
        "webhooks": made,
    }


def _register(start: Start) -> None:
    authority = (start.pki / "ca.crt").read_bytes()
    with of_apiserver(start) as client:
        for verb, (_, plural) in _KINDS.items():
            document = webhooks(verb, start.ports["lws-webhook"], authority)
            try:
                client.json("POST", f"{_REGISTRY}/{plural}", document)
            except Refused as error:
                if error.status != 409:
                    raise


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False
