"""A picture of the sandbox in a terminal (rich), and as plain lines without one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from ome.sandbox.picture import ModelLine, Picture, PodLine, ServiceLine

__all__ = ["changes", "drawn"]

_POD_LINES = 8
_STATES = {"Ready": "green", "Failed": "red"}


def drawn(picture: Picture, seconds: float) -> RenderableType:
    """Everything at one moment, ``seconds`` after the start."""
    state = Text("Ready", "bold green") if picture.ready else Text("working", "yellow")
    title = Text.assemble(
        ("OME sandbox", "bold"), f"   {picture.nodes} nodes   {seconds:.0f} s   ", state
    )
    parts: list[RenderableType] = [title, "", _models(picture), "", _services(picture)]
    if picture.benchmarks:
        parts += ["", _benchmarks(picture)]
    if picture.pods:
        parts += ["", _pods(picture)]
    if picture.events:
        parts += ["", _events(picture)]
    return Group(*parts)


def changes(before: Picture | None, now: Picture) -> Iterator[str]:
    """One line for each thing that is new or different since the picture before."""
    old_models = {model.name: model for model in before.models} if before else {}
    for model in now.models:
        if old_models.get(model.name) != model:
            yield f"model {model.name}: {_said(model)}"
    old_services = {service.name: service for service in before.services} if before else {}
    for service in now.services:
        if old_services.get(service.name) != service:
            yield f"inferenceservice {service.name}: {_told(service)}"
    old_benchmarks = before.benchmarks if before else ()
    for benchmark in now.benchmarks:
        if benchmark not in old_benchmarks:
            yield f"benchmarkjob {benchmark.name}: {benchmark.state} {benchmark.details}".rstrip()
    old_pods = {pod.name: pod for pod in before.pods} if before else {}
    for pod in now.pods:
        if old_pods.get(pod.name) != pod:
            yield f"pod {pod.name}: {_shown(pod)}"
    old_events = before.events if before else ()
    for event in now.events:
        if event not in old_events:
            yield f"event {event.about}: {event.reason}: {event.message}"


def _said(model: ModelLine) -> str:
    state = model.state or "no report yet"
    return f"{state} (ready {model.ready}, updating {model.updating}, failed {model.failed} nodes)"


def _told(service: ServiceLine) -> str:
    runtime = f"runtime {service.runtime} ({service.why})" if service.runtime else service.why
    if service.ready:
        return f"Ready, {runtime}, {service.url}"
    return f"{service.problem}; {runtime}"


def _shown(pod: PodLine) -> str:
    where = f" on {pod.node}" if pod.node else ""
    return f"{pod.phase}{', ready' if pod.ready else ''}{where}"


def _row(table: Table, *cells: str | Text) -> None:
    # What others wrote is no markup: ``[chat]`` is a name, not a style.
    table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in cells))


def _table(*headers: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", expand=False)
    for header in headers:
        table.add_column(header, overflow="fold")
    return table


def _models(picture: Picture) -> Table:
    table = _table("MODEL", "STATE", "NODES READY", "UPDATING", "FAILED")
    for model in picture.models:
        state = Text(model.state or "-", _STATES.get(model.state, "yellow"))
        counts = (str(model.ready), str(model.updating), str(model.failed))
        _row(table, model.name, state, *counts)
    return table


def _services(picture: Picture) -> RenderableType:
    table = _table("INFERENCESERVICE", "READY", "RUNTIME", "WHY", "URL")
    for service in picture.services:
        ready = Text("True", "green") if service.ready else Text("False", "yellow")
        _row(table, service.name, ready, service.runtime or "-", service.why, service.url or "-")
    problems = [
        Text(f"  {service.name}: {service.problem}", "yellow")
        for service in picture.services
        if service.problem
    ]
    return Group(table, *problems)


def _benchmarks(picture: Picture) -> Table:
    table = _table("BENCHMARKJOB", "STATE", "DETAILS")
    for line in picture.benchmarks:
        style = {"Completed": "green", "Failed": "red"}.get(line.state, "yellow")
        _row(table, line.name, Text(line.state, style), line.details or "-")
    return table


def _pods(picture: Picture) -> RenderableType:
    table = _table("POD", "STATUS", "READY", "NODE")
    for pod in picture.pods[:_POD_LINES]:
        style = "green" if pod.ready else "yellow"
        ready = Text(str(pod.ready), style)
        _row(table, pod.name, Text(pod.phase, style), ready, pod.node or "-")
    more = len(picture.pods) - _POD_LINES
    return Group(table, f"  and {more} more") if more > 0 else table


def _events(picture: Picture) -> RenderableType:
    table = _table("EVENT", "REASON", "MESSAGE")
    for event in picture.events:
        style = "red" if event.warning else ""
        _row(table, event.about, Text(event.reason, style), event.message)
    return table
