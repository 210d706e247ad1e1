"""The user's session: its commands, run against a server, and what of their output may differ."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Said", "commands", "plain", "run"]

HERE = Path(__file__).resolve().parent
_SECONDS = 120

_DIFFERS = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "UID"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "TIME"),
    (re.compile(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}"), "TIME"),
    (re.compile(r"\b\d{1,3}(\.\d{1,3}){3}\b"), "ADDRESS"),
    (re.compile(r"(chat-engine|web)-([a-z0-9]{8,10}(-[a-z0-9]{5})?|[a-z0-9]{5})\b"), r"\1-HASH"),
    (re.compile(r"\b(chat|chat-engine)\.[0-9a-f]{16,18}\b"), r"\1.HASH"),
    (re.compile(r"\bpod-template-hash=\w+"), "pod-template-hash=HASH"),
    (re.compile(r"(Resource Version:\s+|resourceVersion\W+)\d+"), r"\1VERSION"),
    # It covers the owner's uid.
    (re.compile(r"(ome.io/applied-hash\W+)[0-9a-f]{32}"), r"\1HASH"),
    (re.compile(r"\bgpu-\d+\b"), "NODE"),
    (re.compile(r"\b\d+[smh](\d+[sm])?\b|<invalid>"), "AGE"),
    (re.compile(r"AGE \(x\d+ over AGE\)"), "AGE"),
)


@dataclass(frozen=True, slots=True)
class Said:
    """What a command printed, both streams together, and its exit code."""

    command: str
    output: str
    code: int


def commands() -> Iterator[str]:
    """The commands of ``session.txt``."""
    for line in (HERE / "session.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            yield line


def run(kubeconfig: Path, home: Path) -> Iterator[Said]:
    """Type them, one after the other."""
    environment = {
        **os.environ,
        "KUBECONFIG": str(kubeconfig),
        "HOME": str(home),
        "TZ": "UTC",
        "COLUMNS": "100",
    }
    for command in commands():
        done = subprocess.run(
            [shutil.which("bash") or "bash", "-c", command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            cwd=HERE,
            env=environment,
            timeout=_SECONDS,
        )
        yield Said(command, done.stdout, done.returncode)


def plain(output: str) -> list[str]:
    """The output without what differs between two runs on the same server.

    Ages, uids, addresses, versions, generated names; widths of columns, since they follow from
    those; the order of events, which the API does not promise.
    """
    for pattern, name in _DIFFERS:
        output = pattern.sub(name, output)
    lines = [re.sub(r"\s+", " ", line).strip() for line in output.splitlines()]
    lines = [re.sub(r"^-[- ]+$", "----", line) for line in lines]
    if "Events:" in lines:
        begin = lines.index("Events:") + 1
        lines[begin:] = sorted(set(lines[begin:]))
    return lines
