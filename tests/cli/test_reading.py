from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import anyio
import pytest

from ome.cli import outcome_of
from ome.cli.reading import Where, context_namespace, reading
from ome.cli.version import run as version
from ome.cli.why import run as why
from ome.errors import ClusterUnavailable
from ome.kube.resources import NODES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIG = """
apiVersion: v1
kind: Config
current-context: a
contexts: [{name: a, context: {cluster: a, user: a}}]
clusters: [{name: a, cluster: {server: "http://127.0.0.1:%d"}}]
users: [{name: a, user: {token: not-a-real-token}}]
"""


def read(folder: Path, port: int) -> None:
    (folder / "config").write_text(CONFIG % port)

    async def nodes() -> None:
        async with reading("ome try", Where(str(folder / "config")), 1, ours=False) as client:
            await client.list(NODES)

    anyio.run(nodes)


def test_a_server_that_says_nothing_is_given_up(tmp_path: Path) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        port = held.getsockname()[1]
        wanted = rf"ome try: 127\.0\.0\.1:{port}: no answer in 1 s; is the cluster reachable\?"
        with pytest.raises(ClusterUnavailable, match=wanted):
            read(tmp_path, port)


def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ClusterUnavailable, match=r"ome try: 127\.0\.0\.1:1: "):
        read(tmp_path, 1)


@contextmanager
def answering(code: int) -> Iterator[int]:
    """The port of a server that gives this answer to everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"kind": "Status", "code": code, "message": "no"}).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (401, "renew the token or certificate of the kubeconfig"),
        # Not that the object is missing, which would have people look for it.
        (404, "the cluster does not have the kinds of ome.io/v1beta1; choose another --context"),
    ],
)
def test_a_cluster_that_is_not_the_right_one_is_told(
    code: int, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kubeconfig = tmp_path / "config"
    with answering(code) as port:
        kubeconfig.write_text(CONFIG % port)
        assert outcome_of(why, ["chat", f"--kubeconfig={kubeconfig}"]) == 3
    said = capsys.readouterr().err
    assert said.startswith(f"ome why: 127.0.0.1:{port}: ")
    assert text in said


def test_a_command_says_by_its_exit_code_that_the_cluster_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kubeconfig = tmp_path / "config"
    kubeconfig.write_text(CONFIG % 1)
    assert outcome_of(why, ["chat", f"--kubeconfig={kubeconfig}"]) == 3
    assert capsys.readouterr().err.startswith("ome why: 127.0.0.1:1: cannot reach")
    # What is wrong on this side is another mistake.
    assert outcome_of(why, ["chat", f"--kubeconfig={tmp_path / 'none'}"]) == 2


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("current-context: c\ncontexts: [{name: c, context: {namespace: team}}]", "team"),
        ("current-context: c\ncontexts: [{name: c, context: {}}]", "default"),
        ("current-context: other\ncontexts: []", "default"),
        ("[", "default"),
        ("7", "default"),
    ],
)
def test_the_namespace_is_that_of_the_context(tmp_path: Path, content: str, expected: str) -> None:
    path = tmp_path / "config"
    path.write_text(content)
    assert context_namespace(Where(str(path))) == expected


def test_another_context_of_another_file(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text("contexts: [{name: a, context: {namespace: team}}]")
    second.write_text("current-context: b\ncontexts: [{name: b, context: {namespace: other}}]")
    paths = f"{first}:{second}"
    assert context_namespace(Where(paths)) == "other"
    assert context_namespace(Where(paths, "a")) == "team"
    assert context_namespace(Where(paths, "none")) == "default"


def test_the_version_tells_what_it_knows_when_the_cluster_does_not_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kubeconfig = tmp_path / "config"
    kubeconfig.write_text(CONFIG % 1)
    words = ["-o", "json", f"--kubeconfig={kubeconfig}"]
    assert outcome_of(version, words) == 3
    said = capsys.readouterr()
    assert json.loads(said.out).keys() == {"ome", "commit", "python"}
    assert said.err.startswith("ome version: 127.0.0.1:1: cannot reach")
    assert outcome_of(version, [*words, "--client"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("content", [None, "", "a: [", "current-context: nope\ncontexts: []"])
def test_the_version_without_a_usable_kubeconfig_fails_as_other_commands_do(
    content: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "config"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv("KUBECONFIG", str(path))
    assert outcome_of(version, []) == outcome_of(why, ["chat"]) == 2
    said = capsys.readouterr()
    assert said.out.startswith("ome ")
    assert str(path) in said.err
    assert "--client" in said.err
    assert outcome_of(version, ["--client"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.cluster
def test_the_version_of_the_server(capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome_of(version, []) == 0
    assert "\nAPI server v1." in capsys.readouterr().out


def test_a_context_that_is_not_there_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kubeconfig = tmp_path / "config"
    kubeconfig.write_text(CONFIG % 1)
    words = ["chat", f"--kubeconfig={kubeconfig}", "--context=no-such"]
    assert outcome_of(why, words) == 2
    assert "no-such" in capsys.readouterr().err
