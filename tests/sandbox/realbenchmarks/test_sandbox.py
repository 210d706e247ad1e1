"""A whole benchmark in the sandbox, run by genai-bench itself."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import anyio
import pytest

from ome.errors import UserError
from ome.sandbox.realbenchmarks import find_tool
from tests.cluster import ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]

SETTINGS = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: results, namespace: demo}
spec:
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 1Gi}}
---
apiVersion: v1
kind: Secret
metadata: {name: key, namespace: demo}
stringData: {MODEL_API_KEY: of-the-secret}
---
"""
SERVICE = """
apiVersion: ome.io/v1beta1
kind: InferenceService
metadata: {name: chat, namespace: demo}
spec:
  model: {name: llama-3-1-8b-instruct}
  engine: {minReplicas: 1, maxReplicas: 3}
---
"""
COMMON = """
  task: text-to-text
  trafficScenarios: ["D(20,10)"]
  maxTimePerIteration: 1
  maxRequestsPerIteration: 8
"""
AT_SERVICE = f"""
apiVersion: ome.io/v1beta1
kind: BenchmarkJob
metadata: {{name: service, namespace: demo}}
spec:
  endpoint:
    inferenceService: {{name: chat, namespace: demo}}
  numConcurrency: [1, 4]
  outputLocation: {{storageUri: "pvc://results/a"}}
  resultFolderName: run
{COMMON}
"""


@functools.cache
def the_tool() -> str:
    """``OME_GENAI_BENCH`` names an environment; else the sandbox's own is made or taken."""
    named = os.environ.get("OME_GENAI_BENCH")
    try:
        return str(anyio.run(find_tool, f"{named}/bin/genai-bench" if named else "", print))
    except UserError as error:
        pytest.skip(str(error))


def ome(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from ome.cli import main; main()", *words],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=900,
        check=False,
    )


def sandbox(tmp_path: Path, *manifests: str) -> subprocess.CompletedProcess[str]:
    file = tmp_path / "manifests.yaml"
    file.write_text("".join((SETTINGS, *manifests)))
    options = ("--nodes=2", "--once", "--timeout=800", f"--dir={tmp_path}/sandbox", f"-f={file}")
    return ome("sandbox", "--real-benchmarks", f"--genai-bench={the_tool()}", *options)


def test_a_benchmark_of_a_service_ends_with_its_figures(tmp_path: Path) -> None:
    done = sandbox(tmp_path, SERVICE, AT_SERVICE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "benchmarkjob demo/service: Completed results are in pvc://results/a/run" in done.stdout
    assert "run 1/2" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    results = tmp_path / "sandbox/claims/demo/results/a/run"
    report = ome("benchmark", "report", str(results))
    heading, one, four = report.stdout.splitlines()
    assert heading.split()[:3] == ["scenario", "conc", "req/s"]
    assert (one.split()[:2], four.split()[:2]) == (["D(20,10)", "1"], ["D(20,10)", "4"])
    speeds = [float(line.split()[2]) for line in (one, four)]
    assert 0 < speeds[0] < speeds[1]
    errors = [line.split()[-1] for line in (one, four)]
    assert errors == ["0.0", "0.0"]
    assert not (tmp_path / "sandbox" / "pods").exists()
