"""A user's view of the cluster under test: plain HTTP with a kubeconfig, no kubectl, no client.

The cluster is the embedded one, started once for a test session in a process of its own, or the
real control plane that ``hack/test --control-plane`` has brought up.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from contextlib import contextmanager
from functools import cache
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import yaml

from ome.api.crds import all_crds
from tests.contract.harness import credentials
from tests.support.commands import Command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = [
    "REPLICAS",
    "USER",
    "Problem",
    "apply",
    "audit_log",
    "create",
    "delete",
    "delete_collection",
    "directory",
    "embedded",
    "eventually",
    "get",
    "is_real",
    "items",
    "patch",
    "raw",
    "request",
    "stream",
    "user_kubeconfig",
    "wait_gone",
    "wait_ready",
    "warnings",
]

ROOT = Path(__file__).resolve().parent.parent
USER = "ome-manager"
"""A user without rights of its own, for what runs under RBAC."""
REPLICAS = (f"{USER}-a", f"{USER}-b")
"""Two more, for replicas that the audit log tells apart."""
WIDGETS = ROOT / "tests/contract/widgets.yaml"
PATIENCE = 90.0
"""Seconds for what takes one where nothing else runs: busy machines begin a process in ten."""


class Problem(AssertionError):
    """An answer that is no success; ``code`` and the Status ``body``."""

    def __init__(self, what: str, code: int, body: dict[str, Any]) -> None:
        super().__init__(f"{what}: {code} {body.get('message', body)}")
        self.code = code
        self.body = body


def is_real() -> bool:
    """Whether the tests run on a real control plane."""
    return bool(os.environ.get("OME_CONTROL_PLANE_DIR"))


def directory() -> Path:
    """Where the cluster keeps its kubeconfigs and its audit log."""
    return Path(os.environ.get("OME_CONTROL_PLANE_DIR") or os.environ["OME_SANDBOX_DIR"])


def audit_log() -> Path:
    """The API server's audit log, one JSON object a line."""
    return Path(os.environ["OME_AUDIT_LOG"])


def embedded(where: Path, nodes: int = 3) -> Iterator[None]:
    """Run an embedded cluster while the iterator is held, with the CRDs installed."""
    users = [f"--user={name}" for name in (USER, *REPLICAS)]
    words = ["sandbox", "--bare", f"--nodes={nodes}", f"--dir={where}", *users]
    (where / "out").touch()
    process = Command(*words, out=where / "out")
    try:
        eventually(lambda: process.poll() is not None or "kubeconfig" in _said(where))
        assert process.poll() is None, _said(where)
        os.environ["OME_SANDBOX_DIR"] = str(where)
        os.environ["OME_AUDIT_LOG"] = str(where / "audit.log")
        os.environ["KUBECONFIG"] = str(where / "kubeconfig")
        for definition in all_crds():  # the committed ones: reading their YAML takes seconds
            apply(definition)
        apply(WIDGETS.read_text())
        yield
        assert process.poll() is None, _said(where)
    finally:
        process.terminate()
        code = process.wait(PATIENCE)
    assert code == 0, _said(where)


def _said(where: Path) -> str:
    log = where / "ome.log"
    return (where / "out").read_text() + (log.read_text()[-2000:] if log.exists() else "")


def user_kubeconfig(name: str = USER) -> str:
    """The kubeconfig of a user without rights of its own."""
    if not is_real():
        return str(directory() / f"{name}.kubeconfig")
    words = [str(ROOT / "hack/control-plane"), "user", name, "--dir", str(directory())]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def request(
    method: str,
    path: str,
    body: Any = None,
    content_type: str = "application/json",
    accept: str = "application/json",
    **query: str | int,
) -> dict[str, Any]:
    """One request as an administrator. Raises ``Problem``."""
    target = f"{path}?{urlencode(query)}" if query else path
    data = "" if body is None else json.dumps(body)
    status, text = raw(method, target, data, {"Content-Type": content_type, "Accept": accept})
    answer: dict[str, Any] = json.loads(text) if text[:1] == "{" else {"message": text}
    if status >= 400:
        raise Problem(f"{method} {target}", status, answer)
    return answer


