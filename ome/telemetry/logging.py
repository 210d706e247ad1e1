"""Logs: one JSON object a line on stderr, with constant event names and bound context."""

from __future__ import annotations

import logging
import os
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

import structlog

from ome.telemetry.tracing import current_ids

if TYPE_CHECKING:
    from collections.abc import MutableMapping

__all__ = ["LogSettings", "configure_logging", "redact"]

_SECRET = re.compile(r"(?i)(authorization|token|password|secret_key|private_key|credential)")
_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "panic": logging.CRITICAL,
}
_NUMBERS = logging.getLevelNamesMapping()
_TIMES = {
    "rfc3339": "%Y-%m-%dT%H:%M:%SZ",
    "rfc3339nano": "%Y-%m-%dT%H:%M:%S.%fZ",
    "iso8601": "%Y-%m-%dT%H:%M:%S.%fZ",
}


@dataclass(frozen=True, slots=True)
class LogSettings:
    """The ``--zap-*`` flags, by their names."""

    devel: bool = False
    encoder: str = "json"
    level: str = "info"
    stacktrace_level: str = "error"
    time_encoding: str = "rfc3339"

    def number(self) -> int:
        """The level as the standard library counts it; an integer means ever more detail."""
        if self.level in _LEVELS:
            return _LEVELS[self.level]
        return logging.DEBUG

    def traces_from(self) -> int:
        """The level, counted so too, from which lines have the traceback of their error."""
        return logging.WARNING if self.devel else _LEVELS[self.stacktrace_level]


def redact(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Blank every value whose key names a credential."""
    for key in event:
        if _SECRET.search(key):
            event[key] = "[redacted]"
    return event


def _correlate(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Name the trace and the span in which a line was written."""
    event.update(current_ids())
    return event


def _traces(least: int) -> structlog.types.Processor:
    """Drop tracebacks below a level."""

    def drop(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        if _NUMBERS.get(event["level"].upper(), least) < least:
            event.pop("exc_info", None)
        return event

    return drop


def _stamp(encoding: str) -> structlog.types.Processor:
    if encoding in _TIMES:
        return structlog.processors.TimeStamper(fmt=_TIMES[encoding], utc=True, key="ts")
    scale = {"epoch": 1.0, "millis": 1e3, "nano": 1e9}[encoding]
    plain = structlog.processors.TimeStamper(fmt=None, utc=True, key="ts")

    def stamp(logger: Any, name: str, event: MutableMapping[str, Any]) -> Any:
        plain(logger, name, event)
        event["ts"] = event["ts"] * scale if scale != 1e9 else int(event["ts"] * scale)
        return event

    return stamp


def configure_logging(settings: LogSettings, stream: TextIO | None = None) -> None:
    """Send every log line of ours and of libraries to ``stream`` (stderr) in one form."""
    stream = stream or sys.stderr
    console = settings.encoder == "console" or settings.devel
    coloured = stream.isatty() and not os.environ.get("NO_COLOR")
    level = logging.DEBUG if settings.devel else settings.number()
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        _correlate,
        structlog.stdlib.add_log_level,
        _traces(settings.traces_from()),
        structlog.stdlib.add_logger_name,
        structlog.processors.CallsiteParameterAdder(
            [
                structlog.processors.CallsiteParameter.FILENAME,
                structlog.processors.CallsiteParameter.LINENO,
            ]
        ),
        _stamp(settings.time_encoding),
        redact,
    ]
    final: list[structlog.types.Processor] = (
        [structlog.dev.ConsoleRenderer(colors=coloured, timestamp_key="ts")]
        if console
        else [
            structlog.processors.format_exc_info,
            structlog.processors.EventRenamer("msg"),
            structlog.processors.JSONRenderer(default=str),
        ]
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *final],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("aiohttp.access", "asyncio"):
        logging.getLogger(noisy).setLevel(max(level, logging.WARNING))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
