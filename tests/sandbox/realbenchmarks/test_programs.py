"""Pods as processes, with a script in place of genai-bench."""

from __future__ import annotations

import base64
import json
import stat
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from ome.kube.resources import CONFIGMAPS, SECRETS
from ome.sandbox.realbenchmarks.environment import Missing, variables_of
from ome.sandbox.realbenchmarks.programs import BenchmarkPrograms
from ome.workloads.benchmark.results import summary_at_end
from tests.workloads.benchmark.support import at_service, job, made

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    from ome.kube.resource import ObjectKey, Resource
    from ome.sandbox.cluster.kubelets.programs import Ended

RESULT = {
    "aggregated_metrics": {
        "scenario": "D(1,1)",
        "num_concurrency": 4,
        "requests_per_second": 2.5,
        "stats": {"ttft": {"p50": 0.25}},
    }
}
REPORTS = f"""
base=$(echo "$@" | sed 's/.*--experiment-base-dir \\([^ ]*\\).*/\\1/')
mkdir -p $base/run
echo '{json.dumps(RESULT)}' > $base/run/D1_1_text-to-text_num_concurrency_4_time_1s.json
echo "$@"; env
"""


class Objects:
    """A store of Secrets and ConfigMaps, as far as it is asked."""

    def __init__(self, *held: tuple[Resource, str, Mapping[str, str]]) -> None:
        self._held = {(resource, name): data for resource, name, data in held}

    def get(self, resource: Resource, key: ObjectKey) -> Any:
        data = self._held.get((resource, key.name))
        return None if data is None else _Stored({"data": data})


class _Stored:
    def __init__(self, document: dict[str, Any]) -> None:
        self.load = lambda: document


def secret(name: str, **values: str) -> tuple[Resource, str, dict[str, str]]:
    coded = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    return SECRETS, name, coded


def pod(**spec: Any) -> dict[str, Any]:
    template = made(job(**spec), at_service())["spec"]["template"]
    return {
        "metadata": {**template["metadata"], "uid": "u-1", "namespace": "team"},
        "spec": template["spec"],
    }


@asynccontextmanager
async def programs(
    tmp_path: Path, script: str, *held: tuple[Resource, str, Mapping[str, str]]
) -> AsyncIterator[BenchmarkPrograms]:
    tool = tmp_path / "tool"
    tool.write_text(f"#!/bin/sh\n{script}")
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    local: Any = Objects(*held)
    async with anyio.create_task_group() as group:
        yield BenchmarkPrograms(group, local, tool, "http://127.0.0.1:9", tmp_path / "here")
        group.cancel_scope.cancel()


async def until(holds: Callable[[], bool]) -> None:
    with anyio.fail_after(15):
        while True:
            if holds():
                return
            await anyio.sleep(0.02)


async def until_ended(running: BenchmarkPrograms, document: dict[str, Any]) -> Ended:
    done = anyio.Event()
    assert running.outcome(document, done.set) is None
    with anyio.fail_after(15):
        await done.wait()
    ended = running.outcome(document, done.set)
    assert ended is not None
    return ended


async def test_a_run_leaves_files_a_log_and_its_figures(tmp_path: Path) -> None:
    document = pod(
        outputLocation={"storageUri": "pvc://results/a", "key": "creds"},
        huggingFaceSecretReference={"name": "hub"},
    )
    assert document["spec"]["containers"][0]["args"].count("--model-tokenizer") == 1
    hub = secret("hub", HUGGINGFACE_API_KEY="hf-key")
    async with programs(tmp_path, REPORTS, hub) as running:
        assert running.covers(document)
        ended = await until_ended(running, document)
        assert (ended.code, ended.message) == (0, "")
        log = await running.log("u-1", None)
        assert log is not None
        assert f"--model-tokenizer {tmp_path}/here/tokenizer" in log
        assert "HUGGINGFACE_API_KEY=hf-key\n" in log
        assert "HF_HUB_OFFLINE=1\n" in log
        assert "VIRTUAL_ENV" not in log
        (run,) = summary_at_end(log)
        assert (run["concurrency"], run["ttftP50"]) == (4, "0.25")
        last = await running.log("u-1", 1)
        assert last is not None
        assert summary_at_end(last) == [run]
        again = {**document, "metadata": {**document["metadata"], "uid": "u-2"}}
        running.stop("u-1")
        await until_ended(running, again)
        assert await running.log("u-1", None) is None
    assert not list((tmp_path / "here" / "pods").iterdir())
    assert len(list((tmp_path / "here/claims/team/results/a/run").iterdir())) == 1


