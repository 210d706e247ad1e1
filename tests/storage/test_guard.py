"""What a model names is asked for only where it is another host, by name and by redirect too."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from aiohttp import web

from ome.clock import SystemClock
from ome.storage import guard
from ome.storage.addresses import problem_of_address
from ome.storage.errors import ForbiddenAddress
from ome.storage.guard import check_address
from ome.storage.providers.web import Web
from tests.kube.server import serving

if TYPE_CHECKING:
    from collections.abc import Callable

METADATA = "http://169.254.169.254/latest/meta-data"


def standing_for(*addresses: str) -> Callable[..., Any]:
    """A resolver that gives these addresses for every name."""

    async def resolve(host: str, port: object) -> list[Any]:
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, 0)) for one in addresses]

    return resolve


@pytest.mark.parametrize(
    ("addresses", "text"),
    [
        (("93.184.216.34",), ""),
        (("10.0.0.7", "fd00::7"), ""),
        ((), ""),
        (
            ("169.254.169.254",),
            "hub.example.com stands for 169.254.169.254: 169.254.169.254 is link",
        ),
        (("93.184.216.34", "127.0.0.1"), "hub.example.com stands for 127.0.0.1"),
        (("::1",), "hub.example.com stands for ::1"),
        (("fe80::1%eth0",), "hub.example.com stands for fe80::1%eth0"),
    ],
)
async def test_a_name_is_judged_by_what_it_stands_for(
    monkeypatch: pytest.MonkeyPatch, addresses: tuple[str, ...], text: str
) -> None:
    monkeypatch.setattr(anyio, "getaddrinfo", standing_for(*addresses))
    if not text:
        await check_address("https://hub.example.com/x")
        return
    with pytest.raises(ForbiddenAddress) as told:
        await check_address("https://hub.example.com/x")
    assert text in str(told.value)
    assert "correct spec.storage" in str(told.value)


async def test_a_spelled_address_is_refused_without_asking_anybody() -> None:
    with pytest.raises(ForbiddenAddress, match=r"169\.254\.169\.254 is link-local"):
        await check_address(METADATA)


async def test_a_redirect_to_the_machine_itself_is_not_followed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    async def server(request: web.BaseRequest) -> web.StreamResponse:
        asked.append(request.path)
        if request.path == "/there":
            return web.Response(body=b"x")
        place = METADATA if request.path == "/away" else "/there"
        return web.Response(status=302, headers={"Location": place})

    def but_the_test(url: str) -> str:
        return "" if "127.0.0.1" in url else problem_of_address(url)

    monkeypatch.setattr(guard, "problem_of_address", but_the_test)
    async with serving(server) as url, Web(SystemClock(), guarded=True) as client:
        async with client.request("GET", f"{url}/near", "near") as response:
            assert await response.read() == b"x"
        with pytest.raises(ForbiddenAddress, match=r"169\.254\.169\.254"):
            async with client.request("GET", f"{url}/away", "away"):
                pass
    assert asked == ["/near", "/there", "/away"]


async def test_behind_a_proxy_no_name_is_looked_up_for_each_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    async def proxy(request: web.BaseRequest) -> web.StreamResponse:
        asked.append(str(request.url))
        if request.path == "/away":
            return web.Response(status=302, headers={"Location": METADATA})
        return web.Response(body=b"x")

    async def never(host: str, port: object) -> list[Any]:
        raise AssertionError(f"{host} was looked up")

    monkeypatch.setattr(anyio, "getaddrinfo", never)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    async with serving(proxy) as url:
        # The platform's proxy may well be on the machine itself.
        monkeypatch.setenv("http_proxy", url)
        async with Web(SystemClock(), guarded=True) as client:
            there = "http://hub.example.com/x"
            async with client.request("GET", there, "x") as response:
                assert await response.read() == b"x"
            with pytest.raises(ForbiddenAddress, match=r"169\.254\.169\.254"):
                async with client.request("GET", "http://hub.example.com/away", "away"):
                    pass
    assert asked == [there, "http://hub.example.com/away"]
