"""The flags of ``ome agent``."""

from __future__ import annotations

import pytest

from ome.agent.settings import Settings
from ome.cli import main
from ome.cli.agentflags import AGENT_FLAGS, from_environment
from ome.cli.goflags import parse
from ome.cli.nodeagent import settings_of, start_delay


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        main(["agent", *words])
    code = ended.value.code
    assert isinstance(code, int)
    captured = capsys.readouterr()
    return code, captured.err + captured.out


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ([], "NODE_NAME environment variable is not set for model-agent"),
        (["--simulate"], "NODE_NAME environment variable is not set for model-agent"),
        (["--node-name=n1", "--models-root-dir=models"], "--models-root-dir=models: expected the"),
        (["--node-name=n1", "--allowed-model-dir=/"], "--allowed-model-dir=/: expected the"),
        (["--node-name=n1", "--num-download-worker=0"], "--num-download-worker=0: expected 1"),
        (["--node-name=n1", "--hf-retry-interval=15"], "--hf-retry-interval=15: expected a"),
        (["--node-name=n1", "--log-level=loud"], "--log-level=loud: expected one of debug"),
        (["--simulate", "n1", "--failure-rate=2"], "--failure-rate=2.0: expected"),
        (["--simulate", "n1", "--failure-rate=nan"], "--failure-rate=nan: expected"),
        (["--simulate", "n1", "--download-seconds=3-1"], "--download-seconds=3-1: expected"),
        (["--simulate", "n1", "--download-seconds=x"], "--download-seconds=x: expected"),
        (["--simulate", "n1", "--download-seconds=inf"], "--download-seconds=inf: expected"),
        (["--simulate", "n1", "--progress-seconds=0"], "--progress-seconds=0.0: expected"),
        (["--simulate", "n1", "--fail=m"], "--fail=m: expected MODEL@NODE"),
        (["--simulate", "n1", "--fail=m@"], "--fail=m@: expected MODEL@NODE"),
        (["--simulate", "n1", "--seed=x"], "--seed=x: expected a number"),
        (["--simulate", "n1", "n2", "--kubeconfig=/none"], "kubeconfig /none: no such file"),
        (["--simulate", "--nodes-from-cluster", "--kubeconfig=/none"], "/none: no such file"),
        (["--all-nodes", "--kubeconfig=/none"], "/none: no such file"),
    ],
)
def test_mistakes_are_told_in_one_line_with_exit_code_2(
    capsys: pytest.CaptureFixture[str], words: list[str], wanted: str
) -> None:
    code, text = run(capsys, *words)
    assert code == 2
    assert wanted in text
    assert len(text.strip().splitlines()) == 1


def test_the_environment_stands_for_flags_and_gives_way_to_them(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NODE_NAME", "")
    assert "NODE_NAME environment variable is empty" in run(capsys, "--node-name=n1")[1]
    monkeypatch.setenv("NODE_NAME", "n1")
    monkeypatch.setenv("MODELS_ROOT_DIR", "relative")
    assert "--models-root-dir=relative" in run(capsys)[1]
    monkeypatch.setenv("INSTANCE_TYPE_MAP", "{")
    code, text = run(capsys, "--models-root-dir=/m")
    assert code == 2
    assert "failed to parse INSTANCE_TYPE_MAP: Expec" in text


def test_every_flag_has_a_variable() -> None:
    environ = {
        "PORT": "8081",
        "NAMESPACE": "models",
        "PEERS": "false",
        "HF_MAX_RETRIES": "3",
        "CONFIG_MAP_SYNC_INTERVAL": "1m",
        "ALLOWED_MODEL_DIR": "/a, /b",
        "TEMP_DIR": "",
        "KUBECONFIG": "/of/whoever/connects",
        "UNKNOWN": "x",
    }
    assert from_environment(environ) == [
        "--port=8081",
        "--allowed-model-dir=/a",
        "--allowed-model-dir=/b",
        "--hf-max-retries=3",
        "--config-map-sync-interval=1m",
        "--peers=false",
        "--namespace=models",
    ]
    flags = parse("ome agent", AGENT_FLAGS, [*from_environment(environ), "--port=1"])
    assert (flags["port"], flags["namespace"], flags["peers"]) == (1, "models", False)
    assert flags["allowed-model-dir"] == ("/a", "/b")


def test_the_settings_of_manifests_in_the_field(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAX_CONCURRENT_DOWNLOADS", raising=False)

    def told(*words: str) -> Settings:
        return settings_of(parse("ome agent", AGENT_FLAGS, words))

    assert told() == Settings()
    chart = told("--models-root-dir", "/raid/models", "--num-download-worker", "2")
    assert (chart.root, chart.workers) == ("/raid/models", 2)
    # That no file at a time is fetched downloaded nothing, and was called a success.
    assert told("--concurrency", "0").object_concurrency == 1
    assert told("--hf-max-workers=9").concurrency == 9
    monkeypatch.setenv("MAX_CONCURRENT_DOWNLOADS", "7")
    assert told().concurrency == 7


def test_a_node_begins_at_a_moment_of_its_own() -> None:
    assert start_delay("") == 0
    assert start_delay("a") == 97 % 30
    assert start_delay("ab") == (97 * 31 + 98) % 30
    assert {start_delay(f"gpu-node-{number}") for number in range(300)} == set(range(30))


def test_help_names_every_flag(capsys: pytest.CaptureFixture[str]) -> None:
    code, text = run(capsys, "--help")
    assert code == 0
    for flag in (
        "--simulate",
        "--nodes-from-cluster",
        "--download-seconds",
        "--fail",
        "--seed",
        "--port",
    ):
        assert flag in text
