"""Subcommands as a pod runs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ome.cli.agent import main

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["failing"]


def failing(capsys: pytest.CaptureFixture[str], *words: str, code: int = 1) -> str:
    """What ``ome-agent`` says on stderr when it ends with a code."""
    return ended(capsys, words, code)[1]


def ended(capsys: pytest.CaptureFixture[str], words: Sequence[str], code: int) -> tuple[str, str]:
    """What is on stdout and stderr."""
    with pytest.raises(SystemExit) as end:
        main(list(words))
    printed = capsys.readouterr()
    assert end.value.code == code, printed.err
    return printed.out, printed.err
