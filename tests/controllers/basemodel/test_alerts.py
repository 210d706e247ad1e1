"""Warning events: when a condition changes, each reason at most once a minute."""

from __future__ import annotations

import anyio

from ome.kube.resources import EVENTS
from tests.controllers.basemodel.world import (
    entry,
    model,
    new_cluster,
    operator,
    put_reports,
    warnings,
)
from tests.support.virtual_time import virtual

NODES = [f"n{number:02}" for number in range(20)]


def failing(reason: str, message: str) -> str:
    return entry("Failed", error={"reason": reason, "message": message})


@virtual
async def test_a_failure_is_told_once_with_its_object() -> None:
    cluster = new_cluster("n00")
    cluster.put(model())
    async with operator(cluster):
        put_reports(cluster, {"n00": failing("hf_download_error", "no route to host")})
        await anyio.sleep(600)
        (event,) = cluster.objects(EVENTS)
        assert event["reason"] == "ModelDownloadFailed"
        assert event["note"].startswith("1 node failed to download, first n00: no route to host; ")
        assert event["regarding"]["kind"] == "ClusterBaseModel"
        assert event["regarding"]["name"] == "m"
        assert "series" not in event


@virtual
async def test_a_burst_is_told_at_its_first_failure_and_once_more_after_a_minute() -> None:
    cluster = new_cluster(*NODES)
    cluster.put(model())
    async with operator(cluster):
        for node in reversed(NODES):
            put_reports(cluster, {node: failing("hf_download_error", "gone")})
            await anyio.sleep(1.5)
        assert len(warnings(cluster)) == 1
        await anyio.sleep(300)
        first, last = warnings(cluster)
        assert first[1].startswith("1 node failed to download, first n19: gone")
        assert last[1].startswith("20 nodes failed to download, first n00: gone")


@virtual
async def test_each_reason_has_its_own_minute() -> None:
    cluster = new_cluster(*NODES)
    cluster.put(model())
    async with operator(cluster):
        put_reports(
            cluster,
            {
                "n00": failing("md5_verification_error", "MD5 of x differs"),
                "n01": failing("StorageCredentialsNotFound", "Secret hub not found"),
                "n02": entry("Ready", error={"reason": "ConfigParseFailed", "message": "no JSON"}),
            },
        )
        await anyio.sleep(5)
        assert {reason for reason, _ in warnings(cluster)} == {
            "ModelDownloadFailed",
            "StorageCredentialsNotFound",
            "ConfigParseFailed",
        }


@virtual
async def test_downloads_that_failed_for_several_reasons_share_a_minute_and_each_is_told() -> None:
    cluster = new_cluster("n00", "n01", "n02")
    cluster.put(model())
    async with operator(cluster):
        reasons = ("disk_full", "unauthorized", "checksum_mismatch")
        put_reports(
            cluster, {f"n0{n}": failing(reason, reason) for n, reason in enumerate(reasons)}
        )
        await anyio.sleep(50)
        assert len(warnings(cluster)) == 1
        await anyio.sleep(300)
        told = warnings(cluster)
        assert {reason for reason, _ in told} == {"ModelDownloadFailed"}
        assert sorted(note.split(": ")[1].split(";")[0] for _, note in told) == sorted(reasons)


@virtual
async def test_what_was_mended_within_the_minute_is_not_told() -> None:
    cluster = new_cluster("n00", "n01")
    cluster.put(model())
    async with operator(cluster):
        put_reports(cluster, {"n00": failing("x", "first")})
        await anyio.sleep(5)
        put_reports(cluster, {"n01": failing("x", "second")})
        await anyio.sleep(5)
        put_reports(cluster, {"n00": "Ready", "n01": "Ready"})
        await anyio.sleep(300)
        assert len(warnings(cluster)) == 1


@virtual
async def test_a_bad_uri_is_told_and_mending_it_is_enough() -> None:
    cluster = new_cluster("n00")
    broken = model()
    broken["spec"]["storage"]["storageUri"] = "ftp://example/m"
    cluster.put(broken)
    async with operator(cluster):
        await anyio.sleep(5)
        ((reason, note),) = warnings(cluster)
        assert reason == "InvalidStorageURI"
        assert "ftp://example/m" in note
        cluster.put(model())
        await anyio.sleep(300)
        assert len(warnings(cluster)) == 1
