"""Get, list and watch."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio
import msgspec

from ome.kube.resource import ObjectKey
from ome.sandbox.apiserver.calls import Answer, encode
from ome.sandbox.apiserver.views import document_as_served, view_of
from ome.sandbox.refusal import Refused, bad_request, not_found
from ome.sandbox.selectors import parse_fields, parse_labels
from ome.sandbox.stored import Stored

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from ome.clock import Clock
    from ome.sandbox.apiserver.calls import Call, Target
    from ome.sandbox.apiserver.kinds import Kind
    from ome.sandbox.apiserver.storage import Change, Collection, Store
    from ome.sandbox.apiserver.views import View

__all__ = ["Reading", "Selection"]

_BOOKMARK_EVERY = 60.0
_WATCH_SECONDS = 1800.0
_PAUSE_EVERY = 200
_INITIAL_END = {"k8s.io/initial-events-end": "true"}


@dataclass(frozen=True, slots=True)
class Selection:
    """What of a collection is asked for."""

    namespace: str
    matches: Callable[[Stored], bool] | None
    name: str = ""

    @classmethod
    def of(cls, call: Call, target: Target, kind: Kind) -> Selection:
        """From the path and the selectors of the query."""
        labels = parse_labels(call.query.get("labelSelector", ""))
        fields = parse_fields(call.query.get("fieldSelector", ""))
        name = target.name or fields.name

        def matches(stored: Stored) -> bool:
            if name and stored.key.name != name:
                return False
            if labels and not labels.matches(stored.labels):
                return False
            return not fields or fields.matches(document_as_served(stored.load(), kind))

        chosen = matches if labels or fields or name else None
        return cls(target.namespace, chosen, name)

    def has(self, stored: Stored | None) -> bool:
        """Whether an object belongs to it."""
        if stored is None or (self.namespace and stored.key.namespace != self.namespace):
            return False
        return self.matches is None or self.matches(stored)


class Reading:
    """Answers reads from the store."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def get(self, call: Call, target: Target, kind: Kind) -> Answer:
        """One object."""
        collection = self._store.collection(*kind.store)
        stored = collection.get(ObjectKey(target.namespace, target.name))
        if stored is None:
            raise not_found(kind.resource.group, kind.resource.plural, target.name)
        self._not_from_the_future(call)
        return Answer(200, view_of(call, kind, self._clock).one(stored))

    def page(self, call: Call, target: Target, kind: Kind) -> Answer:
        """A collection, or a page of it."""
        self._not_from_the_future(call)
        collection = self._store.collection(*kind.store)
        selection = Selection.of(call, target, kind)
        limit = _number(call, "limit")
        token = call.query.get("continue", "")
        if token:
            version, after = _from_token(token)
            call_version = ""
        else:
            call_version = _exact(call)
            version, after = int(call_version or self._store.version), None
        if not token and not call_version:
            found = self._now(collection, selection, limit)
        else:
            found = _past(collection, version, after, selection, limit)
        items, rest = found
        metadata: dict[str, Any] = {"resourceVersion": str(version)}
        if rest:
            metadata["continue"] = _token(version, items[-1].key)
            if selection.matches is None:
                metadata["remainingItemCount"] = rest
        return Answer(200, view_of(call, kind, self._clock).many(items, metadata))

    def watch(self, call: Call, target: Target, kind: Kind) -> Answer:
        """Changes from a version on, or first everything that there is."""
        selection = Selection.of(call, target, kind)
        collection = self._store.collection(*kind.store)
        view = view_of(call, kind, self._clock)
        if "sendInitialEvents" in call.query:
            _check_streaming(call)
        return Answer(200, stream=self._events(call, selection, collection, view))

    async def _events(
        self, call: Call, selection: Selection, collection: Collection, view: View
    ) -> AsyncIterator[bytes]:
        seconds = min(_number(call, "timeoutSeconds") or _WATCH_SECONDS, 2 * _WATCH_SECONDS)
        end = self._clock.monotonic() + seconds
        bookmarks = call.flag("allowWatchBookmarks")
        asked = call.query.get("resourceVersion", "")
        start = self._store.version
        position = collection.position(start)
        initial = call.flag("sendInitialEvents")
        if initial or asked in ("", "0"):
            if call.query.get("sendInitialEvents") != "false":
                for chunk in _initial(collection, selection, view):
                    yield chunk
            if initial and bookmarks:
                yield _bookmark(view, start, _INITIAL_END)
        elif asked:
            position = collection.position(_version(asked))
        sent = self._clock.monotonic()
        while True:
            changes = None if position is None else collection.since(position)
            if changes is None:
                yield _expired(asked or str(start))
                return
            assert position is not None
            position += len(changes)
            chunk = b"".join(_lines(changes, selection, view))
            now = self._clock.monotonic()
            if chunk:
                yield chunk
            if changes:
                continue
            if now >= end:
                if bookmarks:
                    yield _bookmark(view, self._store.version)
                return
            # One sum for both: with two, rounding can make a wait of nothing that is never due.
            due = sent + _BOOKMARK_EVERY
            if bookmarks and now >= due:
                sent = now
                yield _bookmark(view, self._store.version)
                continue  # there may have been a change while the bookmark was sent
            with anyio.move_on_after((min(end, due) if bookmarks else end) - now):
                await collection.wait()

    def _now(
        self, collection: Collection, selection: Selection, limit: int
    ) -> tuple[list[Stored], int]:
        if selection.name and selection.namespace:
            stored = collection.get(ObjectKey(selection.namespace, selection.name))
            return ([stored], 0) if stored is not None and selection.has(stored) else ([], 0)
        found = collection.items(selection.namespace)
        return _page((stored for stored in found if selection.has(stored)), limit)

    def _not_from_the_future(self, call: Call) -> None:
        asked = call.query.get("resourceVersion", "")
        if asked and _version(asked) > self._store.version:
            raise Refused(
                504,
                "Timeout",
                f"Too large resource version: {asked}, current: {self._store.version}",
                details={
                    "causes": [
                        {
                            "reason": "ResourceVersionTooLarge",
                            "message": "Too large resource version",
                        }
                    ],
                    "retryAfterSeconds": 1,
                },
                headers={"Retry-After": "1"},
            )


