"""A whole benchmark in the sandbox, run by genai-bench itself."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.cluster import ROOT
from tests.support.genai_bench import the_tool

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(2400)]

OBJECTS = """
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
  maxRequestsPerIteration: 100000  # so that each run takes its minute, in which progress is read
{COMMON}
"""


AT_URL = f"""
---
apiVersion: ome.io/v1beta1
kind: BenchmarkJob
metadata: {{name: url, namespace: demo}}
spec:
  endpoint:
    endpoint:
      url: https://models.example.com/team
      apiFormat: openai
      modelName: any
      tokenizer: org/tokenizer
      apiKeySecretReference: {{name: key}}
  numConcurrency: [2]
  outputLocation: {{storageUri: "pvc://results/b"}}
  resultFolderName: run
  maxRequestsPerIteration: 4
{COMMON}
"""


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
    file.write_text("".join((OBJECTS, *manifests)))
    options = ("--nodes=2", "--once", "--timeout=800", f"--dir={tmp_path}/sandbox", f"-f={file}")
    return ome("sandbox", "--real-benchmarks", f"--genai-bench={the_tool()}", *options)


def test_benchmarks_end_with_their_figures(tmp_path: Path) -> None:
    done = sandbox(tmp_path, SERVICE, AT_SERVICE, AT_URL)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "benchmarkjob demo/service: Completed results are in pvc://results/a/run" in done.stdout
    assert "Running running run 1/2: D(20,10), concurrency=1" in done.stdout
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
    # The key came from its Secret: the tool tells what it was started with.
    told = (tmp_path / "sandbox/claims/demo/results/b/run/experiment_metadata.json").read_text()
    assert "--api-key of-the-secret" in told
    assert not (tmp_path / "sandbox" / "pods").exists()
