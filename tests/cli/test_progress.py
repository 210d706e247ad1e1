"""What is shown while a cluster is read: a line on a terminal, and nothing that stays."""

from __future__ import annotations

from contextlib import suppress
from io import StringIO

import pytest

from ome.cli.progress import lively, watched


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _coloured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)


def played(stream: StringIO, *moments: float) -> str:
    """What is written when answers come at these seconds."""
    times = iter((0.0, *moments))
    with watched("ome plan", stream, lambda: next(times)) as answered:
        for _ in moments:
            answered("GET", "200", 0.1)
    return stream.getvalue()


def test_after_two_seconds_the_answers_are_counted_and_then_the_line_goes() -> None:
    assert played(Terminal(), 0.5, 1.9) == ""
    said = played(Terminal(), 0.5, 2.0, 3.4)
    assert said == (
        "\r\x1b[Kome plan: 2 answers read in 2 s ..."
        "\r\x1b[Kome plan: 3 answers read in 3 s ..."
        "\r\x1b[K"
    )


def test_nothing_moves_where_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    assert played(StringIO(), 5.0, 9.0) == ""
    assert lively(Terminal())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not lively(Terminal())
    assert played(Terminal(), 5.0, 9.0) == ""


def test_the_line_goes_when_the_command_fails() -> None:
    stream = Terminal()
    times = iter((0.0, 3.0))
    with (
        suppress(ValueError),
        watched("ome why", stream, lambda: next(times)) as answered,
    ):
        answered("GET", "200", 0.1)
        raise ValueError("refused")
    assert stream.getvalue().endswith("\r\x1b[K")
