"""Servers that answer nonsense: an error in our words, whatever it is that they say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from ome.errors import StorageError
from ome.storage.errors import RateLimited, SourceUnavailable
from ome.storage.providers import web as web_module
from ome.storage.providers.github import _refused
from ome.storage.providers.web import Answer, number_of
from ome.storage.retry import retry_after
from tests.kube.server import serving
from tests.storage.support import opened, read_all
from tests.support.tiers import examples

if TYPE_CHECKING:
    from collections.abc import Callable

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 10),
    st.sampled_from(
        ["", "a", "../a", "/a", "a\nb", "\ud800", "\0", "c" * 40, "e" * 64, 1e999, 2**70]
    ),
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner)
)
files = st.fixed_dictionaries(
    {},
    optional={
        "rfilename": values,
        "name": values,
        "size": values,
        "url": values,
        "digest": st.one_of(values, st.just("sha256:x")),
        "blobId": values,
        "lfs": st.one_of(
            values, st.fixed_dictionaries({"sha256": values, "size": values, "pointerSize": values})
        ),
        "type": st.just("file"),
        "path": values,
        "oid": values,
    },
)
answers = st.one_of(
    values,
    st.fixed_dictionaries(
        {"id": st.just("org/tiny")},
        optional={
            "sha": st.one_of(st.just("c" * 40), values),
            "siblings": st.one_of(st.lists(st.one_of(files, values), max_size=3), values),
            "assets": st.one_of(st.lists(st.one_of(files, values), max_size=3), values),
            "tag_name": values,
        },
    ),
)


def saying(body: str | bytes) -> Callable[[web.BaseRequest], Any]:
    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        content = body.encode(errors="replace") if isinstance(body, str) else body
        return web.Response(body=content, headers={"Content-Type": "application/json"})

    return answer


async def asked(uri: str, body: str | bytes) -> None:
    async with serving(saying(body)) as url, opened(uri, {"endpoint": url}) as source:
        await source.list()


@pytest.mark.parametrize("uri", ["hf://org/tiny", "github://o/r"])
@settings(max_examples=examples(100), deadline=None)
@given(answer=answers)
def test_any_answer_to_a_list(uri: str, answer: Any) -> None:
    try:
        anyio.run(asked, uri, json.dumps(answer))
    except StorageError as error:
        str(error).encode()


@pytest.mark.parametrize("uri", ["hf://org/tiny", "github://o/r"])
@pytest.mark.parametrize("body", ["[" * 200_000, "", "<html>", b"\xff", "1" * 10_000])
async def test_what_is_no_json_at_all(uri: str, body: str | bytes) -> None:
    with pytest.raises(StorageError):
        await asked(uri, body)


async def test_an_endless_answer_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_module, "_LONGEST_JSON", 1000)
    with pytest.raises(SourceUnavailable, match="longer than 1000 bytes"):
        await asked("github://o/r", " " * 5000)


@pytest.mark.parametrize("text", ["", "-1", "1.0", "٣", "9" * 19, "9" * 5000, "x"])
def test_what_is_no_number_of_bytes(text: str) -> None:
    assert number_of(text) is None
    assert number_of("9" * 18) == 10**18 - 1


@pytest.mark.parametrize("first", ["9" * 4400, "x", "-1", ""])
async def test_a_range_that_is_none(first: str) -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.method == "HEAD":
            return web.Response(headers={"ETag": '"e"'})
        return web.Response(status=206, body=b"x", headers={"Content-Range": f"bytes {first}-9/*"})

    async with serving(answer) as url, opened(f"{url}/f") as source:
        file = (await source.list()).files[0]
        with pytest.raises(StorageError, match="another range than asked"):
            await read_all(source, file, 5)


async def test_redirects_in_a_circle() -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": str(request.rel_url)})

    async with serving(answer) as url, opened(f"{url}/f") as source:
        with pytest.raises(StorageError):
            await source.list()


@settings(max_examples=examples(500), deadline=None)
@given(st.one_of(st.text(), st.from_regex(r"[A-Z][a-z]{2}, \d{1,5} [A-Z][a-z]{2} \d{1,9} .*")))
def test_any_wish_to_come_later(text: str) -> None:
    wait = retry_after({"Retry-After": text}, 1.8e9)
    assert wait is None or 0 <= wait < float("inf")
    found = _refused(
        Answer(403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": text}, 0.0), "x"
    )
    assert isinstance(found, RateLimited)


def test_a_reset_beyond_all_time_names_none() -> None:
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "9" * 400}
    found = _refused(Answer(403, headers, 0.0), "x")
    assert isinstance(found, RateLimited)
    assert found.retry_after is None
