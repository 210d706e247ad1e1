"""What a shell offers: asked of bash itself, with the script that the command prints."""

from __future__ import annotations

import functools
import io
import shutil
import subprocess
from contextlib import redirect_stdout, suppress

import pytest

from ome.cli import COMMANDS, main
from ome.cli.agent import SUBCOMMANDS


@functools.cache
def script(shell: str) -> str:
    said = io.StringIO()
    with redirect_stdout(said), suppress(SystemExit):
        main(["completion", shell])
    return said.getvalue()


def offered(*words: str) -> set[str]:
    """What bash offers for the last of the words."""
    quoted = " ".join(f"'{word}'" for word in words)
    asked = f"COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _ome; echo ${{COMPREPLY[@]}}"
    bash = shutil.which("bash")
    assert bash is not None
    done = subprocess.run(
        [bash, "-c", f"{script('bash')}\n{asked}"],
        capture_output=True,
        text=True,
        timeout=10,
        check=True,
    )
    assert done.stderr == ""
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("words", "some", "others"),
    [
        (["ome", ""], set(COMMANDS), {"--help"}),
        (["kubectl-ome", "ex"], {"explain"}, {"why"}),
        (["ome", "explain", "--o"], {"--output"}, {"--context"}),
        (["ome", "explain", "chat", "-o", "j"], {"json"}, {"yaml"}),
        (["ome", "plan", "--output", "=", "na"], {"name"}, {"json"}),
        (["ome", "plan", "-o", "=", ""], {"name", "json"}, set()),
        (["ome", "agent", ""], set(SUBCOMMANDS), set()),
        (["ome", "agent", "replica", "--c"], {"--config"}, {"--concurrency"}),
        (["ome-agent", "--models"], {"--models-root-dir"}, set()),
        (["/usr/bin/ome-agent", "hf"], {"hf-download"}, {"replica"}),
        (["ome", "benchmark", "report", "--h"], {"--html"}, set()),
        (["ome", "completion", ""], {"bash", "zsh", "fish"}, set()),
        (["ome", "nonsense", "-"], set(), set()),
        (["ome", "validate", "-f", "man"], set(), {"manager"}),
    ],
)
def test_bash_offers_what_fits(words: list[str], some: set[str], others: set[str]) -> None:
    found = offered(*words)
    assert some <= found
    assert not others & found
    if not some:
        assert found == set()


def test_other_shells_know_the_same() -> None:
    assert script("zsh").endswith(script("bash"))
    fish = script("fish")
    assert "complete -c ome -n __fish_use_subcommand -f -a explain" in fish
    seen = "__fish_seen_subcommand_from"
    assert f"-n '{seen} agent; and {seen} replica' -l config -r" in fish
    assert f"-n '{seen} explain' -s o -x -a 'table json yaml name text'" in fish
