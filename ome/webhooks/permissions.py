"""What serving webhooks asks of the API server, beside the caches that reviews read."""

from __future__ import annotations

from ome.api import names
from ome.kube.permissions import may, reads
from ome.kube.resources import MUTATING_WEBHOOKS, SECRETS, VALIDATING_WEBHOOKS
from ome.webhooks.table import TABLE

__all__ = ["PERMISSIONS"]

_CONFIGURATIONS = (MUTATING_WEBHOOKS, VALIDATING_WEBHOOKS)


def _named(kind: str) -> tuple[str, ...]:
    return tuple({entry.configuration: None for entry in TABLE if entry.kind == kind})


PERMISSIONS = (
    *reads(*_CONFIGURATIONS),
    # Who is told to trust the certificate.
    *(may(kind, "patch", names=_named(kind.kind)) for kind in _CONFIGURATIONS),
    # The certificate; read by its name, never listed.
    may(SECRETS, "get", "update", own=True, names=(names.WEBHOOK_SECRET,)),
    may(SECRETS, "create", own=True),
)
