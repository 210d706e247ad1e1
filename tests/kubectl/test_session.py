"""kubectl as users type it: both servers say the same; without kubectl, its requests played."""

from __future__ import annotations

import difflib
import json
import os
import shutil
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import pytest
import yaml

from tests import cluster
from tests.e2e.harness import agents, manager
from tests.kubectl.recording import Exchange, load, normal, recording, save
from tests.kubectl.session import HERE, Said, plain, run

if TYPE_CHECKING:
    from collections.abc import Iterator

NOTES = HERE / "recorded.jsonl"
NAMESPACE = "session-ome"
_PATIENCE = 60.0


@contextmanager
def operator(where: Path) -> Iterator[None]:
    """OME at work on the cluster that the environment names."""
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    with (
        manager(where / "manager.log", NAMESPACE),
        agents(where / "agents.log", NAMESPACE, "--download-seconds=0.5"),
    ):
        yield
    cluster.delete("namespaces", NAMESPACE, wait=0)


def proxied(kubeconfig: str, url: str, where: Path) -> Path:
    """A kubeconfig for the proxy, which has the credentials."""
    config = yaml.safe_load(Path(kubeconfig).read_text())
    current = next(c for c in config["contexts"] if c["name"] == config["current-context"])
    for entry in config["clusters"]:
        entry["cluster"] = {"server": url}
    for entry in config["users"]:
        entry["user"] = {}
    current["context"].pop("namespace", None)
    path = where / "proxied.kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path


@pytest.mark.control_plane
@pytest.mark.timeout(600)
def test_both_servers_say_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shutil.which("kubectl"), 'kubectl comes with eval "$(hack/control-plane env)"'
    exchanges: list[Exchange] = []
    real, embedded = tmp_path / "real", tmp_path / "embedded"
    for folder in (real, embedded):
        (folder / "home").mkdir(parents=True)
    with operator(real), recording(os.environ["KUBECONFIG"], exchanges) as url:
        kubeconfig = proxied(os.environ["KUBECONFIG"], url, real)
        expected = list(run(kubeconfig, real / "home"))
    if os.environ.get("OME_RECORD"):
        save(NOTES, exchanges)
    for name in ("OME_CONTROL_PLANE_DIR", "OME_SANDBOX_DIR", "OME_AUDIT_LOG", "KUBECONFIG"):
        monkeypatch.delenv(name, raising=False)
    got: list[Said] = []
    for _ in cluster.embedded(embedded):
        with operator(embedded):
            got = list(run(Path(os.environ["KUBECONFIG"]), embedded / "home"))
    differences = [
        "\n".join(
            difflib.unified_diff(
                [f"exit code {a.code}", *plain(a.output)],
                [f"exit code {b.code}", *plain(b.output)],
                f"real: {a.command}",
                "embedded",
                lineterm="",
            )
        )
        for a, b in zip(expected, got, strict=True)
        if (a.code, plain(a.output)) != (b.code, plain(b.output))
    ]
    assert not differences, "\n\n".join(differences)


@pytest.mark.cluster
@pytest.mark.timeout(300)
@pytest.mark.skipif(cluster.is_real(), reason="the notes were made on a real server")
def test_recorded_requests_are_answered_the_same(tmp_path: Path) -> None:
    notes = load(NOTES)
    with operator(tmp_path):
        for number, (exchange, after) in enumerate(zip(notes, [*notes[1:], None], strict=True), 1):
            waits = after is not None and after.is_watch
            if (exchange.method, exchange.path) == ("GET", "/openapi/v2?timeout=32s"):
                continue  # not served (docs/sandbox.md); kubectl goes on without it
            what = f"exchange {number}: {exchange.method} {exchange.path}"
            play(what, exchange, on_the_way=waits and exchange.method == "GET")


def play(what: str, noted: Exchange, *, on_the_way: bool) -> None:
    """Send a noted request; what only has to become true is waited for."""
    if noted.is_watch:
        watched(what, noted)
        return
    if on_the_way:
        # kubectl waits from here on: the state on the way there is anybody's guess.
        assert sent(noted)[0] in (200, 404)
        return
    deadline = time.monotonic() + (_PATIENCE if noted.method == "GET" else 0)
    while True:
        status, answer = sent(noted)
        same = status == noted.status and (not noted.answer or alike(noted, answer))
        if same or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    assert (what, status) == (what, noted.status), answer
    if noted.answer:
        assert shown(noted, answer) == shown(noted, noted.answer), what


def watched(what: str, noted: Exchange) -> None:
    """Read a watch until it says what kubectl saw last."""
    if not noted.events:
        return
    wanted = reached(noted.events[-1])
    if wanted == "deleted" and _gone(noted):
        return
    deadline = time.monotonic() + _PATIENCE
    seen: Any = None
    for line in cluster.stream(noted.elsewhere().path, noted.headers, _PATIENCE):
        event = json.loads(line)
        seen = seen if event["type"] == "BOOKMARK" else reached(event)
        if seen == wanted or (wanted == "deleted" and _gone(noted)):
            return
        if time.monotonic() > deadline:
            break
    raise AssertionError(f"{what}: never {wanted}; last {seen}")


def _gone(noted: Exchange) -> bool:
    """Whether the object that a watch is about is not there any more."""
    path, _, query = noted.path.partition("?")
    name = dict(parse_qsl(query))["fieldSelector"].removeprefix("metadata.name=")
    return cluster.raw("GET", f"{path}/{name}", "", {})[0] == 404


def reached(event: dict[str, Any]) -> Any:
    """What kubectl may have waited for in an event: its end, spec, conditions, or a table's cells.

    Counters and lists on the way there differ from run to run.
    """
    if event["type"] == "DELETED":
        return "deleted"
    shown_object = normal(event["object"])
    if "rows" in shown_object:
        return [row["cells"] for row in shown_object["rows"]]
    conditions = (shown_object.get("status") or {}).get("conditions") or ()
    return {
        "name": shown_object.get("metadata", {}).get("name"),
        "spec": shown_object.get("spec"),
        "conditions": {entry["type"]: entry["status"] for entry in conditions},
    }


def sent(noted: Exchange) -> tuple[int, str]:
    elsewhere = noted.elsewhere()
    return cluster.raw(noted.method, elsewhere.path, elsewhere.body, noted.headers)


def alike(noted: Exchange, answer: str) -> bool:
    return bool(shown(noted, noted.answer) == shown(noted, answer))


def shown(noted: Exchange, text: str) -> Any:
    """An answer's body without what differs between two runs."""
    try:
        answer = normal(json.loads(text))
    except ValueError:
        return plain(text)
    if noted.method != "GET" and answer.get("kind") != "Status":
        answer.pop("status", None)  # the write's effect has begun already, or not yet
    if "rows" in answer:
        answer["rows"].sort(key=str)  # by generated names
    return answer
