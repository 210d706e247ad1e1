"""HTTP transfers that several providers share: ranges, redirects, deadlines, typed refusals.

Credentials go only to the host that the URL names: a redirect to another one loses them.
"""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp
from yarl import URL

from ome.storage.errors import (
    AccessDenied,
    HttpError,
    NetworkError,
    RateLimited,
    SourceNotFound,
    SourceUnavailable,
)
from ome.storage.guard import guarding
from ome.storage.retry import retry_after

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from ome.clock import Clock
    from ome.errors import StorageError

__all__ = ["SILENCE_SECONDS", "Answer", "Refusal", "Web", "broken", "number_of", "refused"]

_CONNECT_SECONDS = 30.0
SILENCE_SECONDS = 60.0
"""A transfer may take hours; one that is silent for this long is broken, if nobody says else."""
_CHUNK = 2**18
_DEEPEST = 8
_LONGEST_NUMBER = 19
_LONGEST_JSON = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said, without its body."""

    status: int
    headers: Mapping[str, str]
    wall: float


Refusal = "Callable[[Answer, str], StorageError]"
"""Turns a failed answer, and what was asked for in words, into an error."""


def refused(answer: Answer, what: str) -> StorageError:
    """The error for a status of no particular server."""
    status = answer.status
    text = f"HTTP {status}: {what}"
    if status in (404, 410):
        return SourceNotFound(f"{text} not found")
    if status in (401, 403, 407):
        return AccessDenied(f"{text}: access denied; check the Secret that spec.storage.key names")
    if status == 429:
        return rate_limited(answer)
    if status == 408 or status >= 500:
        return SourceUnavailable(f"{text}: the server is in trouble")
    return HttpError(f"{text}: refused", status)


def rate_limited(answer: Answer) -> RateLimited:
    """The error for an answer that asks to come later."""
    delay = retry_after(answer.headers, answer.wall)
    when = "" if delay is None else f", retry after {delay:g} s"
    return RateLimited(f"HTTP {answer.status}: Rate limit exceeded (HTTP 429){when}", delay)


class _Body:
    """A stream of a response."""

    def __init__(self, response: aiohttp.ClientResponse, start: int, what: str) -> None:
        self.start = start
        self._response = response
        self._what = what

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._response.content.iter_chunked(_CHUNK):
                yield chunk
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise broken(self._what, error) from error


def broken(what: str, error: BaseException) -> NetworkError:
    """The error for an answer that did not come or broke off; never quotes a header."""
    said = type(error).__name__
    if isinstance(error, TimeoutError) or "Timeout" in said:
        said = "no answer in time"
    elif isinstance(error, aiohttp.ClientPayloadError):
        said = "the connection ended before the last byte"
    else:
        said = _of_the_system(error) or said
    return NetworkError(f"{what}: {said}")


def _of_the_system(error: BaseException | None) -> str:
    """What the operating system or TLS said; libraries wrap it in errors of their own."""
    for _ in range(_DEEPEST):
        if error is None:
            break
        if isinstance(error, OSError) and error.strerror:
            return error.strerror
        error = error.__cause__ or error.__context__
    return ""


class Web:
    """A client session; use it by ``async with``. It connects when first used."""

    def __init__(
        self,
        clock: Clock,
        headers: Mapping[str, str] | None = None,
        *,
        silence: float = SILENCE_SECONDS,
        proxies: bool = True,
        guarded: bool = False,
    ) -> None:
        """``silence``: seconds without a byte after which a transfer is broken.

        ``proxies``: whether the environment's proxies lead to what is asked. ``guarded``: whether
        only other hosts may be asked, also by redirects; raises ``ForbiddenAddress``.
        """
        self._clock = clock
        self._headers = dict(headers or {})
        self._silence = silence
        self._proxies = proxies
        self._guarded = guarded
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Web:
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=_CONNECT_SECONDS, sock_read=self._silence
        )
        self._session = aiohttp.ClientSession(
            timeout=timeout,
            headers={"Accept-Encoding": "identity", **self._headers},
            auto_decompress=False,
            trust_env=self._proxies,
            middlewares=(guarding,) if self._guarded else (),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._session is not None
        await self._session.close()

    @asynccontextmanager
    async def request(
        self,
        method: str,
        url: str,
        what: str,
        refusal: Callable[[Answer, str], StorageError] = refused,
        headers: Mapping[str, str] | None = None,
        allowed: tuple[int, ...] = (),
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """A successful answer, or one whose status is ``allowed``. Raises ``StorageError``."""
        assert self._session is not None
        try:
            response = await self._session.request(
                method, URL(url, encoded=True), headers=headers, allow_redirects=True
            )
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise broken(what, error) from error
        try:
            if response.status >= 400 and response.status not in allowed:
                raise refusal(self._answer(response), what)
            yield response
        finally:
            response.close()

    def _answer(self, response: aiohttp.ClientResponse) -> Answer:
        return Answer(response.status, response.headers, self._clock.wall())

    async def json(
        self,
        url: str,
        what: str,
        refusal: Callable[[Answer, str], StorageError] = refused,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """The JSON of an answer. Raises ``StorageError``."""
        async with self.request("GET", url, what, refusal, headers) as response:
            body = bytearray()
            async for chunk in _Body(response, 0, what):
                body += chunk
                if len(body) > _LONGEST_JSON:
                    raise SourceUnavailable(
                        f"{what}: the answer is longer than {_LONGEST_JSON} bytes"
                    )
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            raise SourceUnavailable(f"{what}: the answer is no JSON") from error

    @asynccontextmanager
    async def stream(
        self,
        url: str,
        what: str,
        start: int,
        end: int | None,
        refusal: Callable[[Answer, str], StorageError] = refused,
        headers: Mapping[str, str] | None = None,
        version: str = "",
    ) -> AsyncIterator[_Body]:
        """The body from ``start`` on, or the whole one when the server ignores or refuses that."""
        asked = dict(headers or {})
        if start or end is not None:
            asked["Range"] = f"bytes={start}-{'' if end is None else end - 1}"
            if version and start:
                asked["If-Range"] = version
        async with self.request("GET", url, what, refusal, asked, allowed=(416,)) as response:
            if response.status == 416 and start == 0:
                raise refusal(self._answer(response), what)
            if response.status != 416:
                yield _Body(response, _first_byte(response, start), what)
                return
        async with self.request("GET", url, what, refusal, headers) as response:
            yield _Body(response, 0, what)


def number_of(text: str) -> int | None:
    """A number of bytes in a header; None for what is none, or beyond all files."""
    plain = text.isdecimal() and text.isascii() and len(text) < _LONGEST_NUMBER
    return int(text) if plain else None


def _first_byte(response: aiohttp.ClientResponse, asked: int) -> int:
    """Where the body begins: what Content-Range says, else the beginning."""
    if response.status != 206:
        return 0
    unit, _, rest = response.headers.get("Content-Range", "").partition(" ")
    first = rest.partition("-")[0]
    if unit == "bytes" and number_of(first) == asked:
        return asked
    raise NetworkError(f"{response.url.host}: the server answered with another range than asked")
