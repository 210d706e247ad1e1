"""Logs of the simulated programs: dropped, but for tracebacks, which are bugs."""

from __future__ import annotations

import logging
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import structlog

from .processes import PROCESS

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping

    from .history import History

__all__ = ["listening"]


@contextmanager
def listening(history: History) -> Iterator[None]:
    """While open, a log line with a traceback is a problem of the run."""

    def processor(_: Any, __: str, event: MutableMapping[str, Any]) -> Any:
        problem = event.get("exc_info")
        if problem:
            process = PROCESS.get()
            lines = traceback.format_exc().strip().splitlines()
            where = " | ".join(line.strip() for line in lines[-6:])
            who = "server" if process is None else process.name
            history.problem(f"{who}: {event.get('event')}: {where}")
        raise structlog.DropEvent

    structlog.configure(
        processors=[processor],
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        cache_logger_on_first_use=False,
    )
    try:
        yield
    finally:
        structlog.reset_defaults()
