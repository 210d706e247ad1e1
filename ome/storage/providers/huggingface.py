"""Repositories of the Hugging Face Hub, or of a mirror that speaks its API.

``huggingface_hub`` finds the commit and lists its files in one call, in a thread, since it blocks;
the bytes come through our own client, which can be cancelled, continues where it broke off and
hands over what the Hub says about waiting. The commit is resolved once: what is listed is what is
fetched, also when somebody pushes meanwhile.
"""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio.to_thread
from huggingface_hub import HfApi, hf_hub_url
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

from ome import __version__
from ome.storage.errors import (
    AccessDenied,
    Disabled,
    Gated,
    HttpError,
    NetworkError,
    SourceNotFound,
    SourceUnavailable,
)
from ome.storage.providers.web import SILENCE_SECONDS, Answer, Web, broken, rate_limited
from ome.storage.sources import Checksum, Listing, RemoteFile, Stream, listing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ome.errors import StorageError
    from ome.storage.settings import Credentials, Surroundings, Wishes
    from ome.storage.uris import HuggingFaceUri

__all__ = ["HuggingFace", "open_huggingface"]

# Its HTTP client tells of each request; ours are told of by those who know the model.
for _name in ("httpx", "httpx2"):
    logging.getLogger(_name).setLevel(logging.WARNING)

_HUB = "https://huggingface.co"
_LIST_SECONDS = 30.0
_MOST_IN_ONE_ANSWER = 50_000
"""Longer lists are cut by the Hub and come in pages of another call."""


