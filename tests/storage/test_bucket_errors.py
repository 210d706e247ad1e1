"""What users read when an object store, or who vouches for the node there, says no."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from obstore.exceptions import GenericError

from ome.storage.errors import (
    AccessDenied,
    CredentialsNotFound,
    HttpError,
    NetworkError,
    SourceNotFound,
    SourceUnavailable,
)
from ome.storage.providers.bucket_errors import bucket_errors
from tests.kube.server import serving
from tests.storage.support import opened

if TYPE_CHECKING:
    from ome.errors import StorageError

KEYS = {"aws_access_key_id": "an-id", "aws_secret_access_key": "a-secret"}


def body(code: str, more: str = "") -> str:
    return f"<Error><Code>{code}</Code><Message>signed by a-secret</Message>{more}</Error>"


@pytest.mark.parametrize(
    ("status", "text", "kind", "words"),
    [
        (301, body("PermanentRedirect"), HttpError, "the bucket is in another region; write s3://"),
        (
            400,
            body("AuthorizationHeaderMalformed", "<Region>eu-central-1</Region>"),
            HttpError,
            "the bucket is in region eu-central-1; write s3://",
        ),
        (400, body("ExpiredToken"), AccessDenied, "access denied (HTTP 400, ExpiredToken)"),
        (403, body("InvalidAccessKeyId"), AccessDenied, "(HTTP 403, InvalidAccessKeyId)"),
        (400, body("InvalidArgument"), NetworkError, "(HTTP 400, InvalidArgument)"),
        (404, body("NoSuchBucket"), SourceNotFound, "bucket not found"),
        (200, "a login page", NetworkError, "the answer is no list of objects"),
    ],
)
async def test_an_answer_of_the_store(
    status: int, text: str, kind: type[StorageError], words: str
) -> None:
    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=status, text=text)

    async with serving(answer) as url, opened("s3://b/m", {"endpoint": url}, KEYS) as source:
        with pytest.raises(kind) as raised:
            await source.list()
    assert type(raised.value) is kind
    assert str(raised.value).startswith("s3://b/m: ")
    assert words in str(raised.value)
    assert "a-secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("endpoint", "words"),
    [
        ("http://127.0.0.1:9", "no connection to 127.0.0.1:9"),
        ("http://no-such-store.invalid", "the name no-such-store.invalid cannot be resolved"),
    ],
)
async def test_a_store_that_cannot_be_reached(endpoint: str, words: str) -> None:
    async with opened("s3://b/m", {"endpoint": endpoint}, KEYS) as source:
        with pytest.raises(NetworkError, match=words):
            await source.list()


METADATA = "http://169.254.169.254"


@pytest.mark.parametrize(
    ("said", "kind", "words"),
    [
        (
            f"Error performing PUT {METADATA}/latest/api/token in 1s - HTTP error: error sending",
            CredentialsNotFound,
            "no credentials: none are given by spec.storage.key",
        ),
        (
            f"Error performing GET {METADATA}/latest/meta-data/iam/security-credentials/ in 1ms -"
            " Server returned non-2xx status code: 404 Not Found: ",
            CredentialsNotFound,
            "give the agent's pods an identity",
        ),
        (
            "Error performing token request: Error performing GET"
            " http://metadata.google.internal/computeMetadata/v1/instance/x - HTTP error",
            CredentialsNotFound,
            "no credentials",
        ),
        (
            f"Error performing GET {METADATA}/metadata/identity/oauth2/token in 1s, after 2"
            " retries - Server returned non-2xx status code: 503 Service Unavailable: ",
            SourceUnavailable,
            "HTTP 503 from the node's metadata service",
        ),
        (
            "Error performing token request: Error performing POST https://login.example.com/t -"
            " Server returned non-2xx status code: 400 Bad Request: invalid_client",
            AccessDenied,
            "access denied (HTTP 400)",
        ),
    ],
)
def test_who_vouches_for_the_node(said: str, kind: type[StorageError], words: str) -> None:
    with pytest.raises(kind) as raised, bucket_errors("gs://b/m"):
        raise GenericError(f"Generic error: {said}")
    assert words in str(raised.value)
