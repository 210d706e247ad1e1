"""Numbers, numbers or percentages, and what is no address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.sandbox.builtin import names
from ome.sandbox.builtin.causes import invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ome.sandbox.refusal import Cause

__all__ = ["NO_ADDRESS", "not_negative", "number_or_percent", "port_number"]

NO_ADDRESS = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"


def not_negative(owner: Mapping[str, Any], fields: Iterable[str], at: str) -> list[Cause]:
    """Those of the fields that are below zero."""
    return [
        invalid(f"{at}.{name}", owner[name], "must be greater than or equal to 0")
        for name in fields
        if (owner.get(name) or 0) < 0
    ]


def number_or_percent(value: Any, field: str, *, at_most_all: bool = True) -> list[Cause]:
    """``3`` or ``25%``; not more than 100% where all is the most there is."""
    if isinstance(value, int):
        return [invalid(field, value, "must be greater than or equal to 0")] if value < 0 else []
    if wrong := names.percent(str(value)):
        return [invalid(field, value, text) for text in wrong]
    if at_most_all and int(value[:-1]) > 100:
        return [invalid(field, value, "must not be greater than 100%")]
    return []


def port_number(value: Any, field: str) -> list[Cause]:
    """A port's number, or the name of a container's port where the value is text."""
    if isinstance(value, str):
        return [invalid(field, value, text) for text in names.port_name(value)]
    if 1 <= (value or 0) <= 65535:
        return []
    return [invalid(field, value or 0, "must be between 1 and 65535, inclusive")]
