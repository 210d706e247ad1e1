"""Order of resourceVersions: numeric where both are numbers, unknown elsewhere.

Kubernetes promises the order of the integers that etcd gives (KEP-5504); an aggregated server may
use anything, and is then believed in the order in which it speaks.
"""

from __future__ import annotations

__all__ = ["at_or_past", "older"]


def older(version: str, than: str) -> bool:
    """True when ``version`` is certainly older; False when newer, equal or not comparable."""
    if version == than or not (version.isdecimal() and than.isdecimal()):
        return False
    return int(version) < int(than)


def at_or_past(version: str, other: str) -> bool:
    """True unless ``version`` is certainly older than ``other``."""
    return not older(version, other)
