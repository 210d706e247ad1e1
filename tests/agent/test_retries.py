"""What a failed download means."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from ome.agent.fetch.child import FetchFailed
from ome.agent.protocol import EntryError
from ome.agent.retries import PathTaken, entry_error, metric_of, pause_after
from ome.storage.errors import AccessDenied, ChecksumMismatch, DiskFull, RateLimited, UnknownScheme

if TYPE_CHECKING:
    from ome.errors import StorageError


@pytest.mark.parametrize(
    ("failures", "error", "minutes"),
    [
        (1, DiskFull("x"), 1),
        (2, DiskFull("x"), 2),
        (3, ChecksumMismatch("x"), 5),
        (4, FetchFailed("x"), 10),
        (5, FetchFailed("x"), 30),
        (99, FetchFailed("x"), 30),
        (1, AccessDenied("x"), 30),
        (1, FetchFailed("x", "gated"), 30),
    ],
)
def test_a_failed_model_is_tried_again(failures: int, error: StorageError, minutes: int) -> None:
    rng = random.Random(1)
    pauses = [pause_after(failures, error, rng) / 60 for _ in range(200)]
    assert minutes * 0.8 <= min(pauses) < minutes * 0.85
    assert minutes * 1.15 < max(pauses) <= minutes * 1.2


def test_a_source_that_names_a_time_is_left_alone_so_long() -> None:
    for error in (RateLimited("x", 5000.0), FetchFailed("x", "rate_limited", retry_after=5000.0)):
        assert 5000 <= pause_after(1, error, random.Random(1)) <= 5500


def test_a_missing_secret_is_the_reason_of_a_refusal_and_of_nothing_else() -> None:
    told = entry_error(AccessDenied("HTTP 401"), "Secret a/b does not exist")
    assert told == EntryError(
        "StorageCredentialsNotFound", "Secret a/b does not exist; without it: HTTP 401"
    )
    assert entry_error(DiskFull("full"), "Secret a/b does not exist") == EntryError(
        "disk_full", "full"
    )
    assert entry_error(AccessDenied("HTTP 401"), "") == EntryError("unauthorized", "HTTP 401")


def test_reasons_in_the_metrics() -> None:
    assert metric_of(PathTaken("x"), "hf") == "target_path_error"
    assert metric_of(UnknownScheme("x"), "nonsense") == "target_path_error"
    assert metric_of(FetchFailed("x", "network", "hf_download_error"), "hf") == "hf_download_error"
    assert metric_of(ChecksumMismatch("x"), "oci") == "md5_verification_error"
