"""A sandbox reviews what users apply, as a cluster with the chart does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from ome.sandbox.manifests import demo_cluster
from tests.support.commands import run_command

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(120)

SERVICE = """
apiVersion: ome.io/v1beta1
kind: InferenceService
metadata: {name: chat, namespace: demo}
spec:
  model: {name: %s}
  engine: {minReplicas: 1, maxReplicas: 1}
---
"""


def sandbox(folder: Path, manifests: str) -> tuple[int, str]:
    """Exit code and what it said of a sandbox with these manifests."""
    (folder / "given.yaml").write_text(manifests)
    words = [f"-f={folder / 'given.yaml'}", "--nodes=1", "--once", "--timeout=60"]
    done = run_command("sandbox", *words, f"--dir={folder}", seconds=100)
    return done.returncode, done.stdout + done.stderr


def test_a_service_that_no_cluster_would_take_is_refused_in_admissions_words(
    tmp_path: Path,
) -> None:
    code, said = sandbox(tmp_path, SERVICE % "no-such-model")
    assert code == 2, said
    assert "ome sandbox: inferenceservice/chat: admission webhook" in said
    assert 'referenced model "no-such-model" not found' in said


def test_a_service_may_stand_before_the_model_that_it_names(tmp_path: Path) -> None:
    model = next(item for item in demo_cluster() if item["kind"] == "ClusterBaseModel")
    mine = {**model, "metadata": {"name": "mine"}}
    code, said = sandbox(tmp_path, SERVICE % "mine" + yaml.safe_dump(mine))
    assert code == 0, said
    assert "inferenceservice demo/chat: Ready" in said
    assert "Traceback" not in (tmp_path / "ome.log").read_text()
