"""A server that answers as an engine with an OpenAI-compatible API would, without a model.

Tokens come at the pace of a small engine: a first one after the prompt was read, then one at a
time, slower the more requests are under way together. It listens on this machine only and counts
tokens as ``tokenizer`` does, so that what a load generator reckons is true.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import web

from ome.sandbox.realbenchmarks.tokenizer import count_tokens

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncIterator

    from ome.clock import Clock

__all__ = ["Engine", "Pace"]

_LETTERS = "etaoin shrdlu"
_DEFAULT_TOKENS = 128
_MOST_TOKENS = 131_072
_DIMENSIONS = 8
_LARGEST_BODY = 64 * 2**20
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast tokens come; seconds."""

    first: float = 0.03
    """Until the first token of an empty prompt."""
    prompt_token: float = 0.000_05
    """More for each token of the prompt."""
    token: float = 0.006
    """Between two tokens of a request that is alone."""
    crowd: int = 48
    """With so many requests together each token takes twice as long."""
    jitter: float = 0.2
    """The part by which a pause may be longer or shorter."""


class BadRequest(Exception):
    """What the caller did wrong."""


class Engine:
    """The handlers; ``app`` makes what serves them."""

    def __init__(self, clock: Clock, rng: random.Random, pace: Pace | None = None) -> None:
        self._clock = clock
        self._rng = rng
        self._pace = pace or Pace()
        self._running = 0
        self.keys: set[str] = set()
        """The keys that callers sent."""

    def app(self) -> web.Application:
        """The application with its routes."""
        app = web.Application(client_max_size=_LARGEST_BODY)
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_post("/v1/completions", self._completion)
        app.router.add_post("/v1/embeddings", self._embeddings)
        return app

    async def _models(self, _: web.Request) -> web.StreamResponse:
        entry = {"id": "vllm-model", "object": "model", "created": 0, "owned_by": "sandbox"}
        return web.json_response({"object": "list", "data": [entry]})

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, chat=True)

    async def _completion(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, chat=False)

    async def _answer(self, request: web.Request, *, chat: bool) -> web.StreamResponse:
        try:
            body = await self._body(request)
            prompt = _messages(body) if chat else _texts(body, "prompt")
            tokens = _wanted(body)
        except BadRequest as error:
            return _refused(str(error))
        reply = _Reply(body["model"], chat, sum(map(count_tokens, prompt)), tokens)
        self._running += 1
        try:
            if body.get("stream"):
                usage = (body.get("stream_options") or {}).get("include_usage")
                return await self._stream(request, reply, usage=bool(usage))
            text = "".join([letter async for letter in self._tokens(reply)])
            return web.json_response(reply.whole(text))
        finally:
            self._running -= 1

    async def _stream(
        self, request: web.Request, reply: _Reply, *, usage: bool
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        # A load generator cuts what is under way when a run is over.
        with suppress(ConnectionResetError):
            await response.prepare(request)
            async for letter in self._tokens(reply):
                await response.write(_event(reply.chunk(letter)))
            await response.write(_event(reply.chunk("", finish="length")))
            if usage:
                await response.write(_event(reply.last()))
            await response.write(b"data: [DONE]\n\n")
            await response.write_eof()
        return response

    async def _tokens(self, reply: _Reply) -> AsyncIterator[str]:
        pause = self._pace.first + reply.prompt_tokens * self._pace.prompt_token
        for _ in range(reply.tokens):
            await self._clock.sleep(self._lasts(pause))
            yield self._rng.choice(_LETTERS)
            pause = self._pace.token

    async def _embeddings(self, request: web.Request) -> web.StreamResponse:
        try:
            body = await self._body(request)
            texts = _texts(body, "input")
        except BadRequest as error:
            return _refused(str(error))
        tokens = sum(map(count_tokens, texts))
        self._running += 1
        try:
            await self._clock.sleep(
                self._lasts(self._pace.first + tokens * self._pace.prompt_token)
            )
        finally:
            self._running -= 1
        vectors = [[self._rng.uniform(-1, 1) for _ in range(_DIMENSIONS)] for _ in texts]
        data = [
            {"object": "embedding", "index": number, "embedding": vector}
            for number, vector in enumerate(vectors)
        ]
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        answer = {"object": "list", "data": data, "model": body["model"], "usage": usage}
        return web.json_response(answer)

    def _lasts(self, seconds: float) -> float:
        crowded = 1 + (self._running - 1) / self._pace.crowd
        return seconds * crowded * self._rng.uniform(1 - self._pace.jitter, 1 + self._pace.jitter)

    async def _body(self, request: web.Request) -> Document:
        self.keys.add(request.headers.get("Authorization", "").removeprefix("Bearer "))
        try:
            body = json.loads(await request.read())
        except ValueError:
            raise BadRequest("the body is not JSON") from None
        if not isinstance(body, dict) or not isinstance(body.get("model"), str):
            raise BadRequest("expected an object with a model")
        return body


@dataclass(frozen=True, slots=True)
class _Reply:
    """What is said about one request, in the words of the API."""

    model: str
    chat: bool
    prompt_tokens: int
    tokens: int

    def chunk(self, text: str, finish: str | None = None) -> Document:
        content: Document = {"delta": {"content": text}} if self.chat else {"text": text}
        choice = {"index": 0, **content, "finish_reason": finish}
        return self._head([choice], chunk=True)

    def last(self) -> Document:
        return {**self._head([], chunk=True), "usage": self._usage()}

    def whole(self, text: str) -> Document:
        message = {"role": "assistant", "content": text}
        content: Document = {"message": message} if self.chat else {"text": text}
        choice = {"index": 0, **content, "finish_reason": "length"}
        return {**self._head([choice], chunk=False), "usage": self._usage()}

    def _head(self, choices: list[Document], *, chunk: bool) -> Document:
        kind = "text_completion"
        if self.chat:
            kind = "chat.completion.chunk" if chunk else "chat.completion"
        return {"id": "sandbox", "object": kind, "created": 0, "model": self.model,
                "choices": choices}  # fmt: skip

    def _usage(self) -> Document:
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.tokens,
            "total_tokens": self.prompt_tokens + self.tokens,
        }


def _messages(body: Document) -> list[str]:
    """The texts of a chat; what is not text counts nothing."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise BadRequest("expected messages, a list with at least one")
    found = []
    for message in messages:
        content = message.get("content") if isinstance(message, dict) else None
        parts = content if isinstance(content, list) else [{"text": content}]
        texts = [part.get("text") for part in parts if isinstance(part, dict)]
        found += [text for text in texts if isinstance(text, str)]
    return found


def _texts(body: Document, field: str) -> list[str]:
    given = body.get(field)
    texts = given if isinstance(given, list) else [given]
    found = [text for text in texts if isinstance(text, str)]
    if not found or len(found) < len(texts):
        raise BadRequest(f"expected {field}, a text or a list of texts")
    return found


def _wanted(body: Document) -> int:
    asked = body.get("max_completion_tokens", body.get("max_tokens"))
    if asked is None:
        return _DEFAULT_TOKENS
    if not isinstance(asked, int) or not 0 < asked <= _MOST_TOKENS:
        raise BadRequest(f"max_tokens: expected a number from 1 to {_MOST_TOKENS}")
    return asked


def _refused(text: str) -> web.Response:
    error = {"message": text, "type": "invalid_request_error", "code": 400}
    return web.json_response({"error": error}, status=400)


def _event(document: Document) -> bytes:
    return f"data: {json.dumps(document)}\n\n".encode()
