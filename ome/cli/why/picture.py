"""A story on a terminal, on one screen."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from ome.cli.why.story import ago, size, span

if TYPE_CHECKING:
    from rich.console import Console

    from ome.cli.why.story import NodeProgress, Story

__all__ = ["show"]

_MOMENTS = 12
_DOWNLOADS = 6


def show(story: Story, console: Console, now: float, *, every: bool = False) -> None:
    """Print it; ``every`` shows all that happened, not only the last of it."""
    style = "bold green" if story.well else "bold yellow"
    console.print(Text.assemble((story.subject, "bold"), " ", (story.answer, style)))
    lines = _grid()
    for label, text in story.facts:
        lines.add_row(f"  {label}", Text(text))
    console.print(lines)
    if story.troubles:
        console.print(Text("\nWhat is wrong", style="bold"))
        for trouble in story.troubles:
            console.print(Text.assemble("  - ", (trouble, "red")))
    if story.downloads:
        _downloads(story.downloads, console, None if every else _DOWNLOADS)
    _history(story, console, now, None if every else _MOMENTS)
    for note in story.notes:
        console.print(Text(f"\n({note})", style="dim"))


def _grid() -> Table:
    lines = Table.grid(padding=(0, 2))
    lines.add_column(style="dim", no_wrap=True)
    lines.add_column(overflow="fold")
    return lines


def _downloads(downloads: list[NodeProgress], console: Console, most: int | None) -> None:
    console.print(Text("\nDownloads, the slowest first", style="bold"))
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("  NODE", "PHASE", "DONE", "OF", "RATE", "LEFT"):
        table.add_column(name, justify="left" if name in ("  NODE", "PHASE") else "right")
    for item in downloads[:most]:
        share = f"{100 * item.completed / item.total:.0f} %" if item.total else "-"
        left = "-" if item.seconds_left is None else span(item.seconds_left)
        rate = f"{size(item.rate)}/s" if item.rate else "-"
        table.add_row(f"  {item.node}", item.phase, share, size(item.total), rate, left)
    console.print(table)
    if most is not None and len(downloads) > most:
        console.print(f"  ... and {len(downloads) - most} more (--all)")


def _history(story: Story, console: Console, now: float, most: int | None) -> None:
    shown = story.history if most is None else story.history[-most:]
    if not shown:
        return
    earlier = len(story.history) - len(shown)
    title = f" (and {earlier} things before, --all)" if earlier else ""
    console.print(Text(f"\nWhat happened{title}", style="bold"))
    lines = Table.grid(padding=(0, 2))
    lines.add_column(style="dim", no_wrap=True)
    lines.add_column(style="dim", no_wrap=True, justify="right")
    lines.add_column(overflow="fold")
    for moment in shown:
        clock = time.strftime("%H:%M:%S", time.localtime(moment.at))
        times = f" ({moment.times} times)" if moment.times > 1 else ""
        text = Text(moment.what + times, style="yellow" if moment.bad else "")
        lines.add_row(f"  {clock}", ago(moment.at, now), text)
    console.print(lines)
