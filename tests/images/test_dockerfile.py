"""The images' steps, without a container engine: what is installed is what the lock file says."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = re.sub(r"\\\n\s*", "", (ROOT / "images/Dockerfile").read_text())
LINES = [line for line in TEXT.splitlines() if line and not line.startswith("#")]
TOOLS = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ome/tools/bin"


def stage(name: str) -> list[str]:
    """The instructions of a stage."""
    begin = next(at for at, line in enumerate(LINES) if line.endswith(f" AS {name}"))
    rest = LINES[begin + 1 :]
    return rest[: next((at for at, line in enumerate(rest) if line.startswith("FROM ")), len(rest))]


def test_nothing_runs_as_root_and_every_base_can_be_pinned() -> None:
    bases = re.findall(r"^FROM (\S+) AS (\S+)$", TEXT, re.MULTILINE)
    assert [base for base, _ in bases if not base.startswith("${")] == ["runtime"] * 4
    assert "USER 65532:65532" in stage("runtime")
    for _, name in bases:
        assert not any(line.startswith("USER") for line in stage(name) if name != "runtime")


@pytest.mark.parametrize(
    ("target", "entry"),
    [
        ("manager", ["/manager"]),
        ("agent", ["/ome-agent"]),
        ("multinode-prober", ["ome", "multinode-prober"]),
        ("qpext", ["ome", "qpext"]),
    ],
)
def test_entry_points(target: str, entry: list[str]) -> None:
    (line,) = (line for line in stage(target) if line.startswith("ENTRYPOINT "))
    assert json.loads(line.removeprefix("ENTRYPOINT ")) == entry


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_steps_make_an_environment_that_runs(tmp_path: Path) -> None:
    """The very commands, in a folder with what the image's build context has of the project."""
    uv = shutil.which("uv", path=f"{TOOLS}:{os.environ['PATH']}")
    if uv is None:
        pytest.skip("uv is not here; hack/environment.sh installs it")
    source, made = tmp_path / "src", tmp_path / "ome"
    source.mkdir()
    # What compiled files save at each start of a container takes minutes here.
    environment = {
        **{name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"},
        "PATH": f"{Path(uv).parent}:{os.environ['PATH']}",
        "UV_PROJECT_ENVIRONMENT": str(made),
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_LINK_MODE": "hardlink",
    }
    ran = 0
    for line in stage("build"):
        words = line.split()
        if words[0] == "COPY":
            for name in words[1:-1]:
                here, there = ROOT / name, source / words[-1] / name
                if here.is_dir():
                    shutil.copytree(
                        here, source / words[-1], ignore=shutil.ignore_patterns("__pycache__")
                    )
                else:
                    shutil.copy(here, there)
        elif words[:3] == ["RUN", "uv", "sync"]:
            subprocess.run(words[1:], cwd=source, env=environment, check=True, timeout=500)
            ran += 1
    assert ran == 2
    shutil.rmtree(source)  # the environment stands alone, as in the image
    bare = {"PATH": f"{made}/bin:/usr/bin:/bin", "HOME": str(tmp_path)}
    said = subprocess.run(["ome", "--help"], env=bare, capture_output=True, text=True, check=True)
    assert "multinode-prober" in said.stdout
    crds = subprocess.run(["ome", "crds"], env=bare, capture_output=True, text=True, check=True)
    assert crds.stdout.count("kind: CustomResourceDefinition") == 8
    assert not (made / "bin/pytest").exists()
