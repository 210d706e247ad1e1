"""Log lines: one JSON object each, with context and without credentials."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from ome.telemetry.logging import LogSettings, configure_logging, redact

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


@pytest.mark.usefixtures("restored")
def test_ours_and_library_lines_have_one_form(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(LogSettings())
    with structlog.contextvars.bound_contextvars(object="demo/chat"):
        structlog.get_logger("setup").info("something.happened", count=2, token="abc")
        logging.getLogger("library").warning("careful %s", "now")
        structlog.get_logger("setup").debug("not.shown")
    ours, theirs = lines(capsys)
    assert (ours["msg"], ours["level"], ours["logger"]) == ("something.happened", "info", "setup")
    assert (ours["count"], ours["token"], ours["object"]) == (2, "[redacted]", "demo/chat")
    assert ours["ts"].endswith("Z")
    assert (theirs["msg"], theirs["object"]) == ("careful now", "demo/chat")


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize(
    ("settings", "shown"),
    [
        (LogSettings(), ["info", "error"]),
        (LogSettings(level="debug"), ["debug", "info", "error"]),
        (LogSettings(level="3"), ["debug", "info", "error"]),
        (LogSettings(level="error"), ["error"]),
    ],
)
def test_levels(
    settings: LogSettings, shown: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(settings)
    log = structlog.get_logger("test")
    log.debug("a")
    log.info("b")
    log.error("c")
    assert [line["level"] for line in lines(capsys)] == shown


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize(("encoding", "digits"), [("epoch", 10), ("millis", 13), ("nano", 19)])
def test_times_as_numbers(encoding: str, digits: int, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(LogSettings(time_encoding=encoding))
    structlog.get_logger("test").info("now")
    (line,) = lines(capsys)
    assert len(str(int(line["ts"]))) == digits


def test_redaction_goes_by_the_key() -> None:
    event = {"authorization": "Bearer x", "client_token": "y", "object": "token-service"}
    assert redact(None, "", event) == {
        "authorization": "[redacted]",
        "client_token": "[redacted]",
        "object": "token-service",
    }


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize(
    ("settings", "traced"),
    [
        (LogSettings(), [False, False, True, True]),
        (LogSettings(stacktrace_level="info"), [True, True, True, True]),
        (LogSettings(stacktrace_level="panic"), [False, False, False, False]),
    ],
)
def test_tracebacks_appear_from_a_level_on(
    settings: LogSettings, traced: list[bool], capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(settings)
    log = structlog.get_logger("test")
    try:
        raise ValueError("why")
    except ValueError:
        log.info("one", exc_info=True)
        log.warning("two", exc_info=True)
        log.exception("three")
        logging.getLogger("library").exception("four")
    assert ["exception" in line for line in lines(capsys)] == traced


@pytest.mark.usefixtures("restored")
def test_development_traces_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(LogSettings(devel=True, stacktrace_level="panic"))
    try:
        raise ValueError("why")
    except ValueError:
        structlog.get_logger("test").warning("careful", exc_info=True)
    assert "ValueError: why" in capsys.readouterr().err
