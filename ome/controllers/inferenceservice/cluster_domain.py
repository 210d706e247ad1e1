"""What the process is told of its cluster: the DNS domain, where Knative is."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["cluster_domain", "domain_of_resolv_conf", "knative_namespace"]

_DEFAULT = "cluster.local"


def domain_of_resolv_conf(text: str) -> str | None:
    """The cluster domain from the text of a resolv.conf: the first ``svc.`` search entry."""
    for line in text.splitlines():
        words = line.split()
        if words and words[0] == "search":
            for entry in words[1:]:
                if entry.startswith("svc."):
                    return entry.removeprefix("svc.").removesuffix(".")
    return None


def cluster_domain(resolv_conf: str = "/etc/resolv.conf") -> str:
    """The domain of this cluster: resolv.conf, else ``CLUSTER_DOMAIN``, else ``cluster.local``."""
    try:
        found = domain_of_resolv_conf(Path(resolv_conf).read_text(errors="replace"))
    except OSError:
        found = None
    return found or os.environ.get("CLUSTER_DOMAIN") or _DEFAULT


def knative_namespace() -> str:
    """The namespace of Knative Serving: ``SYSTEM_NAMESPACE``, else ``knative-serving``."""
    return os.environ.get("SYSTEM_NAMESPACE") or "knative-serving"
