"""JSON that is nested deeper than a decoder follows.

An API server takes ten thousand levels in a field that keeps what it does not know, and repeats
them in the managed fields of the object. One such object must not cost its neighbours in a list.
"""

from __future__ import annotations

import re

__all__ = ["CUT", "TOO_DEEP", "shallow"]

TOO_DEEP = "it is nested too deeply; make its fields flatter"
CUT = b'"\\u0000nested too deeply"'
"""What stands for a value that was cut off."""
_DEEPEST = 200
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[{]|[\]}]', re.DOTALL)


def shallow(body: bytes) -> bytes:
    """The JSON with ``CUT`` in place of each object and list that has too many around it."""
    kept: list[bytes] = []
    depth = copied = 0
    for token in _TOKEN.finditer(body):
        if token[0] in b"[{":
            depth += 1
            if depth == _DEEPEST:
                kept.append(body[copied : token.start()])
        elif token[0] in b"]}":
            if depth == _DEEPEST:
                kept.append(CUT)
                copied = token.end()
            depth -= 1
    kept.append(body[copied:] if depth < _DEEPEST else b"")
    return b"".join(kept)
