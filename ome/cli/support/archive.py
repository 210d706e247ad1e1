"""A tar.gz that is bounded: what is too large is cut, and what was cut is noted."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from typing import TYPE_CHECKING, Any

from ome.cli.support.redact import redacted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path
    from types import TracebackType
    from typing import Self

__all__ = ["Archive"]

_ROOT = "ome-support"
_FILE_BYTES = 16 << 20
_ALL_BYTES = 256 << 20


class Archive:
    """Files of a bundle, written as they come; ``notes`` says what is missing of them."""

    def __init__(
        self,
        path: Path,
        now: datetime,
        *,
        file_bytes: int = _FILE_BYTES,
        all_bytes: int = _ALL_BYTES,
    ) -> None:
        """``file_bytes`` and ``all_bytes`` bound what is kept of one file and of all, unpacked."""
        self._path = path
        self._now = now
        self._file_bytes = file_bytes
        self._left = all_bytes
        self.notes: list[str] = []
        self.files = 0

    def __enter__(self) -> Self:
        # For its user alone: what is in it is nobody else's business.
        self._path.touch(mode=0o600)
        self._packed = gzip.open(self._path, "wb")
        self._tar = tarfile.open(fileobj=self._packed, mode="w")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._tar.close()
        self._packed.close()
        if error is not None:
            self._path.unlink(missing_ok=True)

    def objects(self, name: str, items: Sequence[Any]) -> None:
        """A JSON list, one object a line, without secrets; the first that fit."""
        lines, used = list[str](), 0
        for item in items:
            line = json.dumps(redacted(item), ensure_ascii=False)
            used += len(line.encode()) + 2
            if used > min(self._file_bytes, self._left):
                self.note(f"{name}: the first {len(lines)} of {len(items)} objects, by size")
                break
            lines.append(line)
        self._write(name, "[\n" + ",\n".join(lines) + "\n]\n")

    def text(self, name: str, text: str) -> None:
        """A text; the end of one that is too large."""
        most = min(self._file_bytes, self._left)
        data = text.encode()
        if len(data) > most:
            self.note(f"{name}: the last {most} of {len(data)} bytes")
            text = data[-most:].decode(errors="ignore") if most else ""
        self._write(name, text)

    def note(self, text: str) -> None:
        """What a reader should know is missing."""
        self.notes.append(text)

    def _write(self, name: str, text: str) -> None:
        data = text.encode()
        self._left = max(self._left - len(data), 0)
        entry = tarfile.TarInfo(f"{_ROOT}/{name}")
        entry.size, entry.mtime, entry.mode = len(data), int(self._now.timestamp()), 0o600
        self._tar.addfile(entry, io.BytesIO(data))
        self.files += 1
