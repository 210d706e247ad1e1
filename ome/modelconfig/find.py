"""Which file of a model says what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ome.modelconfig.values import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ome.modelconfig.directory import Directory

__all__ = ["CONFIG", "MODEL_INDEX", "find_config", "folder_of"]

CONFIG = "config.json"
MODEL_INDEX = "model_index.json"
_FOLDERS = ("safetensors", "pytorch_model", "model")
_DEEPEST_INDEX = 2
_OLD_NAMES = ("model_config.json", "configuration.json")


def find_config(directory: Directory) -> str:
    """The relative name of ``model_index.json`` or ``config.json``.

    An index in the root, a config in the root, an index at most two levels down, a config in one of
    the known folders, the shallowest config; at last the names that only claims use. Raises
    ``ConfigError`` when there is none.
    """
    files = directory.files()
    for name in (MODEL_INDEX, CONFIG):
        if name in files:
            return name
    index = _shallowest(files, MODEL_INDEX)
    if index and index.count("/") <= _DEEPEST_INDEX:
        return index
    for folder in _FOLDERS:
        if f"{folder}/{CONFIG}" in files:
            return f"{folder}/{CONFIG}"
    config = _shallowest(files, CONFIG)
    if config:
        return config
    for name in _OLD_NAMES:
        if name in files:
            return name
    raise ConfigError(
        f"no {MODEL_INDEX} or {CONFIG} found in {directory.name}; add the model's config.json, or"
        " set the fields in the model's spec by hand"
    )


def _shallowest(files: Iterable[str], wanted: str) -> str:
    found = [name for name in files if name.rpartition("/")[2] == wanted]
    return min(found, key=lambda name: (name.count("/"), name), default="")


def folder_of(name: str) -> str:
    """The folder of a file as a prefix of its neighbours' names: empty, or ending in a slash."""
    folder, slash, _ = name.rpartition("/")
    return folder + slash