async def test_a_failure_ends_with_what_it_said_last(tmp_path: Path) -> None:
    script = "seq 1 3000; echo 'PermissionError: /results' >&2; exit 3"
    async with programs(tmp_path, script) as running:
        ended = await until_ended(running, pod())
        assert ended.code == 3
        assert ended.message.endswith("2999\n3000\nPermissionError: /results\n")
        assert len(ended.message) < 2048
        assert ended.message.count("\n") == 80


async def test_a_pod_that_goes_takes_its_process_along(tmp_path: Path) -> None:
    script = f"trap 'echo stopped > {tmp_path}/stopped; exit 1' TERM; echo on; sleep 60 & wait"
    async with programs(tmp_path, script) as running:
        assert running.outcome(pod(), lambda: None) is None
        await until(lambda: (tmp_path / "here/pods/u-1/log").exists())
        await until(lambda: (tmp_path / "here/pods/u-1/log").read_text() == "on\n")
        running.stop("u-1")
        await until(lambda: not list((tmp_path / "here" / "pods").iterdir()))
        assert (tmp_path / "stopped").exists()


async def test_what_keeps_a_container_from_starting_is_named(tmp_path: Path) -> None:
    async with programs(tmp_path, "exit 0") as running:
        document = pod(outputLocation={"storageUri": "s3://b", "key": "creds"})
        ended = await until_ended(running, document)
        assert (ended.code, ended.reason) == (128, "CreateContainerConfigError")
        assert ended.message == 'secret "creds" not found'
    async with programs(tmp_path / "..", "") as running:
        (tmp_path / ".." / "tool").unlink()
        ended = await until_ended(running, pod())
        assert (ended.code, ended.reason) == (128, "StartError")


def test_only_benchmarks_are_processes(tmp_path: Path) -> None:
    running = BenchmarkPrograms.__new__(BenchmarkPrograms)
    document = pod()
    assert running.covers(document)
    document["spec"]["containers"][0]["command"] = ["other"]
    assert not running.covers(document)
    document = pod()
    document["metadata"]["labels"] = {}
    assert not running.covers(document)


def test_variables_come_from_where_they_are_said_to() -> None:
    def read(*held: tuple[Resource, str, Mapping[str, str]], **container: Any) -> dict[str, str]:
        document = {"metadata": {"namespace": "n"}, "spec": {"containers": [container]}}
        local: Any = Objects(*held)
        return variables_of(document, local)

    held = (secret("s", A="1", B="2"), (CONFIGMAPS, "c", {"B": "3"}))
    sources = [{"secretRef": {"name": "s"}}, {"configMapRef": {"name": "c"}, "prefix": "X_"}]
    env = [
        {"name": "A", "value": "own"},
        {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "s", "key": "B"}}},
        {"name": "CONFIG", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "B"}}},
    ]
    found = read(*held, envFrom=sources, env=env)
    assert found == {"A": "own", "B": "2", "X_B": "3", "KEY": "2", "CONFIG": "3"}
    missing = {"name": "N", "valueFrom": {"secretKeyRef": {"name": "s", "key": "no"}}}
    with pytest.raises(Missing, match="couldn't find key no in Secret n/s"):
        read(*held, env=[missing])
    missing["valueFrom"]["secretKeyRef"]["optional"] = True  # type: ignore[index]
    assert read(*held, env=[missing]) == {}
    assert read(envFrom=[{"secretRef": {"name": "gone", "optional": True}}]) == {}
