"""Helm, as an administrator runs it, and what it renders."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

__all__ = ["CHARTS", "Json", "helm", "keyed", "refused", "rendered", "values"]

Json = dict[str, Any]
CHARTS = Path(__file__).resolve().parents[2] / "charts"


def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it; the caller looks at the exit code."""
    program = shutil.which("helm")
    assert program is not None, "hack/control-plane env puts helm on the PATH"
    return subprocess.run(
        [program, *arguments],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env=dict(os.environ),
    )


def values(given: Json) -> tuple[str, ...]:
    """Arguments for helm; JSON needs no quoting of names."""
    return tuple(f"--set-json={key}={json.dumps(value)}" for key, value in given.items())


def rendered(chart: str, given: Json | None = None, namespace: str = "ome") -> list[Json]:
    """The objects of a chart, which must lint under the same values."""
    words = values(given or {})
    linted = helm("lint", "--strict", str(CHARTS / chart), *words)
    assert linted.returncode == 0, linted.stdout + linted.stderr
    assert "[WARNING]" not in linted.stdout
    done = helm("template", "ome", str(CHARTS / chart), "--namespace", namespace, *words)
    assert (done.returncode, done.stderr) == (0, "")
    return [item for item in yaml.load_all(done.stdout, yaml.CSafeLoader) if item is not None]


def keyed(objects: list[Json]) -> dict[tuple[str, str], Json]:
    """Objects by kind and name, of which none is there twice."""
    found = {(item["kind"], item["metadata"]["name"]): item for item in objects}
    assert len(found) == len(objects)
    return found


def refused(chart: str, given: Json) -> str:
    """What Helm says of values that cannot be."""
    done = helm("template", "ome", str(CHARTS / chart), *values(given))
    assert done.returncode != 0
    return done.stderr
