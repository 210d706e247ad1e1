"""genai-bench for tests that run it."""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING

import anyio
import pytest

from ome.errors import UserError
from ome.sandbox.realbenchmarks import find_tool

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["the_tool"]


@functools.cache
def the_tool() -> Path:
    """The executable: of the environment that ``OME_GENAI_BENCH`` names, else the sandbox's own.

    That is installed on first use; a test is skipped, with the reason, where that is impossible.
    """
    named = os.environ.get("OME_GENAI_BENCH")
    try:
        return anyio.run(find_tool, f"{named}/bin/genai-bench" if named else "", print)
    except UserError as error:
        pytest.skip(str(error))
