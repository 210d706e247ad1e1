"""Brings a control plane up in order, and down again whatever state it is in."""

from __future__ import annotations

import json
import os
import shutil
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from . import binaries, build, certificates, flags, kubeconfig, layout, nodes, processes
from .client import Client, Refused, of_apiserver
from .errors import ControlPlaneError
from .terminal import run, timed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .layout import Start
    from .nodes import Shape

OWN_STAGES = Path(__file__).with_name("stages")
DEADLINE = 90.0
"""Seconds for each component: an idle machine takes under ten, a busy one has two cores for ten."""


@dataclass(frozen=True)
class Wishes:
    """What `up` was asked for."""

    nodes: int
    shape: Shape
    features: Sequence[str] = ()
    manifests: Sequence[Path] = ()
    """Applied before the controllers start. The garbage collector looks for new kinds only every
    30 seconds (it has no flag), but those that are there when it starts it knows at once."""
    crds: Sequence[str] = ()
    """Projects whose CRDs are applied as well, by the names of `crds.NAMES`."""


def up(folder: Path | None, wishes: Wishes) -> Start:
    """Start everything and return when it takes pods.

    When a part of it fails, everything is ended and the folder is kept for its logs. When `up` is
    interrupted, the folder is removed as well.
    """
    programs = binaries.find()
    fetched = build.ensure_crds(wishes.crds)
    start = layout.create(folder)
    try:
        _prepare(start, programs)
        _start(start, wishes, fetched)
    except (ControlPlaneError, OSError) as error:
        processes.stop(start)
        raise ControlPlaneError(
            f"{error}\nEverything was ended again. The logs are kept in {start.dir / 'logs'}; "
            f"remove them with 'hack/control-plane down --dir {start.dir}'"
        ) from error
    except BaseException:
        down(start)
        raise
    start.ready = True
    start.save()
    return start


def down(start: Start) -> None:
    """End what runs and remove the folder. May be repeated, and works on a half-made start."""
    processes.stop(start)
    shutil.rmtree(start.dir, ignore_errors=True)
    if start.dir.exists():
        raise ControlPlaneError(
            f"{start.dir} cannot be removed; nothing runs there any more: remove it by hand"
        )
    layout.forget(start)


def add_user(start: Start, name: str, groups: list[str]) -> Path:
    """Write a kubeconfig that speaks as this user, and return its path.

    A service account (`system:serviceaccount:NAMESPACE:NAME`) gets a token of the API server, as
    its pods would, and must exist; any other user gets a certificate.
    """
    file = name.replace(":", "-").replace("/", "-")
    path = start.dir / f"{file}.kubeconfig"
    kind, _, account = name.partition("system:serviceaccount:")
    if account and not kind:
        namespace, _, account_name = account.partition(":")
        kubeconfig.write_token(start, path, name, _token(start, namespace, account_name))
    else:
        certificates.make_user(start, f"user-{file}", name, groups)
        kubeconfig.write_certificate(start, path, name, f"user-{file}")
    return path


def add_nodes(start: Start, count: int, prefix: str, shape: Shape) -> None:
    """Create nodes and wait until they take pods."""
    with timed(f"{count} nodes are ready"):
        names = nodes.add(start, count, prefix, shape)
        nodes.wait_ready(start, names, DEADLINE + count / 10)


def serve(start: Start, features: Sequence[str] = ()) -> None:
    """Start the API server, also again after `processes.end`, and wait until it is ready."""
    processes.spawn(start, "kube-apiserver", flags.kube_apiserver(start, features))
    _await(start, "kube-apiserver", "/readyz")


def _token(start: Start, namespace: str, name: str) -> str:
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
    request = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": 24 * 3600},
    }
    try:
        with of_apiserver(start) as client:
            answer = client.json("POST", path, request)
    except Refused as error:
        raise ControlPlaneError(
            f"no token for the service account {namespace}/{name}: {error}; create it first with "
            f"'kubectl create serviceaccount -n {namespace} {name}'"
        ) from error
    return str(answer["status"]["token"])


