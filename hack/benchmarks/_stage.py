"""What the benchmarks share: a certificate, the recorded server, the peers, and how to run them."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
PYTHON = sys.executable
ROOT = HERE.parent.parent


class Recording:
    """A running recorded server."""

    def __init__(self, url: str, ca: Path, kubeconfig: Path) -> None:
        self.url = url
        self.ca = ca
        self.kubeconfig = kubeconfig

    def python(self, module: str, *words: str) -> dict[str, Any]:
        """Run one of ``benchmarks.clients`` against it."""
        command = [sys.executable, "-m", f"benchmarks.clients.{module}"]
        return run([*command, "--kubeconfig", str(self.kubeconfig), *words])

    def go(self, binary: Path, *words: str) -> dict[str, Any]:
        """Run the Go informer against it."""
        return run([str(binary), "--server", self.url, "--ca", str(self.ca), *words])


def run(command: list[str], seconds: float = 60) -> dict[str, Any]:
    """The JSON object that a measured process prints."""
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=seconds, cwd=ROOT, check=False,
        env={**os.environ, "KUBE_FEATURE_WatchListClient": "false"},
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"hack/bench: {' '.join(command[:4])} failed:\n{done.stderr[-2000:]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


@contextmanager
def recorded(nodes: int, events: int) -> Iterator[Recording]:
    """The recorded server in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        cert, key = certificate(Path(folder))
        command = [sys.executable, "-m", "benchmarks._server", f"--nodes={nodes}"]
        process = subprocess.Popen(
            [*command, f"--events={events}", f"--cert={cert}", f"--key={key}"],
            stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            url = f"https://127.0.0.1:{process.stdout.readline().strip()}"
            yield Recording(url, cert, _kubeconfig(Path(folder) / "kubeconfig", url, cert))
        finally:
            process.terminate()
            process.wait(10)


def certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 and its key."""
    cert, key = folder / "tls.crt", folder / "tls.key"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
        f" -subj /CN=bench -addext subjectAltName=IP:127.0.0.1 -keyout {key} -out {cert}"
    )
    try:
        subprocess.run(command.split(), check=True, capture_output=True)
    except FileNotFoundError:
        raise SystemExit("hack/bench: openssl is needed to make a certificate") from None
    return cert, key


def _kubeconfig(path: Path, url: str, cert: Path) -> Path:
    authority = base64.b64encode(cert.read_bytes()).decode()
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "bench",
        "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "bench"}}],
        "clusters": [
            {"name": "bench", "cluster": {"server": url, "certificate-authority-data": authority}}
        ],
        "users": [{"name": "bench", "user": {"token": "recorded"}}],
    }
    path.write_text(yaml.safe_dump(document))
    return path


def go_peer(name: str) -> Path | None:
    """The built Go peer; None, with a line that says so, where there is no Go or no network."""
    go = shutil.which("go")
    if go is None:
        print(f"without Go: {name} runs alone, there is no client-go to compare with")
        return None
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    target = Path(base) / "ome" / "benchmarks" / name
    target.parent.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "GOWORK": "off", "CGO_ENABLED": "0"}
    command = [go, "build", "-o", str(target), f"./{name}"]
    done = subprocess.run(
        command, cwd=HERE / "peers", capture_output=True, text=True, env=environment, check=False
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["?"])[-1]
        print(f"the Go peer {name} could not be built, so ours runs alone: {reason}")
        return None
    return target
