"""The Hugging Face provider against a hub on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from ome.errors import StorageError
from ome.sandbox.hub import Hub, Repository, Trouble, git_blob, running_hub
from ome.sandbox.safetensors_files import llama_repository
from ome.storage.errors import (
    AccessDenied,
    Disabled,
    Gated,
    HttpError,
    NetworkError,
    RateLimited,
    SourceNotFound,
    SourceUnavailable,
)
from ome.storage.providers import huggingface
from ome.storage.sources import Checksum, RemoteFile
from tests.kube.server import certificate, server_context, serving
from tests.storage.support import around, opened, read_all

if TYPE_CHECKING:
    from pathlib import Path

FILES = llama_repository()
ODD = {"a b+c%20/\u00fc#?.txt": b"odd name", "empty": b"", **FILES}
SHARD = "model-00001-of-00002.safetensors"


def tiny(**more: object) -> dict[str, Repository]:
    return {"org/tiny": Repository(ODD, **more)}  # type: ignore[arg-type]


async def test_a_repository_is_listed_at_its_commit() -> None:
    async with running_hub(tiny()) as hub, opened("hf://org/tiny", {"endpoint": hub.url}) as source:
        found = await source.list()
        assert found.revision == "c" * 40
        assert [file.path for file in found.files] == sorted(ODD)
        assert found.total_bytes == hub.bytes_of("org/tiny")
        by_path = {file.path: file for file in found.files}
        assert by_path["config.json"].checksum == Checksum(
            "git-sha1", git_blob(FILES["config.json"])
        )
        checksum = by_path[SHARD].checksum
        assert checksum is not None
        assert checksum.algorithm == "sha256"


async def test_every_file_arrives_whatever_its_name() -> None:
    async with running_hub(tiny()) as hub, opened("hf://org/tiny", {"endpoint": hub.url}) as source:
        for file in (await source.list()).files:
            assert await read_all(source, file) == ODD[file.path]


async def test_parts_of_a_file() -> None:
    async with running_hub(tiny()) as hub, opened("hf://org/tiny", {"endpoint": hub.url}) as source:
        file = next(file for file in (await source.list()).files if file.path == SHARD)
        assert await read_all(source, file, 8, 20) == FILES[SHARD][8:20]
        assert await read_all(source, file, 1000) == FILES[SHARD][1000:]
        async with source.open(file, 10**9) as stream:
            assert stream.start == 0  # there is nothing so far out: begin anew


@pytest.mark.parametrize("revision", ["v1.0", "refs/pr/7"])
async def test_revisions(revision: str) -> None:
    repositories = tiny(branches=("main", revision), commit="d" * 40)
    async with running_hub(repositories) as hub:
        at = {"endpoint": hub.url}
        for uri, parameters in (
            (f"hf://org/tiny@{revision}", at),
            ("hf://org/tiny", at | {"revision": revision}),
            (f"hf://org/tiny@{revision}", at | {"revision": "nothing"}),
            (f"hf://org/tiny@{'d' * 40}", at),
        ):
            async with opened(uri, parameters) as source:
                assert (await source.list()).revision == "d" * 40


async def test_a_name_without_an_organisation() -> None:
    async with running_hub({"gpt2": Repository(FILES)}) as hub:
        async with opened("hf://gpt2", {"endpoint": hub.url}) as source:
            files = (await source.list()).files
            assert await read_all(source, files[0]) == FILES[files[0].path]


async def test_the_mirror_of_the_environment() -> None:
    async with running_hub(tiny()) as hub:
        for name in ("HF_ENDPOINT", "ENDPOINT"):
            async with opened(
                "hf://org/tiny", surroundings=around(environ={name: f"{hub.url}/"})
            ) as source:
                assert (await source.list()).files


async def test_a_long_list_comes_in_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface, "_MOST_IN_ONE_ANSWER", 5)
    async with running_hub(tiny()) as hub, opened("hf://org/tiny", {"endpoint": hub.url}) as source:
        found = await source.list()
        assert [file.path for file in found.files] == sorted(ODD)
        assert sum("/tree/" in request for request in hub.requests) > 2
        checksum = next(file for file in found.files if file.path == SHARD).checksum
        assert checksum is not None
        assert checksum.algorithm == "sha256"


async def test_tokens_open_private_repositories_and_stay_with_the_hub() -> None:
    async with running_hub(tiny(tokens=("t",))) as hub:
        hub.known_tokens.add("t")
        async with opened("hf://org/tiny", {"endpoint": hub.url}, {"token": "t"}) as source:
            for file in (await source.list()).files:
                await read_all(source, file)
        assert hub.authorizations == {
            "api": {"Bearer t"},
            "resolve": {"Bearer t"},
            "cdn": {""},
        }


async def refusal(hub: Hub, token: str = "", uri: str = "hf://org/tiny") -> StorageError:
    credentials = {"token": token} if token else {}
    async with opened(uri, {"endpoint": hub.url}, credentials) as source:
        with pytest.raises(StorageError) as raised:
            await source.list()
    assert "secret-token" not in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1
    return raised.value


@pytest.mark.parametrize(
    ("repository", "token", "kind", "reason", "text"),
    [
        (None, "", SourceNotFound, "not_found", "HTTP 401: Repository 'org/tiny' not found"),
        (None, "known", SourceNotFound, "not_found", "HTTP 404: Repository 'org/tiny' not found"),
        (
            Repository(FILES, tokens=("other",)),
            "",
            SourceNotFound,
            "not_found",
            "when it is private, name a Secret",
        ),
        (
            Repository(FILES, tokens=("other",), gated=True),
            "",
            Gated,
            "gated",
            "HTTP 401: Repository 'org/tiny' is gated and requires authentication",
        ),
        (
            Repository(FILES, tokens=("other",), gated=True),
            "known",
            Gated,
            "gated",
            "HTTP 403: Repository 'org/tiny' is gated and requires authentication",
        ),
        (
            Repository(FILES, disabled=True),
            "",
            Disabled,
            "disabled",
            "HTTP 403: Repository 'org/tiny' is disabled",
        ),
        (
            Repository(FILES),
            "secret-token",
            AccessDenied,
            "unauthorized",
            "HTTP 401: the token is not valid for 'org/tiny' (expired or revoked)",
        ),
        (Repository({}), "", SourceNotFound, "not_found", "has no files"),
    ],
)
async def test_refusals(
    repository: Repository | None, token: str, kind: type[StorageError], reason: str, text: str
) -> None:
    async with running_hub({"org/tiny": repository} if repository else {}) as hub:
        hub.known_tokens.add("known")
        error = await refusal(hub, token)
    assert type(error) is kind
    assert error.reason == reason
    assert text in str(error)
    assert not error.retryable


async def test_a_revision_that_is_not_there() -> None:
    async with running_hub(tiny()) as hub:
        error = await refusal(hub, uri="hf://org/tiny@v9")
    assert str(error) == "HTTP 404: Revision 'v9' not found for repository 'org/tiny'"


@pytest.mark.parametrize(
    ("status", "headers", "kind", "retryable"),
    [
        (429, {"Retry-After": "17"}, RateLimited, True),
        (429, {}, RateLimited, True),
        (500, {}, SourceUnavailable, True),
        (503, {}, SourceUnavailable, True),
        (408, {}, SourceUnavailable, True),
        (418, {}, HttpError, False),
    ],
)
async def test_statuses_of_the_list_and_of_a_file(
    status: int, headers: dict[str, str], kind: type[StorageError], retryable: bool
) -> None:
    async with running_hub(tiny()) as hub:
        hub.troubles.append(Trouble("/api/", 1, status, headers))
        error = await refusal(hub)
        assert type(error) is kind
        assert error.retryable is retryable
        async with opened("hf://org/tiny", {"endpoint": hub.url}) as source:
            files = (await source.list()).files
            hub.troubles.append(Trouble("/resolve/", 1, status, headers))
            with pytest.raises(kind) as raised:
                await read_all(source, files[0])
    for found in (error, raised.value):
        if isinstance(found, RateLimited):
            assert found.retry_after == (17.0 if headers else None)


async def test_a_file_that_vanished() -> None:
    async with running_hub(tiny()) as hub, opened("hf://org/tiny", {"endpoint": hub.url}) as source:
        await source.list()
        with pytest.raises(
            SourceNotFound, match=r"Entry 'gone' not found in repository 'org/tiny'"
        ):
            await read_all(source, RemoteFile("gone", 1))


async def test_nobody_answers() -> None:
    async with opened("hf://org/tiny", {"endpoint": "http://127.0.0.1:9"}) as source:
        with pytest.raises(
            NetworkError, match=r"127\.0\.0\.1:9: Connection refused; .*HTTPS_PROXY"
        ):
            await source.list()
        with pytest.raises(NetworkError):
            await read_all(source, RemoteFile("a", 1))


async def test_an_answer_that_is_no_hub() -> None:
    async with running_hub() as hub:
        hub.troubles.append(Trouble("/", 1, 200))
        error = await refusal(hub)
    assert isinstance(error, SourceUnavailable)
    assert "no proxy or login page stands in the way" in str(error)


async def test_a_certificate_that_nobody_vouches_for(tmp_path: Path) -> None:
    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text="{}")

    async with serving(answer, server_context(*certificate(tmp_path))) as url:
        async with opened("hf://org/tiny", {"endpoint": url}) as source:
            with pytest.raises(NetworkError, match="certificate verify failed"):
                await source.list()


@pytest.mark.parametrize(
    ("text", "broken"), [("0.2", True), ("", False), ("soon", False), ("-1", False)]
)
async def test_how_long_a_hub_may_be_silent(text: str, broken: bool) -> None:
    surroundings = around(environ={"HF_HUB_DOWNLOAD_TIMEOUT": text})
    async with running_hub(tiny()) as hub:
        async with opened("hf://org/tiny", {"endpoint": hub.url}, None, surroundings) as source:
            files = (await source.list()).files
            shard = next(file for file in files if file.path == SHARD)
            hub.troubles.append(Trouble(SHARD, 1, chunk_seconds=1.0))
            if not broken:
                # A minute, which a test does not wait for.
                hub.troubles.clear()
                assert await read_all(source, shard) == FILES[SHARD]
                return
            with pytest.raises(NetworkError, match="no answer in time"):
                await read_all(source, shard)