def _prepare(start: Start, programs: dict[str, Path]) -> None:
    for name, path in programs.items():
        os.symlink(path.resolve(), start.program(name))
    certificates.make_all(start)
    for name, user in (
        ("kube-controller-manager", "system:kube-controller-manager"),
        ("kube-scheduler", "system:kube-scheduler"),
        ("kwok", "kwok"),
    ):
        kubeconfig.write_certificate(start, start.pki / f"{name}.kubeconfig", user, name)
    kubeconfig.write_certificate(start, start.kubeconfig, certificates.ADMIN, "admin")
    (start.dir / "audit-policy.json").write_text(json.dumps(flags.AUDIT_POLICY))
    stages = [*sorted(build.stages_path().glob("*.yaml")), *sorted(OWN_STAGES.glob("*.yaml"))]
    (start.dir / "kwok.yaml").write_text(flags.kwok_config(stages))


def _start(start: Start, wishes: Wishes, fetched: Sequence[Path]) -> None:
    features = wishes.features
    with timed("etcd is ready"):
        processes.spawn(start, "etcd", flags.etcd(start))
        _await(start, "etcd", "/health", authority="etcd-ca", client="etcd-client")
    with timed("kube-apiserver is ready"):
        serve(start, features)
    # Those of others at once; those that were asked for in turn, as one may need the one before.
    for manifests in (fetched, *([manifest] for manifest in wishes.manifests)):
        if manifests:
            _apply(start, manifests)
    with timed("kube-controller-manager, kube-scheduler and kwok are ready"):
        processes.spawn(
            start, "kube-controller-manager", flags.kube_controller_manager(start, features)
        )
        processes.spawn(start, "kube-scheduler", flags.kube_scheduler(start, features))
        # It would read and write in the user's home without it.
        kwok_home = {"KWOK_WORKDIR": str(start.dir / "kwok-work")}
        processes.spawn(start, "kwok", flags.kwok(start), kwok_home)
        for component in ("kube-controller-manager", "kube-scheduler", "kwok"):
            _await(start, component, "/healthz")
        _await_default_account(start)
    if wishes.nodes:
        add_nodes(start, wishes.nodes, "gpu" if wishes.shape.gpus else "node", wishes.shape)


def _apply(start: Start, manifests: Sequence[Path]) -> None:
    kubectl = [str(start.program("kubectl")), "--kubeconfig", str(start.kubeconfig)]
    names = ", ".join(str(manifest) for manifest in manifests)
    next_step = f"see whether {names} is what a cluster takes"
    files = [word for manifest in manifests for word in ("-f", str(manifest.absolute()))]
    with timed(f"applied {names}"):
        applied = run(
            [*kubectl, "apply", "--server-side", "-o", "name", *files], next_step=next_step
        )
        crds = [word for word in applied.split() if word.startswith("customresourcedefinition.")]
        if crds:  # asking to wait for none is an error
            _await_established(kubectl, crds, next_step)


def _await_established(kubectl: Sequence[str], crds: Sequence[str], next_step: str) -> None:
    # By this path also those wait that have no status yet: --for=condition refuses them.
    path = '{.status.conditions[?(@.type=="Established")].status}'
    established = [f"--for=jsonpath={path}=True", f"--timeout={DEADLINE:.0f}s"]
    deadline = time.monotonic() + DEADLINE
    while True:
        try:
            run([*kubectl, "wait", *established, *crds], next_step=next_step)
            return
        except ControlPlaneError as error:
            # For a moment there is a status whose conditions are null, which is an error to it.
            if "is not array or slice" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def _await(start: Start, component: str, path: str, **credentials: str) -> None:
    with Client(start.ports[component], start.pki, **credentials) as client:
        processes.wait_ready(start, component, partial(client.ok, path), DEADLINE)


def _await_default_account(start: Start) -> None:
    """Without it the API server refuses every pod."""
    path = "/api/v1/namespaces/default/serviceaccounts/default"
    with of_apiserver(start) as client:
        processes.wait_ready(start, "kube-controller-manager", partial(client.ok, path), DEADLINE)
