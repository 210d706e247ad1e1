"""The sandbox with real agents: files on a disk, and a service that is Ready because of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ome.sandbox.realagents import tiny_repository
from tests.support.commands import run_command

if TYPE_CHECKING:
    from pathlib import Path


def test_a_repository_is_that_of_its_name() -> None:
    one, other = tiny_repository("org/one"), tiny_repository("Qwen/Qwen3")
    assert one == tiny_repository("org/one")
    assert one.commit != other.commit
    shard = "model-00001-of-00002.safetensors"
    assert one.files[shard] != other.files[shard]
    assert b"Qwen2ForCausalLM" in other.files["config.json"]


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_everything_becomes_ready_on_real_files(tmp_path: Path) -> None:
    words = ["sandbox", "--nodes=2", "--once", "--real-downloads", "--timeout=350"]
    done = run_command(*words, f"--dir={tmp_path}", seconds=390)
    assert done.returncode == 0, done.stdout + done.stderr
    log = (tmp_path / "ome.log").read_text()
    assert log.count('"msg": "model.ready"') >= 2
    assert "Traceback" not in log
    assert not (tmp_path / "nodes").exists()
