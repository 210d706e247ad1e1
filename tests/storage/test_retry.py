"""When something is done again, and after how long."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ome.storage.errors import (
    AccessDenied,
    ChecksumMismatch,
    DiskFull,
    InvalidUri,
    LocalPathNotFound,
    NetworkError,
    RateLimited,
    SourceUnavailable,
    UnknownScheme,
    UnsupportedStorage,
    metric_reason,
)
from ome.storage.retry import RetryPolicy, delay_before, retry_after, retrying
from tests.storage.support import NotingClock

if TYPE_CHECKING:
    from ome.errors import StorageError

POLICY = RetryPolicy(attempts=5, interval=10.0, longest=60.0)
NETWORK = NetworkError("x")


@pytest.mark.parametrize(
    ("failures", "least"), [(1, 10.0), (2, 20.0), (3, 40.0), (4, 60.0), (5, None), (6, None)]
)
def test_waits_double_up_to_the_longest(failures: int, least: float | None) -> None:
    delay = delay_before(POLICY, failures, NETWORK, random.Random(1))
    if least is None:
        assert delay is None
    else:
        assert delay is not None
        assert least <= delay <= 1.5 * least


@pytest.mark.parametrize("error", [AccessDenied("x"), DiskFull("x"), InvalidUri("x")])
def test_what_time_cannot_mend_is_not_repeated(error: StorageError) -> None:
    assert delay_before(POLICY, 1, error, random.Random(1)) is None


@given(st.floats(0, 3600), st.integers(0, 2**32))
def test_a_source_is_never_asked_before_it_says(asked: float, seed: int) -> None:
    delay = delay_before(POLICY, 1, RateLimited("x", asked), random.Random(seed))
    assert delay is not None
    assert asked <= delay <= 1.1 * asked


def test_a_source_that_asks_for_too_much_patience_is_given_up() -> None:
    assert delay_before(POLICY, 1, RateLimited("x", 3601), random.Random(1)) is None
    assert delay_before(POLICY, 1, RateLimited("x"), random.Random(1)) is not None


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Retry-After": "120"}, 120.0),
        ({"Retry-After": " 7 "}, 7.0),
        ({"Retry-After": "Fri, 15 Jan 2027 08:01:40 GMT"}, 100.0),
        ({"Retry-After": "Fri, 15 Jan 2021 08:01:40 GMT"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "9" * 40}, None),
        ({"Retry-After": "-1"}, None),
        ({"RateLimit": '"api";r=0;t=55'}, 55.0),
        ({"RateLimit": '"api";r=0'}, None),
        ({}, None),
    ],
)
def test_what_an_answer_asks(headers: dict[str, str], expected: float | None) -> None:
    assert retry_after(headers, 1_800_000_000.0) == expected


async def test_a_call_is_repeated_until_it_goes_well() -> None:
    errors: list[StorageError] = [NETWORK, RateLimited("x", 30), SourceUnavailable("x")]
    clock = NotingClock()

    async def call() -> str:
        if errors:
            raise errors.pop(0)
        return "done"

    assert await retrying(call, POLICY, clock, random.Random(1)) == "done"
    assert len(clock.waits) == 3
    assert 30 <= clock.waits[1] <= 33


async def test_the_last_error_is_raised() -> None:
    clock = NotingClock()

    async def call() -> None:
        raise NETWORK

    with pytest.raises(NetworkError):
        await retrying(call, POLICY, clock, random.Random(1))
    assert len(clock.waits) == 4


@pytest.mark.parametrize(
    ("error", "scheme", "expected"),
    [
        (UnknownScheme("x"), "", "target_path_error"),
        (InvalidUri("x"), "hf", "invalid_hf_uri"),
        (InvalidUri("x"), "local", "invalid_local_uri"),
        (InvalidUri("x"), "oci", "invalid_uri"),
        (UnsupportedStorage("x"), "pvc", "unsupported_storage"),
        (LocalPathNotFound("x"), "local", "local_path_not_found"),
        (RateLimited("x"), "hf", "rate_limit_error"),
        (NetworkError("x"), "hf", "hf_download_error"),
        (ChecksumMismatch("x"), "hf", "hf_download_error"),
        (ChecksumMismatch("x"), "oci", "md5_verification_error"),
        (NetworkError("x"), "s3", "download_error"),
    ],
)
def test_labels_of_the_metric(error: StorageError, scheme: str, expected: str) -> None:
    assert metric_reason(error, scheme) == expected
