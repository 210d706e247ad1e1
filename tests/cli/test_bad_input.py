"""What a user may get wrong: one clear line and an honest exit code, never a traceback."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
import yaml

from ome.cli import COMMANDS, main
from ome.cli.agent import SUBCOMMANDS
from ome.cli.goflags import Flag, HelpWanted, parse
from ome.cli.manager import metrics_address
from ome.errors import UserError
from tests.support.commands import Command, forks, run_command

if TYPE_CHECKING:
    from pathlib import Path

AWAY = """
apiVersion: v1
kind: Config
current-context: a
contexts: [{name: a, context: {cluster: a, user: a}}]
clusters: [{name: a, cluster: {server: "http://127.0.0.1:%d"}}]
users: [{name: a, user: {token: not-a-real-token}}]
"""


@pytest.fixture(scope="module", autouse=True)
def _imported() -> None:
    """Time that no test is measured by."""
    forks()


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    held = {key: value for key, value in os.environ.items() if key != "KUBECONFIG"}
    return run_command(*words, seconds=15, env={**held, **environment})


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["manager", "--no-such-flag"], "unknown flag --no-such-flag"),
        (["manager", "webhook"], "unexpected argument 'webhook'"),
        (["manager", "--webhook-port=x"], "--webhook-port=x: expected a number"),
        (["manager", "--leader-elect=maybe"], "--leader-elect=maybe: expected true or false"),
        (["manager", "--zap-encoder=xml"], "expected one of json, console"),
        (["manager", "--zap-log-level=0"], "expected debug, info, error, panic or an integer"),
        (["manager", "--health-probe-addr=8081"], "expected HOST:PORT or :PORT"),
        (["manager", "--kubeconfig"], "flag --kubeconfig needs a value"),
        (["agent"], "NODE_NAME environment variable is not set"),
        (["agent", "--simulate", "n", "--download-seconds=fast"], "expected SECONDS or MIN-MAX"),
        (["agent", "--simulate", "n", "--fail=x"], "expected MODEL@NODE"),
        (["agent", "--simulate", "n", "--failure-rate=2"], "expected a number from 0 to 1"),
        (["agent", "--node-name=n", "--port=99999"], "--port=99999: expected a port, 1 to 65535"),
        (["agent", "--node-name=n", "--metrics-port=-1"], "expected a port, 0 to 65535"),
        (["manager", "--webhook", "--webhook-port=0"], "expected a port, 1 to 65535"),
        (["sandbox", "--port=70000"], "ome sandbox: --port=70000: expected a port, 0 to 65535"),
        (["nothing"], "unknown command 'nothing'"),
        # What a shell makes of a variable that is not set.
        (["explain", ""], "an argument is empty"),
        (["explain", "model/"], "expected one name"),
        (["why", "isvc/"], "expected one name"),
        (["validate", "-f", ""], "-f=: expected a value; is a variable not set?"),
        (["inspect", ""], "an argument is empty"),
        (["agent", "enigm"], "unknown command 'enigm'; expected one of completion, enigma,"),
        (["agent", "--simulate", ""], "--simulate=: expected a value"),
        (["completion"], "expected one of bash, zsh, fish"),
        (["completion", "cmd.exe"], "expected one of bash, zsh, fish"),
        (["crds", "--kind", "Pod"], "--kind=Pod: expected one of BaseModel, ClusterBaseModel,"),
        (["explain", "chat", "-o", "xml"], "explain: -o=xml: expected one of"),
    ],
)
def test_wrong_words_are_one_line_and_exit_2(
    words: list[str],
    text: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("NODE_NAME", raising=False)
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert text in said
    assert len(said.strip().splitlines()) == 1


COMMANDS_THAT_HELP = [
    *([name] for name in COMMANDS if name != "benchmark"),
    ["benchmark", "report"],
    *(["agent", name] for name in SUBCOMMANDS if name != "completion"),
]


@pytest.mark.parametrize("words", COMMANDS_THAT_HELP, ids=" ".join)
def test_help_has_an_example_of_the_command(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*words, "--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    known = set(re.findall(r"^  (--?[a-z][a-z0-9-]*)$", said, re.MULTILINE))
    examples = re.findall(r"^  (.*\bome " + " ".join(words) + r"\b.*)$", said, re.MULTILINE)
    assert examples
    for example in examples:
        ours = next(part for part in example.split("|") if " ome " in f" {part}")
        assert {word for word in ours.split() if word.startswith("-")} - {"-"} <= known


def test_the_definition_of_one_kind(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["crds", "--kind", "isvc", "--kind", "basemodels"])
    assert ended.value.code == 0
    found = [item["spec"]["names"]["kind"] for item in yaml.safe_load_all(capsys.readouterr().out)]
    assert found == ["BaseModel", "InferenceService"]


def test_a_sandbox_whose_port_is_taken_says_so(tmp_path: Path) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        port = held.getsockname()[1]
        done = run("sandbox", f"--port={port}", f"--dir={tmp_path}")
    assert done.returncode == 2
    said = f"ome sandbox: --port={port} is in use; leave it out to take a free one"
    assert done.stderr.strip() == said


def test_the_proxy_that_is_not_there_is_told_of_once() -> None:
    done = run("qpext", "--queue-proxy=/none")
    assert done.returncode == 2
    last = done.stderr.strip().splitlines()[-1]
    assert last == "ome qpext: --queue-proxy=/none: No such file or directory"


def test_a_flag_of_simulated_agents_is_not_passed_over_in_silence() -> None:
    done = run("agent", "--node-name=n", "--zap-log-level=debug", "--kubeconfig=/none")
    assert done.returncode == 2
    (line,) = [line for line in done.stderr.splitlines() if "flag.without_effect" in line]
    assert "--zap-log-level" in line
    assert "--log-level" in line


def test_an_unreadable_kubeconfig_exits_2(tmp_path: Path) -> None:
    broken = tmp_path / "config"
    broken.write_text("{")
    for path in (tmp_path / "none", broken):
        done = run("manager", f"--kubeconfig={path}")
        assert done.returncode == 2
        last = done.stderr.strip().splitlines()[-1]
        assert str(path) in last
        assert "Traceback" not in done.stderr


def test_a_port_in_use_exits_1_and_names_the_address(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(AWAY % 1)
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        address = f"127.0.0.1:{held.getsockname()[1]}"
        done = run("manager", f"--kubeconfig={config}", f"--health-probe-addr={address}")
    assert done.returncode == 1
    assert f"cannot listen on {address}" in done.stderr.strip().splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_server_that_is_away_is_waited_for(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(AWAY % 1)
    log = tmp_path / "log"
    log.touch()
    words = ("--health-probe-addr=0", "--metrics-bind-address=0")
    process = Command("manager", f"--kubeconfig={config}", *words, out=log)
    try:
        deadline = time.monotonic() + 15
        while "manager.waiting" not in log.read_text() and time.monotonic() < deadline:
            time.sleep(0.1)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(2.5)  # time for a second line, which would be one too many
    finally:
        process.terminate()
    assert process.wait(10) == 0
    waiting = [line for line in log.read_text().splitlines() if "manager.waiting" in line]
    assert len(waiting) == 1
    assert "127.0.0.1:1" in waiting[0]
    assert "not-a-real-token" not in log.read_text()


def test_help_and_version_exit_0() -> None:
    assert run("agent", "help").stdout == run("agent", "--help").stdout != ""
    assert "--leader-elect" in run("manager", "--help").stdout
    assert run("--help").returncode == 0
    assert "--leader-elect" in run("help", "manager").stdout
    assert run("version").stdout.startswith("ome ")


FLAGS = (Flag("name", "", "a text"), Flag("on", False, "a switch"), Flag("port", 1, "a number"))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], {"name": "", "on": False, "port": 1}),
        (["-name=a", "--on"], {"name": "a", "on": True, "port": 1}),
        (["--name", "a", "-on=false", "--port", "2"], {"name": "a", "on": False, "port": 2}),
        (["--name=-x=y"], {"name": "-x=y", "on": False, "port": 1}),
        (["--on=T", "--on=0"], {"name": "", "on": False, "port": 1}),
    ],
)
def test_flags_are_read_as_go_reads_them(words: list[str], expected: dict[str, object]) -> None:
    assert parse("test", FLAGS, words) == expected


@pytest.mark.parametrize(
    ("text", "address"),
    [("0", None), (":0", None), ("127.0.0.1:0", None), (":8080", ("", 8080))],
)
def test_metrics_are_switched_off_by_no_address_and_by_no_port(
    text: str, address: tuple[str, int] | None
) -> None:
    assert metrics_address({"metrics-bind-address": text}) == address


def test_words_without_a_flag_are_refused_or_collected() -> None:
    with pytest.raises(UserError, match="unexpected argument 'word'"):
        parse("test", FLAGS, ["--on", "word"])
    many = (Flag("node", (), "names", many=True),)
    assert parse("test", many, ["--node", "a", "b"], words_as="node") == {"node": ("a", "b")}
    with pytest.raises(HelpWanted, match="--node"):
        parse("test", many, ["-h"])