@asynccontextmanager
async def open_huggingface(
    uri: HuggingFaceUri, credentials: Credentials, wishes: Wishes, around: Surroundings
) -> AsyncIterator[HuggingFace]:
    """The repository; the URI's revision wins over the wished one, its endpoint over the rest."""
    environ = around.environ
    endpoint = (
        wishes.endpoint or environ.get("HF_ENDPOINT") or environ.get("ENDPOINT") or _HUB
    ).rstrip("/")
    revision = uri.revision
    if revision == "main" and wishes.revision:
        revision = wishes.revision
    token = credentials.get("token")
    headers = {"User-Agent": f"ome/{__version__}"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    silence = _seconds(environ.get("HF_HUB_DOWNLOAD_TIMEOUT", "")) or SILENCE_SECONDS
    guarded = around.guards(wishes)
    async with Web(around.clock, headers, silence=silence, guarded=guarded) as web:
        yield HuggingFace(uri.model_id, revision, endpoint, token, web, around, wishes.repository)


def _seconds(text: str) -> float:
    """What the Hub's own client takes from the variable; 0 for what is no number above 0."""
    try:
        return max(float(text), 0.0) if text.strip() else 0.0
    except ValueError:
        return 0.0


class HuggingFace:
    """A repository at a revision."""

    def __init__(
        self,
        model_id: str,
        revision: str,
        endpoint: str,
        token: str,
        web: Web,
        around: Surroundings,
        kind: str = "model",
    ) -> None:
        self._model_id = model_id
        self._revision = revision
        self._endpoint = endpoint
        self._web = web
        self._around = around
        self._api = HfApi(endpoint, token=token or False, library_name="ome")
        self._commit = ""
        self._kind = kind
        self._repository = "repository" if kind == "model" else f"{kind} repository"

    async def list(self) -> Listing:
        info = await self._call(
            partial(
                self._api.repo_info,
                self._model_id,
                repo_type=self._kind,
                revision=self._revision,
                files_metadata=True,
                timeout=_LIST_SECONDS,
            )
        )
        if not info.sha or not isinstance(info.sha, str):
            raise SourceUnavailable(
                f"attribute sha not found in JSON of the response: {self._endpoint} names no commit"
                f" of '{self._model_id}'; is it a Hugging Face endpoint?"
            )
        self._commit = info.sha
        files = tuple(_of_sibling(sibling) for sibling in info.siblings or ())
        if len(files) >= _MOST_IN_ONE_ANSWER or any(file.size is None for file in files):
            files = await self._call(self._tree)
        if not files:
            raise SourceNotFound(f"{self._whole} has no files{self._at()}")
        return listing(files, info.sha)

    def _tree(self) -> tuple[RemoteFile, ...]:
        entries = self._api.list_repo_tree(
            self._model_id, recursive=True, revision=self._commit, repo_type=self._kind
        )
        return tuple(_of_entry(entry) for entry in entries if hasattr(entry, "blob_id"))

    async def checksum(self, file: RemoteFile) -> Checksum | None:
        return file.checksum

    @asynccontextmanager
    async def open(
        self, file: RemoteFile, start: int = 0, end: int | None = None
    ) -> AsyncIterator[Stream]:
        url = hf_hub_url(
            self._model_id,
            file.path,
            repo_type=self._kind,
            revision=self._commit or self._revision,
            endpoint=self._endpoint,
        )
        async with self._web.stream(url, file.path, start, end, self._refused) as stream:
            yield stream

    async def _call(self, call: Any) -> Any:
        """A blocking call of the library, its errors in our words."""
        try:
            return await anyio.to_thread.run_sync(
                call, limiter=self._around.threads, abandon_on_cancel=True
            )
        except HfHubHTTPError as error:
            response = error.response
            answer = Answer(response.status_code, response.headers, self._around.clock.wall())
            raise self._refused(answer, "") from error
        except OfflineModeIsEnabled as error:
            raise HttpError(
                f"{self._endpoint}: HF_HUB_OFFLINE is set in the environment; unset it"
            ) from error
        except ValueError as error:
            raise SourceUnavailable(
                f"{self._endpoint}: the answer is none of a hub's; see that no proxy or login page"
                " stands in the way, and what HF_ENDPOINT of the agent says"
            ) from error
        except Exception as error:
            # Of the library's HTTP client, whose classes are not part of its interface.
            raise NetworkError(
                f"{broken(self._endpoint, error)}; see that it can be reached, or set a proxy"
                " (HTTPS_PROXY) or a mirror (HF_ENDPOINT)"
            ) from error

    def _refused(self, answer: Answer, path: str) -> StorageError:
        """The Hub's answer in our words; its error code says more than its status."""
        status, name = answer.status, self._model_id
        code = answer.headers.get("X-Error-Code", "")
        said = answer.headers.get("X-Error-Message", "")
        text = f"HTTP {status}: "
        disabled = "disabled" in said.lower()
        if code == "GatedRepo" or (status == 403 and not code and not disabled):
            page = name if self._kind == "model" else f"{self._kind}s/{name}"
            return Gated(
                f"{text}{self._whole} is gated and requires authentication; ask for access on"
                f" {self._endpoint}/{page} and name a Secret with the token in spec.storage.key"
            )
        if disabled:
            return Disabled(f"{text}{self._whole} is disabled")
        if code == "RevisionNotFound":
            return SourceNotFound(
                f"{text}Revision '{self._revision}' not found for {self._repository} '{name}'"
            )
        if status == 401 and "invalid" in said.lower():
            return AccessDenied(
                f"{text}the token is not valid for '{name}' (expired or revoked); put a new one in"
                " the Secret that spec.storage.key names"
            )
        if code == "RepoNotFound" or status == 401:
            return SourceNotFound(
                f"{text}{self._whole} not found; when it is private, name a Secret with a"
                " token that may read it in spec.storage.key"
            )
        if status == 404 and path:
            return SourceNotFound(
                f"{text}Entry '{path}' not found in {self._repository} '{name}'{self._at()}"
            )
        if status == 404:
            return SourceNotFound(f"{text}{self._whole} not found{self._at()}")
        if status == 403:
            return AccessDenied(f"{text}the token may not read '{name}'")
        if status == 429:
            return rate_limited(answer)
        if status == 408 or status >= 500:
            return SourceUnavailable(f"{text}HTTP {status} from {self._endpoint} for '{name}'")
        return HttpError(f"{text}HTTP {status} for '{name}'", status)

    @property
    def _whole(self) -> str:
        """``Repository 'org/name'``."""
        return f"{self._repository.capitalize()} '{self._model_id}'"

    def _at(self) -> str:
        return "" if self._revision == "main" else f" at revision '{self._revision}'"


def _of_sibling(sibling: Any) -> RemoteFile:
    sha256 = sibling.lfs.sha256 if sibling.lfs else ""
    return _file(sibling.rfilename, sibling.size, sibling.blob_id, sha256)


def _of_entry(entry: Any) -> RemoteFile:
    return _file(entry.path, entry.size, entry.blob_id, entry.lfs.sha256 if entry.lfs else "")


def _file(path: str, size: int | None, blob_id: str | None, sha256: str) -> RemoteFile:
    """A file; a large one is known by SHA-256, the git id of its pointer says nothing of it."""
    checksum = None
    if sha256:
        checksum = Checksum("sha256", str(sha256).lower())
    elif blob_id and len(str(blob_id)) == 40 and size is not None:
        # The size is part of what git hashes.
        checksum = Checksum("git-sha1", str(blob_id).lower())
    return RemoteFile(path, size, checksum, version=str(blob_id or ""))
