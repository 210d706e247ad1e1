from __future__ import annotations

import gc
import gzip
import json
import sys
import warnings
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from ome.errors import TransportError
from ome.kube import NotSent, Request
from ome.kube.credentials import source_of
from ome.kube.http import KubernetesTransport, connect
from tests.kube.server import certificate, kubeconfig, server_context, serving

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ome.clock import Clock
    from ome.kube.credentials import Access, CredentialSource

SECRET = "s3cr3t-t0ken"


class Hands:
    """A clock whose hands the test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.now

    def boottime(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


class Gate:
    """A server that lets in one token, and remembers what came."""

    def __init__(self, token: str = SECRET) -> None:
        self.token = token
        self.seen: list[str] = []

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        given = request.headers.get("Authorization", "")
        self.seen.append(given)
        if given != f"Bearer {self.token}":
            return web.json_response({"kind": "Status", "code": 401}, status=401)
        return web.json_response({"path": request.path_qs, "agent": request.headers["User-Agent"]})


def answering(body: bytes = b"{}", **options: Any) -> Callable[[web.BaseRequest], Any]:
    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=body, **options)

    return handler


async def test_a_request_goes_out_as_it_is_and_comes_back_whole(tmp_path: Path) -> None:
    async with serving(Gate()) as server:
        path = kubeconfig(tmp_path / "k", server + "/prefix/", {"token": SECRET})
        async with await connect(path) as transport:
            response = await transport.send(
                Request("GET", "/api/v1/pods", (("labelSelector", "a in (b)"),), user_agent="x/1")
            )
            assert transport.host == server.removeprefix("http://")
    assert response.status == 200
    assert response.headers["content-type"].startswith("application/json")
    assert json.loads(response.body) == {
        "path": "/prefix/api/v1/pods?labelSelector=a%20in%20%28b%29",
        "agent": "x/1",
    }


async def test_a_compressed_answer_is_unpacked(tmp_path: Path) -> None:
    packed = answering(gzip.compress(b"x" * 5000), headers={"Content-Encoding": "gzip"})
    async with serving(packed) as server:
        async with await connect(kubeconfig(tmp_path / "k", server, {})) as transport:
            assert (await transport.send(Request("GET", "/"))).body == b"x" * 5000


async def test_any_code_is_an_answer_and_redirects_are_not_followed(tmp_path: Path) -> None:
    away = answering(status=302, headers={"Location": "http://192.0.2.1/"})
    async with serving(away) as server:
        async with await connect(kubeconfig(tmp_path / "k", server, {"token": "t"})) as transport:
            assert (await transport.send(Request("GET", "/"))).status == 302


async def test_a_server_that_is_away_is_named_in_one_line(tmp_path: Path) -> None:
    async with serving(Gate()) as server:
        pass
    async with await connect(kubeconfig(tmp_path / "k", server, {"token": SECRET})) as transport:
        with pytest.raises(NotSent) as caught:
            await transport.send(Request("POST", "/x", body=b"{}"))
        with pytest.raises(NotSent):
            async with transport.stream(Request("GET", "/x")):
                pass
    host = server.removeprefix("http://")
    assert str(caught.value).startswith(f"cannot reach {host}: ")
    assert "refused" in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_no_answer_in_time(tmp_path: Path) -> None:
    async def slow(request: web.BaseRequest) -> web.StreamResponse:
        await anyio.sleep(30)
        return web.Response()

    async with serving(slow) as server:
        async with await connect(kubeconfig(tmp_path / "k", server, {})) as transport:
            with pytest.raises(TransportError, match=r"no answer from 127\.0\.0\.1"):
                await transport.send(Request("GET", "/", timeout=0.2))
            with pytest.raises(TransportError, match=r"no answer from 127\.0\.0\.1"):
                async with transport.stream(Request("GET", "/", timeout=0.2)):
                    pass


async def test_a_stream_gives_chunks_as_they_come_and_says_when_it_breaks(tmp_path: Path) -> None:
    written = anyio.Event()

    async def streaming(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"one")
        await written.wait()
        await response.write(b"two")
        assert request.transport is not None
        request.transport.close()
        return response

    async with serving(streaming) as server:
        async with await connect(kubeconfig(tmp_path / "k", server, {})) as transport:
            async with transport.stream(Request("GET", "/", timeout=0.2)) as stream:
                chunks = aiter(stream)
                assert stream.status == 200
                assert await anext(chunks) == b"one"
                await anyio.sleep(0.3)  # the timeout is for the headers only
                written.set()
                assert await anext(chunks) == b"two"
                with pytest.raises(TransportError, match="broke"):
                    await anext(chunks)


async def test_leaving_a_stream_closes_its_connection(tmp_path: Path) -> None:
    gone = anyio.Event()

    async def endless(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x")
                await anyio.sleep(0.01)
        except ConnectionResetError:
            gone.set()
            raise

    async with serving(endless) as server:
        async with await connect(kubeconfig(tmp_path / "k", server, {})) as transport:
            async with transport.stream(Request("GET", "/")) as stream:
                assert await anext(aiter(stream))
            with anyio.fail_after(5):
                await gone.wait()


async def test_no_socket_outlives_the_transport(tmp_path: Path) -> None:
    async def endless(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x")
            await anyio.sleep(0.01)

    async def a_watch() -> None:
        async with await connect(path) as transport:
            async with transport.stream(Request("GET", "/")) as stream:
                assert await anext(aiter(stream))

    cert = certificate(tmp_path)
    async with serving(endless, server_context(*cert)) as server:
        path = kubeconfig(tmp_path / "k", server, {}, cert[0])
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            await anyio.to_thread.run_sync(anyio.run, a_watch)  # its event loop ends with it
            gc.collect()
    assert [str(one.message) for one in told if one.category is ResourceWarning] == []


async def test_a_closed_transport_sends_nothing(tmp_path: Path) -> None:
    transport = await connect(kubeconfig(tmp_path / "k", "http://127.0.0.1:1", {}))
    await transport.close()
    await transport.close()
    with pytest.raises(NotSent, match="is closed"):
        await transport.send(Request("GET", "/"))


# Credentials that change.


async def test_a_token_file_is_read_again_each_minute(tmp_path: Path) -> None:
    clock, gate = Hands(), Gate("one")
    token = tmp_path / "token"
    token.write_text("one\n")
    async with serving(gate) as server:
        path = kubeconfig(tmp_path / "k", server, {"tokenFile": str(token)})
        async with await _open(path, clock) as transport:
            assert (await transport.send(Request("GET", "/"))).status == 200
            token.write_text("two\n")
            gate.token = "two"
            clock.now = 61
            assert (await transport.send(Request("GET", "/"))).status == 200
    assert gate.seen == ["Bearer one", "Bearer two"]


async def test_a_refused_token_is_read_again_at_once_and_the_request_repeated(
    tmp_path: Path,
) -> None:
    gate = Gate("one")
    token = tmp_path / "token"
    token.write_text("one")
    async with serving(gate) as server:
        path = kubeconfig(tmp_path / "k", server, {"tokenFile": str(token)})
        async with await _open(path, Hands()) as transport:
            await transport.send(Request("GET", "/"))
            token.write_text("two")
            gate.token = "two"
            assert (await transport.send(Request("POST", "/", body=b"{}"))).status == 200
            gate.token = "three"
            async with transport.stream(Request("GET", "/")) as stream:
                assert stream.status == 401
    assert gate.seen == ["Bearer one", "Bearer one", "Bearer two", "Bearer two"]


async def test_a_token_that_stays_refused_is_a_401_and_is_not_renewed_each_time(
    tmp_path: Path,
) -> None:
    gate, clock, runs = Gate("right"), Hands(), tmp_path / "runs"
    async with serving(gate) as server:
        path = kubeconfig(tmp_path / "k", server, plugin(tmp_path, runs, "wrong"))
        async with await _open(path, clock) as transport:
            for _ in range(5):
                assert (await transport.send(Request("GET", "/"))).status == 401
            assert runs.read_text() == "xx"
            clock.now += 11
            assert (await transport.send(Request("GET", "/"))).status == 401
            assert runs.read_text() == "xxx"
    assert len(gate.seen) == 6


async def test_credentials_that_cannot_be_read_again_are_kept(tmp_path: Path) -> None:
    clock, gate = Hands(), Gate()
    async with serving(gate) as server:
        path = kubeconfig(tmp_path / "k", server, {"token": SECRET})
        async with await _open(path, clock) as transport:
            (tmp_path / "k").write_text("{broken")
            clock.now = 61
            with capture_logs() as logs:
                assert (await transport.send(Request("GET", "/"))).status == 200
    assert [entry["event"] for entry in logs] == ["kube.credentials_not_read"]
    assert SECRET not in str(logs)


async def test_a_plugin_that_takes_its_time_fails_one_request_and_not_those_after_it(
    tmp_path: Path,
) -> None:
    """A renewal of the Lease has five seconds; with what there is the next one is in time."""

    class Slow:
        def __init__(self, source: CredentialSource) -> None:
            self.source, self.asked = source, 0

        async def load(self, *, renew: bool = False) -> Access:
            self.asked += 1
            if self.asked > 1:
                await anyio.sleep_forever()
            return await self.source.load(renew=renew)

    clock, gate = Hands(), Gate()
    async with serving(gate) as server:
        slow = Slow(source_of(kubeconfig(tmp_path / "k", server, {"token": SECRET}), None, clock))
        async with KubernetesTransport(slow, clock) as transport:
            await transport.open()
            clock.now = 61
            with anyio.move_on_after(0.01) as impatient:
                await transport.send(Request("GET", "/"))
            assert impatient.cancelled_caught
            with anyio.fail_after(10):
                assert (await transport.send(Request("GET", "/"))).status == 200
            assert slow.asked == 2
            clock.now += 11
            with anyio.move_on_after(0.01):
                await transport.send(Request("GET", "/"))
            assert slow.asked == 3


async def test_a_new_certificate_authority_makes_new_connections(tmp_path: Path) -> None:
    clock = Hands()
    first, second = certificate(tmp_path, "one"), certificate(tmp_path, "two")
    async with serving(answering(b"1"), server_context(*first)) as old:
        path = kubeconfig(tmp_path / "k", old, {"token": SECRET}, first[0])
        async with await _open(path, clock) as transport:
            assert (await transport.send(Request("GET", "/"))).body == b"1"
            async with serving(answering(b"2"), server_context(*second)) as new:
                kubeconfig(tmp_path / "k", new, {"token": SECRET}, second[0])
                async with transport.stream(Request("GET", "/")) as running:
                    clock.now = 61
                    assert (await transport.send(Request("GET", "/"))).body == b"2"
                    assert [chunk async for chunk in running] == [b"1"]


async def test_an_untrusted_server_is_refused_and_told_why(tmp_path: Path) -> None:
    first, second = certificate(tmp_path, "one"), certificate(tmp_path, "two")
    gate = Gate()
    async with serving(gate, server_context(*first)) as server:
        path = kubeconfig(tmp_path / "k", server, {"token": SECRET}, second[0])
        async with await connect(path) as transport:
            with pytest.raises(NotSent, match="self-signed certificate"):
                await transport.send(Request("GET", "/"))
    assert gate.seen == []


async def test_verification_may_be_switched_off_with_a_warning(tmp_path: Path) -> None:
    async with serving(Gate(), server_context(*certificate(tmp_path))) as server:
        path = kubeconfig(tmp_path / "k", server, {"token": SECRET}, insecure=True)
        with capture_logs() as logs:
            async with await connect(path) as transport:
                assert (await transport.send(Request("GET", "/"))).status == 200
    assert [(entry["event"], entry["log_level"]) for entry in logs] == [
        ("kube.tls_not_verified", "warning")
    ]


async def _open(path: str, clock: Clock) -> KubernetesTransport:
    return await connect(path, clock=clock)


def plugin(folder: Path, runs: Path, token: str, **status: Any) -> dict[str, Any]:
    """A user with a credential plugin that notes each of its runs."""
    answer = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": token, **status},
    }
    script = folder / "plugin.py"
    script.write_text(
        f"import pathlib\npathlib.Path({str(runs)!r}).open('a').write('x')\n"
        f"print({json.dumps(answer)!r})\n"
    )
    return {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": sys.executable,
            "args": [str(script)],
        }
    }
