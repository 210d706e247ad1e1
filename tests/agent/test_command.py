"""The flags of ``ome agent``."""

from __future__ import annotations

import pytest

from ome.cli import main


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
        ([], "only simulated agents exist in this version"),
        (["--simulate"], "only simulated agents exist in this version"),
        (["--failure-rate=0.5"], "only simulated agents exist in this version"),
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


def test_help_names_every_flag(capsys: pytest.CaptureFixture[str]) -> None:
    code, text = run(capsys, "--help")
    assert code == 0
    for flag in ("--simulate", "--nodes-from-cluster", "--download-seconds", "--fail", "--seed"):
        assert flag in text
