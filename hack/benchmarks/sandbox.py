"""How long the sandbox takes until all is Ready, and how much memory it needs.

Without a peer: there is no other of its kind. Peak memory is that of the one process that holds API
server, simulated cluster, agents and manager.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import yaml

OME = [sys.executable, "-c", "from ome.cli import main; main()", "sandbox"]
PODS = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "many", "namespace": "default"},
    "spec": {
        "selector": {"matchLabels": {"app": "many"}},
        "strategy": {"rollingUpdate": {"maxSurge": "100%"}},
        "template": {
            "metadata": {"labels": {"app": "many"}},
            "spec": {"containers": [{"name": "main", "image": "example.test/many:1"}]},
        },
    },
}


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="hack/bench sandbox", description=__doc__)
    parser.add_argument("--nodes", type=int, nargs="+", default=[8, 2000])
    parser.add_argument("--runs", type=int, default=3, help="runs of each size (default: 3)")
    parser.add_argument("--pods", type=int, default=0, help="then so many pods on the last size")
    asked = parser.parse_args(words)
    rows = []
    print(f"{'nodes':>6} {'seconds':>16} {'peak MiB':>16}")
    for nodes in asked.nodes:
        runs = [once(nodes) for _ in range(asked.runs)]
        rows.append({"nodes": nodes, "seconds": [r[0] for r in runs], "mib": [r[1] for r in runs]})
        print(f"{nodes:>6} {_spread([r[0] for r in runs]):>16} {_spread([r[1] for r in runs]):>16}")
    result: dict[str, Any] = {"benchmark": "sandbox", "once": rows}
    if asked.pods:
        seconds, mib = with_pods(asked.nodes[-1], asked.pods)
        print(f"{asked.nodes[-1]} nodes, {asked.pods} pods Ready: {seconds:.1f} s, {mib:.0f} MiB")
        result["pods"] = {"pods": asked.pods, "seconds": seconds, "mib": mib}
    print(json.dumps(result))
    return 0


def once(nodes: int) -> tuple[float, float]:
    """``ome sandbox --once``: seconds from start to exit, and peak memory in MiB."""
    with tempfile.TemporaryDirectory() as folder:
        begin = time.monotonic()
        words = [*OME, "--once", f"--nodes={nodes}", f"--dir={folder}"]
        # As its users run it: Python keeps what it compiled for the next time.
        kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, env=kept)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"ome sandbox --once --nodes={nodes}: exit code {process.returncode}")
        return round(time.monotonic() - begin, 2), round(usage.ru_maxrss / 1024, 1)


def with_pods(nodes: int, pods: int) -> tuple[float, float]:
    """A bare sandbox with so many pods: seconds until all are Ready, and peak memory in MiB."""
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder)
        words = [*OME, "--bare", f"--nodes={nodes}", f"--dir={folder}"]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        try:
            process.stdout.readline()
            begin = time.monotonic()
            path = "/apis/apps/v1/namespaces/default/deployments"
            spec = {**PODS, "spec": {**PODS["spec"], "replicas": pods}}  # type: ignore[dict-item]
            _ask(where / "kubeconfig", path, spec)
            while (
                _ask(where / "kubeconfig", f"{path}/many")["status"].get("readyReplicas", 0) < pods
            ):
                time.sleep(0.5)
            return time.monotonic() - begin, _peak(process.pid)
        finally:
            process.terminate()
            process.wait(20)


def _ask(kubeconfig: Path, path: str, body: Any = None) -> Any:
    config = yaml.safe_load(kubeconfig.read_text())
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    request = urllib.request.Request(
        cluster["server"] + path,
        None if body is None else json.dumps(body).encode(),
        {"Authorization": f"Bearer {user['token']}", "Content-Type": "application/json"},
    )
    context = ssl.create_default_context(cadata=_decoded(cluster["certificate-authority-data"]))
    with urllib.request.urlopen(request, context=context, timeout=60) as answer:
        return json.load(answer)


def _decoded(text: str) -> str:
    return base64.b64decode(text).decode()


def _peak(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.1f} ({min(values):.1f}-{max(values):.1f})"
