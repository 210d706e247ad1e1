"""The flags of the agent of a node, and the variables that stand for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ome.cli.goflags import Flag
from ome.cli.manager import LOG_FLAGS

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["AGENT_FLAGS", "IGNORED", "from_environment"]

IGNORED = ("temp-dir", "cleanup-temp", "model-watch-resync-period", "max-concurrent-reconciles")
"""Flags that documentation of the Go agent names, for what there is nothing to set."""

AGENT_FLAGS = (
    Flag("port", 8080, "port of the probes, the metrics and the files for other nodes"),
    Flag("metrics-port", 0, "a further port for /metrics alone"),
    Flag("models-root-dir", "/mnt/models", "models without a path of their own go below it"),
    Flag("allowed-model-dir", (), "a further directory that models may be in", many=True),
    Flag("node-name", "", "name of the node; NODE_NAME of the environment wins"),
    Flag("node-label-retry", 5, "accepted; labels are tried until they are right"),
    Flag("download-retry", 3, "attempts at a file of an object store"),
    Flag("concurrency", 4, "files of a model from an object store at a time"),
    Flag("multipart-concurrency", 4, "connections for one large file of an object store"),
    Flag("num-download-worker", 5, "models that are downloaded at a time"),
    Flag("hf-max-workers", 0, "files of a model from a hub at a time (default 4)"),
    Flag("hf-max-retries", 10, "attempts at a request to a hub"),
    Flag("hf-retry-interval", "15s", "wait after the first failed request to a hub; it doubles"),
    Flag("config-map-sync-interval", "5m", "time between two looks at disk and reports"),
    Flag("peers", True, "take files from other nodes that have them, and give them to others"),
    Flag("log-level", "info", "what is logged", ("debug", "info", "warn", "error")),
    Flag("log-format", "text", "how it is logged", ("text", "json")),
    Flag("kubeconfig", "", "path of a kubeconfig, for runs outside a cluster"),
    Flag("namespace", "", "the operator's namespace (default: POD_NAMESPACE, then ome)"),
    *(Flag(name, "", "accepted and without effect") for name in IGNORED),
    *LOG_FLAGS,
)


def from_environment(environ: Mapping[str, str]) -> list[str]:
    """Flags from variables of their names; flags of the command line come after and win.

    One that may be given several times takes its values separated by commas.
    """
    found = []
    for flag in AGENT_FLAGS:
        name = flag.name.upper().replace("-", "_")
        if flag in LOG_FLAGS or name == "KUBECONFIG":  # whoever connects reads that
            continue
        values = environ.get(name, "").split(",") if flag.many else [environ.get(name, "")]
        found += [f"--{flag.name}={value.strip()}" for value in values if value.strip()]
    return found