def raw(method: str, target: str, body: str, headers: Mapping[str, str]) -> tuple[int, str]:
    """One request as an administrator: the status and the text that were answered."""
    with _opened(60) as (connection, credentials):
        connection.request(method, target, body.encode() or None, {**credentials, **headers})
        response = connection.getresponse()
        return response.status, response.read().decode()


def warnings(document: dict[str, Any], namespace: str = "") -> list[str]:
    """What the server says besides, were the document applied; strict. Raises ``Problem``."""
    query = "dryRun=All&fieldManager=a-user&force=true&fieldValidation=Strict"
    target = f"{_place(document, namespace)}/{document['metadata']['name']}?{query}"
    media = {"Content-Type": "application/apply-patch+yaml", "Accept": "application/json"}
    with _opened(60) as (connection, credentials):
        connection.request("PATCH", target, json.dumps(document), {**credentials, **media})
        response = connection.getresponse()
        answer = json.loads(response.read())
        if response.status >= 400:
            raise Problem(f"PATCH {target}", response.status, answer)
        return response.headers.get_all("Warning") or []


def stream(target: str, headers: Mapping[str, str], seconds: float) -> Iterator[str]:
    """The lines of a watch as they come, until none comes for ``seconds``."""
    with _opened(seconds) as (connection, credentials):
        connection.request("GET", target, None, {**credentials, **headers})
        response = connection.getresponse()
        try:
            while line := response.readline():
                yield line.decode()
        except TimeoutError:
            return


@contextmanager
def _opened(seconds: float) -> Iterator[tuple[HTTPSConnection, dict[str, str]]]:
    server, context, headers = _connection(os.environ["KUBECONFIG"])
    connection = HTTPSConnection(urlsplit(server).netloc, context=context, timeout=seconds)
    try:
        yield connection, headers
    finally:
        connection.close()


@cache
def _connection(kubeconfig: str) -> Any:
    return credentials(kubeconfig)


def get(kind: str, name: str, namespace: str = "") -> dict[str, Any] | None:
    """One object by its plural (``deployments``), or None."""
    try:
        return request("GET", f"{_collection(kind, namespace)}/{name}")
    except Problem as problem:
        if problem.code == 404:
            return None
        raise


def items(kind: str, namespace: str = "", **query: str) -> list[dict[str, Any]]:
    """All objects of a plural, in one namespace or in all."""
    found: list[dict[str, Any]] = request("GET", _collection(kind, namespace), **query)["items"]
    return found


def create(document: dict[str, Any], namespace: str = "", **query: str) -> dict[str, Any]:
    """Create one object."""
    return request("POST", _place(document, namespace), document, **query)


def apply(text: str | dict[str, Any], namespace: str = "", **query: str) -> list[dict[str, Any]]:
    """Server-side apply of every document of a YAML text."""
    documents = [text] if isinstance(text, dict) else list(yaml.load_all(text, yaml.CSafeLoader))
    query = {"fieldManager": "a-user", "force": "true", "fieldValidation": "Strict", **query}
    return [
        _apply_one(f"{_place(document, namespace)}/{document['metadata']['name']}", document, query)
        for document in documents
        if document is not None
    ]


def _apply_one(path: str, document: dict[str, Any], query: dict[str, str]) -> dict[str, Any]:
    """As kubectl's user would: what a busy server had no time for is applied again."""
    for more in (2, 1, 0):
        try:
            return request("PATCH", path, document, "application/apply-patch+yaml", **query)
        except Problem as problem:
            if problem.code != 504 or not more:
                raise
    raise AssertionError("unreachable")


