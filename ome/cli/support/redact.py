"""Objects without what must not leave a cluster, and without what nobody reads."""

from __future__ import annotations

import json
import re
from typing import Any

__all__ = ["REMOVED", "redacted"]

REMOVED = "(removed)"
_SECRET = re.compile(
    r"passw|passphrase|token$|secret$|credential|private.?key|access.?key|api.?key|authorization"
    r"|secret.?key|connection.?string",
    re.IGNORECASE,
)
# They name an entry of a Secret, or a file, and are what is wrong often enough.
_NAMES = frozenset({"secretKey", "secretName", "secret", "serviceAccountToken", "token"})
_NOISE = frozenset({"managedFields", "kubectl.kubernetes.io/last-applied-configuration"})
_LONGEST_NAME = 15
"""A ``token`` that is longer is one, and no name of an entry."""
_CREDENTIALS = re.compile(r"(\w+://)[^/\s:@]+:[^/\s@]+@")


def redacted(value: Any) -> Any:
    """A copy: texts under names that sound secret are replaced, wherever they stand.

    So are the values of variables with such names, user and password in URLs, and bundles of
    certificates; the same in texts that are JSON. References to Secrets stay.
    """
    if isinstance(value, dict):
        kept = {key: held for key, held in value.items() if key not in _NOISE}
        if "value" in kept and _SECRET.search(str(kept.get("name", ""))):
            kept["value"] = REMOVED
        return {key: _member(key, held) for key, held in kept.items()}
    if isinstance(value, list):
        return [redacted(item) for item in value]
    return _text(value) if isinstance(value, str) else value


def _text(value: str) -> str:
    """A text, which may be JSON: settings in a ConfigMap, an annotation."""
    if value[:1] in ("{", "["):
        try:
            held = json.loads(value)
        except ValueError:
            held = None
        if held is not None and (safe := redacted(held)) != held:
            return json.dumps(safe, ensure_ascii=False)
    return _CREDENTIALS.sub(rf"\1{REMOVED}@", value)


def _member(key: str, value: Any) -> Any:
    if isinstance(value, str) and value:
        if key == "caBundle" or (_SECRET.search(key) and key not in _NAMES):
            return REMOVED
        if key == "token" and len(value) > _LONGEST_NAME:
            return REMOVED
    return redacted(value)
