"""One shadow: the response of our own write, and what ends it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from ome.informers.versions import at_or_past, older

if TYPE_CHECKING:
    from ome.informers.projection import Metadata

__all__ = ["Shadow"]

T = TypeVar("T")


class Shadow(Generic[T]):
    """Hides the server's older view of one object, which it keeps as ``behind``.

    ``version`` is that of our write. The version of a deletion is not known: it is then that of
    the object which was deleted, and so a little too small.
    """

    LIFETIME: ClassVar[float] = 5.0  # seconds; longer than any healthy watch lags

    __slots__ = ("behind", "deleted", "expires", "uid", "version")

    def __init__(
        self, version: str, uid: str, expires: float, *, deleted: bool, behind: T | None
    ) -> None:
        self.version = version
        self.uid = uid
        self.expires = expires
        self.deleted = deleted
        self.behind = behind

    def outlasts(self, version: str, uid: str) -> bool:
        """True when a response of this version says nothing newer than this shadow."""
        if self.deleted and uid == self.uid:
            return True  # nothing comes after the end of an object
        return older(version, than=self.version)

    def superseded_by(self, metadata: Metadata) -> bool:
        """True when an object that the server sent is no older than what we wrote."""
        if self.deleted and metadata.uid == self.uid:
            return False
        return at_or_past(metadata.resource_version, self.version)

    def ended_by(self, uid: str, version: str) -> bool:
        """True when a deletion (of ``uid``, or as of ``version``) is that of what we wrote."""
        return uid == self.uid or (not self.deleted and at_or_past(version, self.version))

    def covered_by(self, version: str) -> bool:
        """True when the server's progress includes our write (a deletion: cannot be told)."""
        return not self.deleted and at_or_past(version, self.version)
