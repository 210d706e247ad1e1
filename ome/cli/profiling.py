"""``--profile FILE``: where the time of a process goes, as a flame graph.

A sampler (pyinstrument) looks at the stack a thousand times a second; without the flag nothing of
it is even imported.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from ome.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyinstrument.renderers import Renderer

__all__ = ["profiling"]

log = structlog.get_logger("profile")


@contextmanager
def profiling(file: str) -> Iterator[None]:
    """Write the profile of the block when it ends: HTML, or JSON for speedscope by its suffix.

    Nothing for the empty name. Raises ``UserError`` when it could not be written in the end.
    """
    if not file:
        yield
        return
    path = Path(file)
    if path.suffix not in (".html", ".json"):
        raise UserError(f"--profile={file}: expected a name that ends in .html or .json")
    if not path.parent.is_dir():
        raise UserError(f"--profile={file}: there is no folder {path.parent}; make it first")
    try:
        from pyinstrument import Profiler
        from pyinstrument.renderers import HTMLRenderer, SpeedscopeRenderer
    except ImportError as error:
        raise UserError(
            "--profile needs pyinstrument; install it with: pip install 'ome[profile]'"
        ) from error
    # All tasks of the loop together: what counts is the loop, not who called whom across awaits.
    profiler = Profiler(interval=0.001, async_mode="disabled")
    profiler.start()
    try:
        yield
    finally:
        session = profiler.stop()
        # Each step of a task is short: all of them count, however small.
        whole = {"filter_threshold": 0.0}
        renderer: Renderer = SpeedscopeRenderer(show_all=True, processor_options=whole)
        if path.suffix == ".html":
            renderer = HTMLRenderer()
        path.write_text(renderer.render(session), encoding="utf-8")
        log.info("profile.written", file=file)
