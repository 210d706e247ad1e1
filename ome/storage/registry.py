"""The provider of each scheme, imported when a URI of it is opened and not before."""

from __future__ import annotations

from contextlib import asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ome.storage.errors import MissingExtra, UnsupportedStorage
from ome.storage.settings import Credentials, Surroundings, Wishes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ome.storage.sources import Sink, Source
    from ome.storage.uris import OciUri, StorageUri

__all__ = ["PROVIDERS", "open_sink", "open_source"]

PROVIDERS: dict[str, tuple[str, str]] = {
    "hf": ("huggingface", "open_huggingface"),
    "s3": ("buckets", "open_s3"),
    "gs": ("buckets", "open_gcs"),
    "az": ("buckets", "open_azure"),
    "oci": ("oci", "open_oci"),
    "github": ("github", "open_github"),
    "local": ("disk", "open_local"),
    "https": ("urls", "open_url"),
}
"""By scheme, a module of ``providers`` and the function in it; ``http`` is as ``https``."""
_NOTHING_TO_FETCH = {
    "pvc": "pods mount the claim; there is nothing to fetch to a node",
    "vendor": "the vendor serves the model; there are no files",
}


@asynccontextmanager
async def open_source(
    uri: StorageUri,
    credentials: Credentials | None = None,
    wishes: Wishes | None = None,
    around: Surroundings | None = None,
) -> AsyncIterator[Source]:
    """The files of a URI. Nothing is asked of the network before the first method is called.

    Raises ``UnsupportedStorage`` for a scheme without files, ``MissingExtra`` when the library of
    the scheme is not installed.
    """
    if uri.SCHEME in _NOTHING_TO_FETCH:
        raise UnsupportedStorage(
            f"{uri.SCHEME}:// cannot be downloaded: {_NOTHING_TO_FETCH[uri.SCHEME]}"
        )
    opener: Any = _opener(uri.SCHEME)
    async with opener(
        uri, credentials or Credentials(), wishes or Wishes(), around or Surroundings()
    ) as source:
        yield source


@asynccontextmanager
async def open_sink(uri: OciUri, wishes: Wishes, around: Surroundings) -> AsyncIterator[Sink]:
    """Where objects can be put. Raises as ``open_source``."""
    async with _opener(uri.SCHEME)(uri, Credentials(), wishes, around) as sink:
        yield sink


def _opener(scheme: str) -> Any:
    module, function = PROVIDERS[scheme]
    try:
        return getattr(import_module(f"ome.storage.providers.{module}"), function)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("ome."):
            raise
        raise MissingExtra(
            f"{scheme}:// needs the library {error.name}, which is not installed; install"
            f" ome[{scheme}]"
        ) from error
