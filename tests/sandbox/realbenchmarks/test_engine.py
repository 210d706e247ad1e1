"""The stand-in engine: what callers of the OpenAI API rely on."""

from __future__ import annotations

import json
import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from ome.clock import SystemClock
from ome.reconciler.health import HttpServer
from ome.sandbox.realbenchmarks.engine import Engine, Pace
from tests.support.virtual_time import VirtualClock, run_virtual

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

FAST = Pace(0.0, 0.0, 0.0)
HELLO = {"model": "m", "messages": [{"role": "user", "content": "héllo"}]}


@asynccontextmanager
async def engine() -> AsyncIterator[tuple[Engine, aiohttp.ClientSession]]:
    made = Engine(SystemClock(), random.Random(1), FAST)
    server = HttpServer(made.app(), "127.0.0.1", 0)
    port = await server.start()
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            yield made, session
    finally:
        await server.stop()


async def events(session: aiohttp.ClientSession, path: str, body: Any) -> list[Any]:
    """The documents of a stream; its end is told too."""
    async with session.post(path, json=body) as response:
        assert response.content_type == "text/event-stream"
        blocks = (await response.text()).split("\n\n")
    assert blocks[-2:] == ["data: [DONE]", ""]
    return [json.loads(block.removeprefix("data: ")) for block in blocks[:-2]]


async def test_a_chat_streams_a_token_at_a_time_and_its_usage_last() -> None:
    async with engine() as (made, session):
        session.headers["Authorization"] = "Bearer sample-key"
        body = {**HELLO, "max_tokens": 3, "stream": True, "stream_options": {"include_usage": True}}
        *tokens, end, usage = await events(session, "/v1/chat/completions", body)
        assert [len(item["choices"][0]["delta"]["content"]) for item in tokens] == [1, 1, 1]
        assert {item["choices"][0]["finish_reason"] for item in tokens} == {None}
        assert end["choices"][0]["finish_reason"] == "length"
        assert usage["choices"] == []
        told = {"prompt_tokens": 6, "completion_tokens": 3, "total_tokens": 9}
        assert usage["usage"] == told
        assert made.keys == {"sample-key"}


async def test_completions_and_whole_answers() -> None:
    async with engine() as (_, session):
        body = {"model": "m", "prompt": ["ab", "c"], "max_tokens": 2}
        *tokens, _ = await events(session, "/v1/completions", {**body, "stream": True})
        assert len("".join(item["choices"][0]["text"] for item in tokens)) == 2
        async with session.post("/v1/completions", json=body) as response:
            found = await response.json()
        assert (found["object"], len(found["choices"][0]["text"])) == ("text_completion", 2)
        assert found["usage"]["prompt_tokens"] == 3
        parts = [{"type": "text", "text": "ab"}, {"type": "image_url", "image_url": {}}]
        chat = {"model": "m", "messages": [{"role": "user", "content": parts}]}
        async with session.post("/v1/chat/completions", json=chat) as response:
            found = await response.json()
        assert found["usage"]["prompt_tokens"] == 2
        assert found["usage"]["completion_tokens"] == 128


async def test_models_and_embeddings() -> None:
    async with engine() as (_, session):
        async with session.get("/v1/models") as response:
            assert (await response.json())["data"][0]["id"] == "vllm-model"
        body = {"model": "m", "input": ["abc", "de"]}
        async with session.post("/v1/embeddings", json=body) as response:
            found = await response.json()
        assert [len(item["embedding"]) for item in found["data"]] == [8, 8]
        assert found["usage"] == {"prompt_tokens": 5, "total_tokens": 5}


@pytest.mark.parametrize(
    ("path", "body", "text"),
    [
        ("/v1/chat/completions", b"no", "not JSON"),
        ("/v1/chat/completions", b"{}", "an object with a model"),
        ("/v1/chat/completions", b'{"model": "m"}', "expected messages"),
        ("/v1/completions", b'{"model": "m", "prompt": 1}', "expected prompt"),
        ("/v1/completions", b'{"model": "m", "prompt": "a", "max_tokens": 0}', "max_tokens"),
        ("/v1/embeddings", b'{"model": "m"}', "expected input"),
    ],
)
async def test_what_is_wrong_is_said(path: str, body: bytes, text: str) -> None:
    async with engine() as (_, session), session.post(path, data=body) as response:
        assert response.status == 400
        assert text in (await response.json())["error"]["message"]


async def test_a_caller_that_leaves_harms_nobody() -> None:
    async with engine() as (_, session):
        body = {**HELLO, "max_tokens": 100_000, "stream": True}
        async with session.post("/v1/chat/completions", json=body) as response:
            await response.content.readany()
            response.close()
        async with session.get("/v1/models") as response:
            assert response.status == 200


def test_a_crowd_slows_everyone_down() -> None:
    async def scenario() -> None:
        made = Engine(VirtualClock(), random.Random(1), Pace(jitter=0.0))
        alone = made._lasts(1.0)
        made._running = 49
        assert made._lasts(1.0) > 1.9 * alone

    run_virtual(scenario)
