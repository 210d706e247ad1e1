"""What a bundle shows at first sight, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from ome.cli.support.gather import Found

__all__ = ["summary"]

_MOST = 20
_WELL = ("Running", "Succeeded")


def summary(found: Found, notes: Sequence[str], now: datetime) -> str:
    """The text of ``summary.txt``."""
    versions = found.versions
    lines = [
        f"Gathered {now:%Y-%m-%d %H:%M:%S} UTC; the operator's namespace is {found.namespace}.",
        f"ome {versions['ome']} ({versions['commit']}) on Python {versions['python']};"
        f" API server {versions['apiServer']}.",
        "",
    ]
    for kind, items in found.objects.items():
        plural = f"{kind}{'es' if kind.endswith('s') else 's'}"
        lines.append(f"{plural}: {len(items)}")
    lines += _part("Not Ready", [line for line in _unready(found) if line])
    lines += _part("Pods that do not run", [*_pods(found)])
    lines += _part("Not in this bundle", notes)
    return "\n".join(lines) + "\n"


def _part(title: str, entries: Sequence[str]) -> list[str]:
    if not entries:
        return []
    rest = [f"  and {len(entries) - _MOST} more"] if len(entries) > _MOST else []
    return ["", f"{title}:", *(f"  {entry}" for entry in entries[:_MOST]), *rest]


def _unready(found: Found) -> Iterator[str]:
    for kind, items in found.objects.items():
        for item in items:
            status = item.get("status") or {}
            conditions = {entry["type"]: entry for entry in status.get("conditions") or ()}
            ready = conditions.get("Ready")
            if ready is not None and ready["status"] != "True":
                why = ready.get("message") or ready.get("reason") or "no reason given"
                yield f"{kind} {_name(item)}: {why}"
            elif status.get("state") == "Failed":
                yield f"{kind} {_name(item)}: Failed"


def _pods(found: Found) -> Iterator[str]:
    for pod in found.pods:
        status = pod.get("status") or {}
        phase = status.get("phase", "unknown")
        waiting = next(
            (
                reason
                for container in status.get("containerStatuses") or ()
                if (reason := ((container.get("state") or {}).get("waiting") or {}).get("reason"))
            ),
            "",
        )
        if phase not in _WELL or waiting:
            yield f"{_name(pod)}: {phase}{f', {waiting}' if waiting else ''}"


def _name(item: Mapping[str, Any]) -> str:
    metadata = item["metadata"]
    return "/".join(filter(None, (metadata.get("namespace"), metadata["name"])))
