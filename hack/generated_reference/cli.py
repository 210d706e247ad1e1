"""`hack/reference`: write docs/reference, or say which of it is stale."""

from __future__ import annotations

from hack.generated import run

from . import commands, kinds, names, values

__all__ = ["files", "main"]

_WHAT = """Write docs/reference: the kinds from their models, the values of the charts from
values.yaml and their schemas, the commands from their flags, annotations and labels from
ome/api/names."""
_NOTE = "<!-- Written by hack/reference; do not edit. -->\n"


def files() -> dict[str, str]:
    """Every page by its path."""
    pages = {
        "kinds": kinds.page(),
        "values": values.page(),
        "commands": commands.page(),
        "names": names.page(),
    }
    return {f"docs/reference/{name}.md": f"{_NOTE}{text}" for name, text in pages.items()}


def main(arguments: list[str]) -> int:
    """Exit code 2 for a wrong argument, 1 for a stale file under ``--check``."""
    return run("hack/reference", _WHAT, files, arguments)