def _past(
    collection: Collection,
    version: int,
    after: ObjectKey | None,
    selection: Selection,
    limit: int,
) -> tuple[list[Stored], int]:
    try:
        objects = collection.as_of(version)
    except LookupError:
        raise _too_old(version) from None
    keys = sorted(key for key in objects if after is None or key > after)
    return _page((objects[key] for key in keys if selection.has(objects[key])), limit)


def _page(found: Iterable[Stored], limit: int) -> tuple[list[Stored], int]:
    """The first ``limit`` objects and the number of the rest."""
    items = list(found)
    if not limit or len(items) <= limit:
        return items, 0
    return items[:limit], len(items) - limit


def _initial(collection: Collection, selection: Selection, view: View) -> Iterable[bytes]:
    lines = []
    for stored in list(collection.items(selection.namespace)):
        if selection.has(stored):
            lines.append(_line(b"ADDED", view.event(stored)))
        if len(lines) >= _PAUSE_EVERY:
            yield b"".join(lines)
            lines = []
    if lines:
        yield b"".join(lines)


def _lines(changes: Iterable[Change], selection: Selection, view: View) -> Iterable[bytes]:
    """Events as this selection sees them: leaving it is a deletion, entering it an add."""
    for change in changes:
        before, after = selection.has(change.old), selection.has(change.new)
        if after:
            assert change.new is not None
            yield _line(b"MODIFIED" if before else b"ADDED", view.event(change.new))
        elif before:
            assert change.old is not None
            gone = change.gone or Stored.of(change.old.load(), change.version)
            yield _line(b"DELETED", view.event(gone))


def _line(type_: bytes, raw: bytes) -> bytes:
    return b"".join([b'{"type":"', type_, b'","object":', raw, b"}\n"])


def _bookmark(view: View, version: int, annotations: dict[str, str] | None = None) -> bytes:
    metadata: dict[str, Any] = {"resourceVersion": str(version), "creationTimestamp": None}
    if annotations:
        metadata["annotations"] = annotations
    return _line(b"BOOKMARK", view.bookmark(metadata))


def _expired(version: str) -> bytes:
    refused = _too_old(version)
    return _line(b"ERROR", encode(refused.status()))


def _too_old(version: str | int) -> Refused:
    return Refused(410, "Expired", f"too old resource version: {version}")


def _exact(call: Call) -> str:
    """The version that must be listed exactly; empty for "as new as there is"."""
    asked = call.query.get("resourceVersion", "")
    return asked if call.query.get("resourceVersionMatch") == "Exact" else ""


def _check_streaming(call: Call) -> None:
    if call.query.get("resourceVersionMatch") != "NotOlderThan":
        raise Refused(
            422,
            "Invalid",
            'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: '
            "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
        )


def _number(call: Call, name: str) -> int:
    text = call.query.get(name) or "0"
    try:
        return max(int(text), 0)
    except ValueError:
        raise bad_request(f"{name}: Invalid value: {text!r}: must be a number") from None


def _version(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise bad_request(f'resourceVersion: Invalid value: "{text}": must be a number') from None


def _token(version: int, last: ObjectKey) -> str:
    return base64.urlsafe_b64encode(encode([version, *last])).decode().rstrip("=")


def _from_token(token: str) -> tuple[int, ObjectKey]:
    try:
        padded = token + "=" * (-len(token) % 4)
        version, namespace, name = msgspec.json.decode(
            base64.urlsafe_b64decode(padded), type=tuple[int, str, str]
        )
    except (binascii.Error, ValueError):
        raise bad_request(
            "continue key is not valid: it is not one that this server gave"
        ) from None
    return version, ObjectKey(namespace, name)
