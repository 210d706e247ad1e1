"""Where the serving certificate comes from: a Secret of ours, or files that others provide."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ome.errors import OmeError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["CertificateTrouble", "FileSource", "Serving", "Source", "provided_by_files"]

CERTIFICATE, KEY, BUNDLE, AUTHORITY_KEY = "tls.crt", "tls.key", "ca.crt", "ca.key"
_LOOK_EVERY = 10.0


class CertificateTrouble(OmeError):
    """There is no usable certificate; the text says where and what to do."""


@dataclass(frozen=True, slots=True)
class Serving:
    """A certificate to serve, its authority, and what clients must trust (PEM)."""

    chain: bytes
    key: bytes
    issuer: bytes
    """Empty when it is not known; then nobody is asked whether clients know it."""
    bundle: bytes
    """Empty when others see to what clients trust."""


class Source(Protocol):
    """Gives the present certificate, again and again."""

    async def current(self) -> Serving:
        """What to serve now. Raises ``CertificateTrouble``, ``ApiError``, ``TransportError``."""
        ...

    def wait(self) -> float:
        """Seconds after which ``current`` may give something else."""
        ...


def provided_by_files(folder: Path) -> bool:
    """Whether somebody else puts certificates there (our own Secret may be mounted there too)."""
    return (folder / CERTIFICATE).exists() and not (folder / AUTHORITY_KEY).exists()


class FileSource:
    """Files ``tls.crt`` and ``tls.key``, read again when they change; ``ca.crt`` if it is there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: tuple[object, ...] = ()
        self._held: Serving | None = None

    async def current(self) -> Serving:
        """See ``Source``."""
        try:
            seen = tuple(self._stamp(name) for name in (CERTIFICATE, KEY, BUNDLE))
            if self._held is None or seen != self._seen:
                bundle = self._read(BUNDLE) if seen[2] else b""
                self._held = Serving(self._read(CERTIFICATE), self._read(KEY), b"", bundle)
                self._seen = seen
        except OSError as error:
            raise CertificateTrouble(
                f"certificate files {self._folder}/{CERTIFICATE} and {KEY}: "
                f"{error.strerror or error}; mount the Secret that holds them there"
            ) from error
        return self._held

    def wait(self) -> float:
        """See ``Source``."""
        return _LOOK_EVERY

    def _stamp(self, name: str) -> object:
        # A mounted Secret is replaced by turning a link, so the file itself is always another.
        try:
            found = os.stat(self._folder / name)
        except FileNotFoundError:
            if name == BUNDLE:
                return None
            raise
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _read(self, name: str) -> bytes:
        return (self._folder / name).read_bytes()
