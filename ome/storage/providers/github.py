"""The assets of a GitHub release."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ome.storage.errors import AccessDenied, RateLimited, SourceNotFound, SourceUnavailable
from ome.storage.providers.web import Answer, Web, refused
from ome.storage.sources import Checksum, Listing, RemoteFile, Stream, listing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ome.errors import StorageError
    from ome.storage.settings import Credentials, Surroundings, Wishes
    from ome.storage.uris import GitHubUri

__all__ = ["GitHubRelease", "open_github"]

_API = "https://api.github.com"
_SHA256 = "sha256:"
_LONGEST_TIME = 12


@asynccontextmanager
async def open_github(
    uri: GitHubUri, credentials: Credentials, wishes: Wishes, around: Surroundings
) -> AsyncIterator[GitHubRelease]:
    """The release; ``endpoint`` or ``GITHUB_API_URL`` name another API than github.com's."""
    endpoint = wishes.endpoint or around.environ.get("GITHUB_API_URL") or _API
    token = credentials.get("token")
    headers = {"X-GitHub-Api-Version": "2022-11-28", "User-Agent": "ome"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    async with Web(around.clock, headers, guarded=around.guards(wishes)) as web:
        yield GitHubRelease(uri, endpoint.rstrip("/"), web)


class GitHubRelease:
    """A release by its tag, or the latest."""

    def __init__(self, uri: GitHubUri, endpoint: str, web: Web) -> None:
        self._uri = uri
        self._endpoint = endpoint
        self._web = web

    async def list(self) -> Listing:
        uri = self._uri
        place = f"{self._endpoint}/repos/{quote(uri.owner)}/{quote(uri.repository)}/releases"
        which = "latest" if uri.tag == "latest" else f"tags/{quote(uri.tag, safe='')}"
        release = await self._web.json(
            f"{place}/{which}", self._name, _refused, {"Accept": "application/vnd.github+json"}
        )
        assets = release.get("assets") if isinstance(release, dict) else None
        if not isinstance(assets, list):
            raise SourceUnavailable(f"{self._name}: {self._endpoint} did not answer with a release")
        if not assets:
            raise SourceNotFound(f"{self._name} has no assets")
        return listing([_of_asset(asset) for asset in assets], str(release.get("tag_name") or ""))

    async def checksum(self, file: RemoteFile) -> Checksum | None:
        return file.checksum

    @asynccontextmanager
    async def open(
        self, file: RemoteFile, start: int = 0, end: int | None = None
    ) -> AsyncIterator[Stream]:
        headers = {"Accept": "application/octet-stream"}
        async with self._web.stream(file.key, file.path, start, end, _refused, headers) as stream:
            yield stream

    @property
    def _name(self) -> str:
        return f"release {self._uri.tag} of {self._uri.owner}/{self._uri.repository}"


def _of_asset(asset: Any) -> RemoteFile:
    try:
        digest = asset.get("digest") or ""
        checksum = None
        if digest.startswith(_SHA256):
            checksum = Checksum("sha256", digest.removeprefix(_SHA256).lower())
        return RemoteFile(asset["name"], int(asset["size"]), checksum, str(asset["url"]))
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise SourceUnavailable("the release lists an asset without name, size or URL") from error


def _refused(answer: Answer, what: str) -> StorageError:
    """GitHub says 403 also to those who ask too often."""
    if answer.status in (403, 429) and answer.headers.get("X-RateLimit-Remaining") == "0":
        reset = answer.headers.get("X-RateLimit-Reset", "")
        known = reset.isdecimal() and len(reset) < _LONGEST_TIME
        delay = max(float(reset) - answer.wall, 0.0) if known else None
        return RateLimited(
            f"HTTP {answer.status}: Rate limit exceeded for {what}; a token in the Secret that"
            " spec.storage.key names raises the limit",
            delay,
        )
    if answer.status == 401:
        return AccessDenied(
            f"HTTP 401: {what}: the token is not valid; put a new one in the Secret"
        )
    return refused(answer, what)
