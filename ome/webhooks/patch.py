"""The JSON patch (RFC 6902) from an object as sent to the object as it should be.

Only what differs is in it, so fields that nobody here knows are never touched. A list that grew at
its end is added to; one that changed in any other way is replaced item by item where the length is
the same, else as a whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["json_patch"]

_encode = msgspec.json.Encoder().encode


def json_patch(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The operations that turn ``before`` into ``after``; empty when they are equal."""
    trusting = _Difference(strict=False)
    trusting.objects(before, after, "")
    if trusting.holds():
        return trusting.operations
    strict = _Difference(strict=True)
    strict.objects(before, after, "")
    return strict.operations


class _Difference:
    """Collects operations.

    In Python 1 == 1.0 == True, in JSON they are three different texts. Comparing texts part by part
    is slow, so at first Python's word is taken and all that it called equal is compared at the end,
    as one text (``holds``). Only where that fails is every part compared as text (``strict``).
    """

    def __init__(self, *, strict: bool) -> None:
        self.operations: list[dict[str, Any]] = []
        self._strict = strict
        self._equal: tuple[list[Any], list[Any]] = ([], [])

    def holds(self) -> bool:
        """Whether all that was taken for equal is."""
        before, after = self._equal
        return _encode(before) == _encode(after)

    def objects(self, before: Mapping[str, Any], after: Mapping[str, Any], path: str) -> None:
        """What turns one object into another."""
        found = self.operations
        for name in before:
            if name not in after:
                found.append({"op": "remove", "path": f"{path}/{_escape(name)}"})
        for name, value in after.items():
            if name not in before:
                found.append({"op": "add", "path": f"{path}/{_escape(name)}", "value": value})
            elif not self._same(before[name], value):
                self._values(before[name], value, f"{path}/{_escape(name)}")

    def _values(self, before: Any, after: Any, path: str) -> None:
        """What turns one value into another, which differs."""
        if isinstance(before, dict) and isinstance(after, dict):
            self.objects(before, after, path)
        elif isinstance(before, list) and isinstance(after, list) and len(before) <= len(after):
            self._lists(before, after, path)
        else:
            self.operations.append({"op": "replace", "path": path, "value": after})

    def _lists(self, before: list[Any], after: list[Any], path: str) -> None:
        start, grown = len(self.operations), len(after) - len(before)
        for place, value in enumerate(before):
            if not self._same(value, after[place]):
                self._values(value, after[place], f"{path}/{place}")
        for value in after[len(before) :]:
            self.operations.append({"op": "add", "path": f"{path}/-", "value": value})
        # Something put in the middle makes every later item differ: the whole is shorter then.
        if grown and len(self.operations) - start > 1 + grown:
            self.operations[start:] = [{"op": "replace", "path": path, "value": after}]

    def _same(self, before: Any, after: Any) -> bool:
        if before is after:
            return True
        if type(before) is not type(after) or before != after:
            return False
        if not isinstance(before, (dict, list)):
            return True
        if self._strict:
            return _encode(before) == _encode(after)
        self._equal[0].append(before)
        self._equal[1].append(after)
        return True


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
