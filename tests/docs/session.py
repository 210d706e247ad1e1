"""Somebody who follows a page: saves its files, types its commands, looks at what they say."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.docs.pages import NEEDS, blocks, missing

if TYPE_CHECKING:
    from tests.docs.pages import Block

__all__ = ["Session"]

ROOT = Path(__file__).resolve().parents[2]
_SECONDS = 240
_NAMESPACE = re.compile(r"kubectl create namespace (\S+)")
_PATIENCE = 90.0
_LOOKS = ("kubectl get ", "kubectl describe ", "kubectl explain ", "ome explain ", "kubectl auth ")
# Pods here have no containers, so none of the manager's would answer; and one process plays the
# agents of all nodes, with a token that names none of them. CRDs that are there are taken over.
_HELM = """#!/bin/sh
case "$1 $*" in
install*charts/ome-resources* | upgrade*charts/ome-resources*)
  set -- "$@" --set ome.controller.replicaCount=0 --set modelAgent.ownNodePolicy=false ;;
esac
case "$1" in install | upgrade) set -- "$@" --take-ownership ;; esac
exec {helm} "$@"
"""
_OME = """#!/bin/sh
PYTHONPATH={root} exec {python} -c 'from ome.cli import main; main()' "$@"
"""


class Session:
    """A folder with the charts, and programs by the names that the pages use."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir()
        (folder / "charts").symlink_to(ROOT / "charts")
        bin_ = folder / "bin"
        bin_.mkdir()
        helm = shutil.which("helm")
        assert helm, 'helm and kubectl come with eval "$(hack/control-plane env)"'
        _program(bin_ / "helm", _HELM.format(helm=helm))
        _program(bin_ / "ome", _OME.format(root=ROOT, python=sys.executable))
        self._environment = {
            **os.environ,
            "HOME": str(folder),
            "PATH": f"{bin_}:{os.environ['PATH']}",
            "COLUMNS": "200",
        }
        self.files: list[str] = []
        """Manifests of the page."""
        self.namespaces: list[str] = []
        """Made by commands of the page."""

    def follow(self, page: str) -> None:
        """Do what a page says. Raises ``AssertionError`` naming its line."""
        for block in blocks(page):
            if block.kind == "yaml":
                (self._folder / block.file).write_text(block.text)
                if "\nkind: " in block.text:
                    self.files.append(block.file)
            elif block.kind not in NEEDS:
                self.namespaces += _NAMESPACE.findall(block.text)
                self._type(block, f"docs/tasks/{page}.md:{block.line}")

    def leave(self) -> None:
        """Delete what the files and commands of the page made."""
        made = " ".join(f"-f {name}" for name in reversed(self.files))
        if made:
            self._run(f"kubectl delete --ignore-not-found --timeout=30s {made}")
        for name in self.namespaces:
            self._run(f"kubectl delete namespace --ignore-not-found --wait=false {name}")
        self.files.clear()
        self.namespaces.clear()

    def _type(self, block: Block, where: str) -> None:
        deadline = time.monotonic() + (_PATIENCE if _only_looks(block.text) else 0)
        while True:
            code, output = self._run(block.text)
            unseen = missing(block.expected, output)
            well = (code != 0) == (block.kind == "sh (is refused)")
            if (well and unseen is None) or time.monotonic() > deadline:
                break
            time.sleep(0.3)
        assert well, f"{where}: exit code {code}\n{block.text}{output}"
        assert unseen is None, f"{where}: not seen: {unseen}\n{block.text}{output}"

    def _run(self, text: str) -> tuple[int, str]:
        done = subprocess.run(
            [shutil.which("bash") or "bash", "-e", "-o", "pipefail", "-c", text],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            cwd=self._folder,
            env=self._environment,
            timeout=_SECONDS,
        )
        return done.returncode, done.stdout


def _only_looks(text: str) -> bool:
    """Whether the commands change nothing, so that they can be typed again."""
    lines = text.replace("\\\n", " ").splitlines()
    return all(line.startswith(_LOOKS) for line in lines if line.strip())


def _program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)
