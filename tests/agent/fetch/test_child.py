"""Downloads in processes of their own, which are killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import anyio
import msgspec
import pytest

from ome.agent.fetch import child
from ome.agent.fetch.child import FetchFailed, fetch_in_child
from ome.sandbox.hub import Repository, Trouble, running_hub
from ome.sandbox.safetensors_files import llama_repository, safetensors
from tests.agent.fetch.support import job
from tests.storage.support import on_disk

if TYPE_CHECKING:
    from pathlib import Path

    from ome.agent.protocol import Progress
    from ome.sandbox.hub import Hub

pytestmark = pytest.mark.timeout(120)
"""A busy machine is no failure: it takes seconds to begin a process."""

FILES = llama_repository(3)
SHARD = "model-00002-of-00003.safetensors"
_LARGEST = 200_000
_IN_FLIGHT = 4 * _LARGEST
"""What may be lost by a kill: the unwritten parts of as many files as are fetched at once."""


async def test_a_child_fetches_and_tells(tmp_path: Path) -> None:
    told: list[Progress] = []
    async with running_hub({"org/tiny": Repository(FILES)}) as hub:
        done = await fetch_in_child(job(hub, tmp_path), told.append)
    assert on_disk(tmp_path / "hf:" / "org" / "tiny") == FILES
    assert done.config is not None
    assert told[-1].completed_bytes == told[-1].total_bytes == sum(map(len, FILES.values()))
    assert told[-1].phase == "finalizing"


async def test_a_child_tells_of_its_waits_for_a_rate_limit(tmp_path: Path) -> None:
    waits: list[float] = []
    async with running_hub({"org/tiny": Repository(FILES)}) as hub:
        hub.troubles.append(Trouble("/api/", 1, 429, {"Retry-After": "1"}))
        hub.troubles.append(Trouble(SHARD, 1, 429))
        hub.troubles.append(Trouble("config.json", 1, 500))
        await fetch_in_child(job(hub, tmp_path), limited=waits.append)
    assert len(waits) == 2
    assert 1.0 <= waits[0] <= 1.1


@pytest.mark.slow
async def test_a_failure_comes_through_with_its_reason(tmp_path: Path) -> None:
    async with running_hub({}) as hub:
        with pytest.raises(FetchFailed, match="Repository 'org/tiny' not found") as raised:
            await fetch_in_child(job(hub, tmp_path))
        hub.repositories["org/tiny"] = Repository(FILES)
        hub.troubles.append(Trouble("/api/", 9, 429, {"Retry-After": "5000"}))
        with pytest.raises(FetchFailed) as limited:
            await fetch_in_child(job(hub, tmp_path))
    error = raised.value
    assert (error.reason, error.metric, error.retryable) == (
        "not_found",
        "hf_download_error",
        False,
    )
    late = limited.value
    assert (late.reason, late.metric, late.retry_after) == (
        "rate_limited",
        "rate_limit_error",
        5000,
    )


async def test_credentials_stand_in_no_argument_and_no_output(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with running_hub({"org/tiny": Repository(FILES, tokens=("hunter2",))}) as hub:
        hub.known_tokens.add("hunter2")
        hub.troubles.append(Trouble(SHARD, 1, chunk_seconds=0.3))
        seen: list[str] = []

        async def look() -> None:
            await hub.until_served(SHARD, 1)
            listed = await anyio.run_process(["ps", "-eo", "args"])
            seen.append(listed.stdout.decode())

        async with anyio.create_task_group() as group:
            group.start_soon(look)
            await fetch_in_child(job(hub, tmp_path, credentials={"token": "hunter2"}))
    assert "ome.agent.fetch" in seen[0]
    assert "hunter2" not in seen[0]
    printed = capfd.readouterr()
    assert "hunter2" not in printed.out + printed.err


@pytest.mark.slow
async def test_cancelling_kills_the_child(tmp_path: Path) -> None:
    async with running_hub({"org/tiny": Repository(FILES)}) as hub:
        hub.troubles.append(Trouble(SHARD, 1, chunk_seconds=5.0))
        async with anyio.create_task_group() as group:
            group.start_soon(fetch_in_child, job(hub, tmp_path))
            await hub.until_served(SHARD, 1)
            group.cancel_scope.cancel()
        hub.troubles.clear()
        # The lock is free: nobody works on it any more.
        await fetch_in_child(job(hub, tmp_path))
    assert on_disk(tmp_path / "hf:" / "org" / "tiny") == FILES


async def test_a_child_ends_with_its_parent(tmp_path: Path) -> None:
    async with running_hub({"org/tiny": Repository(FILES)}) as hub:
        hub.troubles.append(Trouble(SHARD, 1, chunk_seconds=30.0))
        command = [sys.executable, "-m", "ome.agent.fetch"]
        pipe = subprocess.PIPE
        async with await anyio.open_process(command, stdin=pipe, stdout=pipe) as child:
            assert child.stdin is not None
            await child.stdin.send(msgspec.json.encode(job(hub, tmp_path)) + b"\n")
            await hub.until_served(SHARD, 1)
            await child.stdin.aclose()
            with anyio.fail_after(60):
                assert await child.wait() == 1


async def run_until(hub: Hub, wanted: bytes, served: int) -> bool:
    """A child that is killed when the hub has sent so much; whether it ended before."""
    command = [sys.executable, "-m", "ome.agent.fetch"]
    pipe = subprocess.PIPE
    start = sum(hub.served.values())
    async with await anyio.open_process(command, stdin=pipe, stdout=pipe) as child:
        assert child.stdin is not None
        await child.stdin.send(wanted + b"\n")
        async with anyio.create_task_group() as group:

            async def ended() -> None:
                await child.wait()
                group.cancel_scope.cancel()

            group.start_soon(ended)
            await hub.until_total(start + served)
            if child.returncode is None:
                os.kill(child.pid, signal.SIGKILL)
        return child.returncode == 0


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [1, 2])
async def test_killed_at_random_nothing_whole_is_fetched_twice(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    files = {
        f"part-{n:02}.safetensors": safetensors({"w": ("U8", [rng.randrange(_LARGEST)])}, seed=n)
        for n in range(48)
    } | {"config.json": FILES["config.json"], "empty.txt": b""}
    place = tmp_path / "hf:" / "org" / "tiny"
    staging = place.with_name(".tiny.fetching")
    async with running_hub({"org/tiny": Repository(files)}) as hub:
        hub.troubles.append(Trouble("part-", 10_000, chunk_seconds=0.001))
        wanted = msgspec.json.encode(job(hub, tmp_path))
        rounds = 0
        while not await run_until(hub, wanted, rng.randrange(100_000, 2_500_000)):
            rounds += 1
            assert rounds < 60
            work = place if place.exists() else staging
            whole = {name for name in on_disk(work) if not name.endswith(".incomplete")}
            for name in whole:
                assert (work / name).read_bytes() == files[name]
            for name in whole:
                # What is whole is never asked for again.
                hub.finished.add(name)
        assert rounds > 1
        assert hub.asked_again == set()
        total = sum(map(len, files.values()))
        assert sum(hub.served.values()) <= total + rounds * _IN_FLIGHT
    assert on_disk(place) == files
    assert not staging.exists()


async def test_a_child_that_says_too_much_has_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not the agent, which fetches other models meanwhile."""
    babbler = tmp_path / "babbler"
    babbler.write_text("#!/bin/sh\nyes | tr -d '\\n'\n")
    babbler.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(babbler))
    async with running_hub({}) as hub:
        with anyio.fail_after(60):
            with pytest.raises(FetchFailed, match="said more than 4194304 bytes in a line"):
                await fetch_in_child(job(hub, tmp_path))


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("nonsense", "none of its answers"),
        ('{"failed": {"of": "another version"}}', "none of its answers"),
        ('{"done": 1}', "none of its answers"),
        (r"\0377", "none of its answers"),
        ("", "none of its answers"),
    ],
)
async def test_a_child_that_says_nonsense_has_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, text: str
) -> None:
    babbler = tmp_path / "babbler"
    babbler.write_text(f"#!/bin/sh\nprintf '%b\\n' '{said}'\nsleep 60\n")
    babbler.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(babbler))
    async with running_hub({}) as hub:
        with anyio.fail_after(60), pytest.raises(FetchFailed, match=text):
            await fetch_in_child(job(hub, tmp_path))


async def test_a_machine_that_begins_no_process_fails_the_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nowhere"))
    async with running_hub({}) as hub:
        with pytest.raises(FetchFailed, match="no process for the download of hf://org/tiny"):
            await fetch_in_child(job(hub, tmp_path))


async def test_a_defect_in_the_child_is_told_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    async def defect(*_: object) -> None:
        raise KeyError("of the\nfuture \udcff")

    async def forever() -> None:
        await anyio.sleep_forever()

    monkeypatch.setattr(child, "fetch_model", defect)
    monkeypatch.setattr(child, "_die_with_parent", forever)
    async with running_hub({}) as hub:
        await child._run(job(hub, tmp_path))
    said = capsysbinary.readouterr().out.splitlines()[-1]
    failed = msgspec.json.decode(said)["failed"]
    assert failed["reason"] == "internal_error"
    assert failed["message"].startswith("an error of the agent itself, KeyError: ")
    assert failed["retryable"]
