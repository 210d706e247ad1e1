"""Requests to addresses that a model named go to other hosts only, also by name and redirect.

Admission judges the spelling of an address; what a name stands for, and where its server sends us,
is known only here. A name that changes its meaning between the look and the connection is not seen:
who gives models such names must be kept away by the network. Nor is what a proxy makes of a name,
nor where an object store sends us: the library for these follows redirects by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import anyio

from ome.storage.addresses import problem_of_address
from ome.storage.errors import ForbiddenAddress

if TYPE_CHECKING:
    from aiohttp import ClientHandlerType, ClientRequest, ClientResponse

__all__ = ["check_address", "guarding"]


async def check_address(url: str) -> None:
    """Raise ``ForbiddenAddress`` for a URL that is, or whose name stands for, the machine itself.

    A name that nobody knows passes: whoever connects will say so.
    """
    _check_spelling(url)
    host = urlsplit(url).hostname or ""
    for address in await _addresses(host):
        found = problem_of_address(f"http://[{address}]" if ":" in address else f"http://{address}")
        if found:
            raise _forbidden(f"{host} stands for {address}: {found}")


def _check_spelling(url: str) -> None:
    problem = problem_of_address(url)
    if problem:
        raise _forbidden(problem)


def _forbidden(problem: str) -> ForbiddenAddress:
    return ForbiddenAddress(
        f"{problem}; models are fetched from other hosts only, correct spec.storage"
    )


async def _addresses(host: str) -> list[str]:
    try:
        found = await anyio.getaddrinfo(host, None)
    except (OSError, UnicodeError):
        return []
    return [str(place[0]) for *_, place in found]


async def guarding(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """A middleware of the HTTP client: each request, those of redirects among them, is judged.

    What a proxy is asked for is judged by its spelling: it is the proxy that looks up the name.
    Behind one, names of other hosts often mean nothing here, and each look would wait to learn so.
    """
    if request.proxy is None:
        await check_address(str(request.url))
    else:
        _check_spelling(str(request.url))
    return await handler(request)
