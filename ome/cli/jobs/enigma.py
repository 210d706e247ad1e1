"""``ome agent enigma``: the init container of models that may be encrypted.

What can be checked is done: that the model's directory is there and not empty, which is all there
is to do when decryption is switched off. Decryption itself is not built: it needs a data key that
OCI Vault and its key management give out, and nobody could tell here whether what is read from
them is right. A pod that asks for it fails with one line instead of serving ciphertext.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from ome.agent.shapes import instance_types
from ome.api import names
from ome.cli.goflags import parse
from ome.cli.jobs.configuration import COMMON_FLAGS, EXAMPLE, Configuration, JobFailed
from ome.clock import SystemClock
from ome.errors import StorageError
from ome.storage.providers.web import Web

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["check", "run"]

_METADATA = "http://169.254.169.254"
"""Of OCI instances; newer ones want the header."""
_PLACES: tuple[tuple[str, dict[str, str]], ...] = (
    ("/opc/v2/instance", {"Authorization": "Bearer Oracle"}),
    ("/opc/v1/instance", {}),
)
_METADATA_SECONDS = 60.0
_TENSORRT = "tensorrtllm"


def run(words: Sequence[str]) -> int:
    """Do it once; the exit code. Raises ``UserError``."""
    flags = parse("ome agent enigma", COMMON_FLAGS, words, more=EXAMPLE.format("enigma"))
    config = Configuration.read(flags["config"] or flags["c"], {}, os.environ)
    anyio.run(check, config)
    return 0


async def check(config: Configuration, metadata: str = _METADATA) -> None:
    """See that the model is there. Raises ``JobFailed`` when it is not, or is to be decrypted."""
    name, path = config.text("model_name", "model"), await _store_path(config, metadata)
    place = anyio.Path(path)
    if not await place.is_dir():
        raise JobFailed(f"{name} model directory {path} does not exist; see what mounts it")
    if not [entry async for entry in place.iterdir()]:
        raise JobFailed(f"{name} model directory {path} is empty; see what fills it")
    if not config.yes("disable_model_decryption"):
        raise JobFailed(
            f"enigma: {name} is to be decrypted, which this agent cannot do; serve a model that is"
            f' not encrypted and annotate its service {names.ANNOTATION_DISABLE_DECRYPTION}: "true"'
            " (disable_model_decryption), or give the modelInit setting another agent's image"
        )


async def _store_path(config: Configuration, metadata: str) -> Path:
    """Where the files are; engines have a directory for each version, shape and number of GPUs."""
    path = Path(config.required("local_path"))
    framework = config.text("model_framework", "huggingface").lower()
    kind = config.text("model_type", names.BASE_MODEL_TYPE_SERVING)
    if framework != _TENSORRT or kind != names.BASE_MODEL_TYPE_SERVING:
        return path
    alias = config.text("node_shape_alias") or await _alias(metadata)
    version = config.required("tensorrtllm_version")
    return path / version / alias / f"{config.required('num_of_gpu')}Gpu"


async def _alias(metadata: str) -> str:
    """The short name of this machine's GPUs, as its cloud knows it."""
    problem = ""
    with anyio.move_on_after(_METADATA_SECONDS):
        async with Web(SystemClock(), proxies=False) as web:
            for path, headers in _PLACES:
                try:
                    found = await web.json(metadata + path, "instance metadata", headers=headers)
                except StorageError as error:
                    problem = f" ({error})"
                    continue
                shape = found.get("shape") if isinstance(found, dict) else None
                if isinstance(shape, str) and shape:
                    return instance_types(os.environ.get("INSTANCE_TYPE_MAP", "")).get(shape, shape)
    raise JobFailed(f"node_shape_alias is not set and the cloud does not tell it{problem}; set it")
