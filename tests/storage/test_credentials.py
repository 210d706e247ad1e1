"""Where a credential comes from, and that it never shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ome.storage.credentials import find_credentials
from ome.storage.settings import Credentials, Wishes, wishes_of

if TYPE_CHECKING:
    from collections.abc import Mapping

SECRETS: dict[tuple[str, str], Mapping[str, bytes]] = {
    ("ns", "hub"): {"token": b"from-secret\n", "other": b" second ", "empty": b" \n"},
    ("ns", "none"): {"unrelated": b"x"},
    ("ns", "aws"): {"aws_access_key_id": b"id", "aws_secret_access_key": b"key\n", "token": b"x"},
}
ENVIRON = {"HF_TOKEN": "env", "HUGGING_FACE_HUB_TOKEN": "old", "GITHUB_TOKEN": "gh"}


async def read(namespace: str, name: str) -> Mapping[str, bytes] | None:
    return SECRETS.get((namespace, name))


async def found(
    scheme: str, key: str = "", *, environ: Mapping[str, str] | None = None, **parameters: str
) -> Credentials:
    return await find_credentials(
        scheme,
        key=key,
        parameters=parameters,
        namespace="ns",
        secrets=read,
        environ=ENVIRON if environ is None else environ,
    )


@pytest.mark.parametrize(
    ("key", "parameters", "token", "origin"),
    [
        ("hub", {}, "from-secret", "Secret ns/hub"),
        ("hub", {"token": "p"}, "from-secret", "Secret ns/hub"),
        ("hub", {"secretKey": "other"}, "second", "Secret ns/hub"),
        ("hub", {"secretKey": ""}, "from-secret", "Secret ns/hub"),
        ("hub", {"secretKey": "empty", "token": "p"}, "p", "storage.parameters"),
        ("missing", {"token": "p"}, "p", "storage.parameters"),
        ("missing", {}, "env", "environment HF_TOKEN"),
        ("", {"token": ""}, "env", "environment HF_TOKEN"),
        ("", {"token": "p"}, "p", "storage.parameters"),
        ("none", {}, "env", "environment HF_TOKEN"),
    ],
)
async def test_the_order_for_the_hub(
    key: str, parameters: dict[str, str], token: str, origin: str
) -> None:
    credentials = await find_credentials(
        "hf", key=key, parameters=parameters, namespace="ns", secrets=read, environ=ENVIRON
    )
    assert credentials.get("token") == token
    assert credentials.origin == origin


async def test_the_older_variable_and_no_credential_at_all() -> None:
    environ = {"HUGGING_FACE_HUB_TOKEN": "old", "HF_TOKEN": " "}
    assert (await found("hf", environ=environ)).get("token") == "old"
    assert (await found("hf", environ={})) == Credentials()


@pytest.mark.parametrize("scheme", ["hf", "github"])
async def test_the_agents_token_does_not_go_to_an_endpoint_of_the_model(scheme: str) -> None:
    assert (await found(scheme)).get("token")
    assert (await found(scheme, endpoint="http://elsewhere")).values == {}
    own = await found(scheme, "hub", endpoint="http://elsewhere")
    assert own.get("token") == "from-secret"


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("missing", "Secret ns/missing (spec.storage.key) does not exist; create it"),
        ("none", "Secret ns/none (spec.storage.key) has no entry token"),
        ("hub", ""),
        ("", ""),
    ],
)
async def test_a_secret_that_is_of_no_use_is_told(key: str, problem: str) -> None:
    credentials = await found("hf", key)
    assert credentials.problem.startswith(problem)
    assert bool(credentials.problem) is bool(problem)


async def test_object_stores_take_the_entries_that_they_know() -> None:
    credentials = await found("s3", "aws")
    assert dict(credentials.values) == {"aws_access_key_id": "id", "aws_secret_access_key": "key"}
    given = await found("s3", aws_access_key_id="a", aws_secret_access_key="b", other="c")
    assert dict(given.values) == {"aws_access_key_id": "a", "aws_secret_access_key": "b"}


@pytest.mark.parametrize("scheme", ["pvc", "vendor", "local"])
async def test_schemes_without_credentials(scheme: str) -> None:
    assert await found(scheme, "hub", token="p") == Credentials()


async def test_a_credential_does_not_show() -> None:
    credentials = await found("hf", "hub")
    for text in (repr(credentials), str(credentials), f"{[credentials]}"):
        assert "from-secret" not in text
        assert "token" in text


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        (None, Wishes()),
        ({}, Wishes()),
        ({"revision": "", "auth": ""}, Wishes()),
        ({"unknown": "x"}, Wishes()),
        ({"endpoint": "http://m/"}, Wishes(endpoint="http://m")),
        ({"auth_type": "a"}, Wishes(auth="a")),
        ({"auth_type": "a", "auth": "b"}, Wishes(auth="b")),
        ({"aws_region": "a"}, Wishes(region="a")),
        ({"aws_region": "a", "region": "b"}, Wishes(region="b")),
        (
            {"allow_patterns": "*.json, *.safetensors,", "ignore_patterns": "original/*"},
            Wishes(allow=("*.json", "*.safetensors"), ignore=("original/*",)),
        ),
    ],
)
def test_wishes(parameters: dict[str, str] | None, expected: Wishes) -> None:
    assert wishes_of(parameters) == expected