def patch(kind: str, name: str, namespace: str, value: Any) -> dict[str, Any]:
    """A JSON patch (a list) or a merge patch (an object)."""
    media = "json-patch" if isinstance(value, list) else "merge-patch"
    path = f"{_collection(kind, namespace)}/{name}"
    return request("PATCH", path, value, f"application/{media}+json")


def delete(kind: str, name: str, namespace: str = "", *, wait: float = PATIENCE) -> None:
    """Delete an object; ``wait`` seconds until it is gone (0: do not wait). Absent is fine."""
    try:
        request("DELETE", f"{_collection(kind, namespace)}/{name}", propagationPolicy="Background")
    except Problem as problem:
        if problem.code != 404:
            raise
    if wait:
        wait_gone(kind, name, namespace, seconds=wait)


def delete_collection(
    kind: str, namespace: str = "", *, wait: float = PATIENCE, **query: str
) -> None:
    """Delete all objects of a plural that the query selects."""
    request("DELETE", _collection(kind, namespace), **query)
    if wait:
        eventually(lambda: not items(kind, namespace, **query), wait)


def wait_gone(kind: str, name: str, namespace: str = "", *, seconds: float = PATIENCE) -> None:
    """Until an object is not there any more."""
    eventually(lambda: get(kind, name, namespace) is None, seconds)


def wait_ready(
    kind: str, name: str, namespace: str = "", *, seconds: float = PATIENCE
) -> dict[str, Any]:
    """Until the condition Ready is True; the object."""

    def ready() -> dict[str, Any] | None:
        found = get(kind, name, namespace) or {}
        conditions = (found.get("status") or {}).get("conditions") or []
        good = any(entry["type"] == "Ready" and entry["status"] == "True" for entry in conditions)
        return found if good else None

    found: dict[str, Any] = eventually(ready, seconds)
    return found


def eventually(holds: Callable[[], Any], seconds: float = PATIENCE, every: float = 0.1) -> Any:
    """Wait until ``holds`` gives something true, and give it. Raises ``AssertionError``."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            value = holds()
        except (OSError, HTTPException) as error:
            value = f"no answer: {error}" if time.monotonic() > deadline else None
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"still {value!r} after {seconds:g} s")
        time.sleep(every)


def _place(document: dict[str, Any], namespace: str) -> str:
    group, plural, namespaced = _by_kind(document["apiVersion"], document["kind"])
    where = document["metadata"].get("namespace") or namespace or "default"
    return _path(group, plural, where if namespaced else "")


def _collection(plural: str, namespace: str) -> str:
    for _ in range(2):
        for group, name in _served():
            if name == plural:
                return _path(group, plural, namespace)
        # It may be of a CRD that was made since.
        _served.cache_clear()
    raise KeyError(plural)


def _path(group_version: str, plural: str, namespace: str) -> str:
    root = "/apis/" if "/" in group_version else "/api/"
    place = f"/namespaces/{namespace}" if namespace else ""
    return f"{root}{group_version}{place}/{plural}"


def _by_kind(api_version: str, kind: str) -> tuple[str, str, bool]:
    for _ in range(100):
        for (served, plural), resource in _served().items():
            if served == api_version and resource["kind"] == kind:
                return served, plural, resource["namespaced"]
        # A CRD's resource appears a moment after the CRD.
        _served.cache_clear()
        time.sleep(0.1)
    raise AssertionError(f"{api_version} {kind} is not served")


@cache
def _served() -> dict[tuple[str, str], dict[str, Any]]:
    """What is served, by group version and plural; core first, the groups of tests last."""
    groups = request("GET", "/apis")["groups"]
    served = ["v1", *(group["preferredVersion"]["groupVersion"] for group in groups)]
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for version in sorted(served, key=lambda name: name.endswith("test.ome.io/v1beta1")):
        root = "/apis/" if "/" in version else "/api/"
        try:
            resources = request("GET", root + version)["resources"]
        except Problem:
            continue
        for resource in resources:
            if "/" not in resource["name"]:
                found[version, resource["name"]] = resource
    return found
