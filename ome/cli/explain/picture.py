"""An account on a terminal: the answer first, then what it was chosen among, on one screen."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from ome.api import names
from ome.selection import Exclusion, size_range

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from ome import api
    from ome.cli.explain.account import Account
    from ome.selection import AcceleratorChoice, ClassVerdict, Verdict

__all__ = ["show"]

_CANDIDATES = 8
_EXCLUDED = 5
_KEPT = (
    ", kept because its pods run: it fits the model without what was read from the files; a new"
    " service would not get it"
)
_PINNED = f"as annotation {names.ANNOTATION_PIN_RUNTIME} keeps it"
_WORDS = {
    Exclusion.NOT_ELIGIBLE: "not eligible",
    Exclusion.SIZE: "size",
    Exclusion.FORMAT: "format",
    Exclusion.ACCELERATOR: "accelerator class",
    Exclusion.DISABLED: "disabled",
}


def show(account: Account, console: Console, *, every: bool = False) -> None:
    """Print the account; ``every`` lists all runtimes instead of the first and the closest."""
    _answer(account, console)
    if account.named or account.pinned:
        _named(account, console)
    else:
        _candidates(account.candidates, console, None if every else _CANDIDATES)
        _excluded(account.excluded, console, None if every else _EXCLUDED)
    for choice in account.accelerators.values():
        if choice.verdicts:
            _classes(choice, console)


def _answer(account: Account, console: Console) -> None:
    lines = Table.grid(padding=(0, 2))
    lines.add_column(style="dim", no_wrap=True)
    lines.add_column(overflow="fold")
    console.print(Text(account.subject, style="bold"))
    if account.model is not None:
        kind = "BaseModel" if account.model.namespace else "ClusterBaseModel"
        described = ", ".join(_described(account.model.spec))
        lines.add_row("  model", f"{kind} {account.model.name}: {described}")
    lines.add_row("  runtime", _runtime(account))
    for name, choice in account.accelerators.items():
        lines.add_row(f"  {name} on", _class_line(choice))
    alone = account.named or account.pinned or account.selection or not account.verdicts
    if account.problem and alone:
        lines.add_row("  problem", Text(account.problem, style="red"))
    if account.note:
        lines.add_row("  note", Text(account.note, style="yellow"))
    console.print(lines)


def _described(spec: api.BaseModelSpec) -> list[str]:
    parts = [
        f"{part.name} {part.version or ''}".strip()
        for part in (spec.model_format, spec.model_framework)
        if part is not None
    ]
    pipeline = spec.diffusion_pipeline
    for text in (
        spec.model_architecture,
        spec.quantization,
        spec.model_parameter_size,
        None if pipeline is None else f"pipeline {pipeline.class_name or 'without class'}",
    ):
        parts += [text] if text else []
    return parts or ["no format is known"]


def _runtime(account: Account) -> Text:
    chosen = account.selection
    if chosen is not None:
        text = Text(chosen.runtime.name, style="bold green")
        how = "named in spec.runtime" if account.named else f"score {chosen.score.total}"
        if account.pinned:
            how = _PINNED
        if account.kept:
            how += _KEPT
        return text.append(f"  {chosen.runtime.scope} scope, {how}", style="not bold default")
    if account.problem:
        checked = len(account.verdicts)
        why = "none"
        if account.pinned:
            why = f"none: {account.pinned}, {_PINNED}, cannot serve the model"
        elif account.named:
            why = f"none: {account.named} is named in spec.runtime and cannot serve the model"
        elif checked:
            why = f"none: of {checked} runtime{'s' if checked > 1 else ''} none may be chosen"
        return Text(why, style="bold red")
    if not account.deployed:
        return Text("none is needed", style="green")
    return Text("none is needed: the engine brings a complete runner", style="green")


def _class_line(choice: AcceleratorChoice) -> Text:
    if choice.name:
        return Text(choice.name, style="bold green").append(
            f"  {choice.reason}", style="not bold default"
        )
    return Text(
        f"no accelerator class: {choice.reason}", style="yellow" if choice.warning else "default"
    )


def _named(account: Account, console: Console) -> None:
    for verdict in account.verdicts:
        for remark in account.remarks_on(verdict.runtime):
            console.print(f"  {verdict.runtime.name}: {remark}")


def _table(*columns: tuple[str, str], fold: str = "") -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for name, justify in columns:
        table.add_column(
            name,
            justify="right" if justify == "right" else "left",
            no_wrap=name != fold,
            overflow="fold" if name == fold else "ellipsis",
        )
    return table


def _candidates(verdicts: Sequence[Verdict], console: Console, limit: int | None) -> None:
    if not verdicts:
        return
    console.print(f"\nCandidates in order ({len(verdicts)})")
    table = _table(
        ("  #", "right"),
        ("runtime", "left"),
        ("scope", "left"),
        ("score", "right"),
        ("(format + framework) x priority", "left"),
        ("sizes", "left"),
    )
    for number, verdict in enumerate(verdicts[:limit], 1):
        score, bounds = verdict.score, size_range(verdict.runtime.spec.model_size_range)
        table.add_row(
            str(number),
            Text(verdict.runtime.name, style="green" if number == 1 else ""),
            verdict.runtime.scope,
            str(score.total),
            f"({score.format} + {score.framework}) x {score.priority}",
            "any" if bounds is None else bounds.text,
        )
    console.print(table)
    _rest(len(verdicts) - (limit or len(verdicts)), "", console)


def _excluded(verdicts: Sequence[Verdict], console: Console, limit: int | None) -> None:
    if not verdicts:
        return
    console.print(f"\nExcluded ({len(verdicts)}), the closest first")
    table = _table(("  runtime", "left"), ("scope", "left"), ("why", "left"), fold="why")
    for verdict in verdicts[:limit]:
        table.add_row(f"  {verdict.runtime.name}", verdict.runtime.scope, _why(verdict))
    console.print(table)
    rest = verdicts[limit:] if limit else ()
    kinds = Counter(_WORDS[item.exclusion] for item in rest if item.exclusion is not None)
    counted = ", ".join(f"{kind} {count}" for kind, count in kinds.items())
    _rest(len(rest), f": {counted}", console)


def _why(verdict: Verdict) -> str:
    formats = len(verdict.runtime.spec.supported_model_formats or ())
    if verdict.exclusion is Exclusion.FORMAT and verdict.nearest:
        return verdict.nearest + (f" (nearest of {formats} formats)" if formats > 1 else "")
    return verdict.reason


def _rest(count: int, detail: str, console: Console) -> None:
    if count > 0:
        console.print(f"  and {count} more{detail} (--all lists them)", style="dim")


def _classes(choice: AcceleratorChoice, console: Console) -> None:
    console.print(f"\nAccelerator classes for the {choice.component} (policy {choice.policy})")
    columns = list(dict.fromkeys(name for item in choice.verdicts for name, _ in item.parts))
    table = _table(
        ("  class", "left"),
        ("score", "right"),
        *((name, "right") for name in columns),
        ("why not", "left"),
        fold="why not",
    )
    for verdict in choice.verdicts:
        chosen = verdict.name == choice.name
        parts = dict(verdict.parts)
        table.add_row(
            Text(f"  {verdict.name}", style="green" if chosen else ""),
            _score(choice.policy, verdict),
            *(f"{parts[name]:.4g}" if name in parts else "" for name in columns),
            verdict.reason or ("" if chosen else _second(verdict, choice)),
        )
    console.print(table)


def _second(verdict: ClassVerdict, choice: AcceleratorChoice) -> str:
    if verdict.score == choice.verdicts[0].score:
        return "as good, and later in the runtime's list"
    return "another is better"


def _score(policy: str, verdict: ClassVerdict) -> str:
    # Prices and places are compared as they stand; their scores are only their order.
    if verdict.score is None or policy in ("Cheapest", "FirstAvailable"):
        return ""
    return f"{verdict.score:.4g}"
