"""``ome agent model-metadata``: what a mounted model's files say, for its spec.

With ``--report`` it goes to the container's termination message, which the controller reads; run by
hand without it, the fields that the user left unset are filled in the model itself.
"""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import msgspec

from ome.agent.fetch.model import config_of
from ome.api import names
from ome.cli.goflags import Flag, parse
from ome.cli.jobs.configuration import COMMON_FLAGS, EXAMPLE, Configuration, JobFailed
from ome.clock import SystemClock
from ome.controllers.resources import BASE_MODELS, CLUSTER_BASE_MODELS
from ome.errors import ApiError, Conflict, TransportError
from ome.kube import Client
from ome.kube.http import connect
from ome.kube.resource import ObjectKey
from ome.modelconfig.describe import describe
from ome.modelconfig.directory import LocalDirectory
from ome.modelconfig.spec import filled, spec_values
from ome.modelconfig.values import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ome.agent.protocol import Config
    from ome.modelconfig.record import Record

__all__ = ["FLAGS", "fill_spec", "report", "run"]

FLAGS = (
    *COMMON_FLAGS,
    Flag("model-path", "", "directory of the model's files"),
    Flag("basemodel-name", "", "name of the BaseModel or ClusterBaseModel"),
    Flag("basemodel-namespace", "", "namespace of the BaseModel"),
    Flag("cluster-scoped", False, "the model is a ClusterBaseModel"),
    Flag("report", False, "write what was found to the termination message, not to the model"),
    Flag("termination-message-path", "/dev/termination-log", "file that --report writes"),
    Flag("kubeconfig", "", "path of a kubeconfig, for runs outside a cluster"),
)
_MOST = 4096
"""Bytes of a termination message that the kubelet keeps."""
_ATTEMPTS = 5


def run(words: Sequence[str]) -> int:
    """Do it once; the exit code. Raises ``UserError``."""
    flags = parse("ome agent model-metadata", FLAGS, words, more=EXAMPLE.format("model-metadata"))
    given = {name.replace("-", "_"): value for name, value in flags.items()}
    config = Configuration.read(flags["config"] or flags["c"], given, os.environ)
    path, name = config.required("model_path"), config.required("basemodel_name")
    namespace = "" if config.yes("cluster_scoped") else config.text("basemodel_namespace")
    if not namespace and not config.yes("cluster_scoped"):
        raise JobFailed("basemodel_namespace is required for namespace-scoped BaseModel")
    record = _described(path)
    if config.yes("report"):
        text = report(record)
        try:
            Path(flags["termination-message-path"]).write_text(text, "utf-8")
        except OSError as error:
            raise JobFailed(f"{flags['termination-message-path']}: {error.strerror}") from error
        return 0
    anyio.run(_fill, flags["kubeconfig"] or None, ObjectKey(namespace, name), record)
    return 0


def _described(path: str) -> Record:
    try:
        return describe(LocalDirectory(path))
    except ConfigError as error:
        raise JobFailed(f"failed to load model config from {path}: {error}") from error


def report(record: Record) -> str:
    """The record as in a node's entry; of a message that is too long the largest is left out."""
    config = msgspec.structs.replace(config_of(record), artifact=None)
    text = msgspec.json.encode(_present(config))
    for large in ("decoded_model_configuration", "diffusion_pipeline"):
        if len(text) > _MOST:
            config = msgspec.structs.replace(config, **{large: None})
            text = msgspec.json.encode(_present(config))
    return text.decode()


def _present(config: Config) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(config)
    return {key: value for key, value in found.items() if value is not None}


async def _fill(kubeconfig: str | None, key: ObjectKey, record: Record) -> None:
    async with await connect(kubeconfig) as transport:
        client = Client(transport, clock=SystemClock(), rng=random.Random())
        changed = await fill_spec(client, key, record)
    sys.stdout.write(f"{key}: {', '.join(changed) or 'nothing to fill'}\n")


async def fill_spec(client: Client, key: ObjectKey, record: Record) -> list[str]:
    """Fill the unset fields of a model; gives their names. Raises ``JobFailed``."""
    resource = BASE_MODELS if key.namespace else CLUSTER_BASE_MODELS
    what = f"{resource.kind} {key}"
    for attempt in range(_ATTEMPTS):
        doing = "get"
        try:
            model = await client.get(resource, key)
            if _skipped(model["metadata"].get("annotations") or {}):
                return []
            spec = model.get("spec") or {}
            new = filled(spec, spec_values(record))
            changed = sorted(name for name in new if new[name] != spec.get(name))
            doing = "update"
            if changed:
                await client.replace(resource, {**model, "spec": new})
            return changed
        except Conflict as error:
            if attempt == _ATTEMPTS - 1:
                raise JobFailed(f"failed to update {what}: {error}") from error
        except (ApiError, TransportError) as error:
            raise JobFailed(f"failed to {doing} {what}: {error}") from error
    return []


def _skipped(annotations: Mapping[str, str]) -> bool:
    return any(
        annotations.get(name, "").lower() == "true" for name in names.ANNOTATION_SKIP_CONFIG_PARSING
    )
