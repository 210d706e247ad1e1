"""What users can mend is said in one line each, and becomes the exit code of a command."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ome.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Outcome", "user_errors"]


@dataclass(slots=True)
class Outcome:
    """The exit code of a command."""

    code: int = 0


@contextmanager
def user_errors(command: str) -> Iterator[Outcome]:
    """Print what users can mend in one line each, also from inside task groups."""
    outcome = Outcome()
    try:
        yield outcome
    except* UserError as group:
        for error in _leaves(group):
            sys.stderr.write(f"{command}: {error}\n")
            outcome.code = max(outcome.code, error.exit_code)


def _leaves(group: BaseExceptionGroup[UserError]) -> list[UserError]:
    found: list[UserError] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found
