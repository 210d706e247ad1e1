"""Probes and metrics of the agent, and the names they have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import pytest

from ome.agent.disk import Disk
from ome.agent.metrics import AgentMetrics
from ome.agent.models import Model
from ome.agent.serving import agent_app
from ome.agent.shapes import instance_types, shape_of
from ome.errors import UserError
from ome.kube.resource import ObjectKey
from ome.reconciler.health import HttpServer

if TYPE_CHECKING:
    from pathlib import Path

A_MODEL = Model("BaseModel", ObjectKey("ns", "m"), "u", 1, {}, {"storageUri": "hf://a/b"}, {})


async def test_what_probes_hear(tmp_path: Path) -> None:
    disk, synced = Disk([str(tmp_path / "models")]), False
    app = agent_app(AgentMetrics(process=False).registry, disk.problem, lambda: synced, None)
    server = HttpServer(app, "127.0.0.1", 0)
    port = await server.start()

    async def asked(session: aiohttp.ClientSession, path: str) -> tuple[int, str]:
        async with session.get(f"http://127.0.0.1:{port}{path}") as answer:
            return answer.status, await answer.text()

    try:
        async with aiohttp.ClientSession() as session:
            one = "/healthz/model-agent-health"
            failed = "[-]model-agent-health failed: reason withheld\nhealthz check failed\n"
            assert await asked(session, "/healthz") == (500, failed)
            assert await asked(session, "/healthz?exclude=model-agent-health") == (200, "ok")
            missing = "internal server error: no such file or directory\n"
            assert await asked(session, one) == (500, missing)
            assert await asked(session, "/livez") == await asked(session, "/livez/ping")
            assert await asked(session, "/livez") == (200, "ok")
            (tmp_path / "models").write_text("")
            assert "models is not a directory" in (await asked(session, one))[1]
            (tmp_path / "models").unlink()
            (tmp_path / "models").mkdir()
            assert await asked(session, one) == (200, "ok")
            passed = "[+]model-agent-health ok\nhealthz check passed\n"
            assert await asked(session, "/healthz?verbose") == (200, passed)
            not_yet = "[-]informer-sync failed: reason withheld\nreadyz check failed\n"
            assert await asked(session, "/readyz") == (500, not_yet)
            synced = True
            assert await asked(session, "/readyz") == (200, "ok")
            assert (await asked(session, "/peer/v1/sha256/00"))[0] == 404
    finally:
        await server.stop()


def test_series_of_a_model_come_and_go() -> None:
    metrics = AgentMetrics(process=False)
    labels = metrics.of(A_MODEL)
    metrics.errors.labels(*labels, "hf_download_error").inc()
    metrics.seconds.labels(*labels).observe(3)
    wanted = {"model_type": "BaseModel", "namespace": "ns", "name": "m"}
    name = "model_agent_download_errors_total"
    sample = {**wanted, "reason": "hf_download_error"}
    assert metrics.registry.get_sample_value(name, sample) == 1
    for bound in ("0.1", "51.2", "102.4", "21600.0"):
        bucket = {**wanted, "le": bound}
        held = metrics.registry.get_sample_value(
            "model_agent_download_duration_seconds_bucket", bucket
        )
        assert held is not None
    metrics.forget(A_MODEL)
    assert metrics.registry.get_sample_value(name, sample) is None


@pytest.mark.parametrize(
    ("labels", "text", "wanted"),
    [
        ({"node.kubernetes.io/instance-type": "BM.GPU.H100.8"}, "", "H100"),
        ({"beta.kubernetes.io/instance-type": "p5.48xlarge"}, "{}", "H100"),
        ({"node.kubernetes.io/instance-type": "other"}, "", "other"),
        ({"node.kubernetes.io/instance-type": "BM.GPU.H100.8"}, '{"x": "y"}', "BM.GPU.H100.8"),
        ({}, "", ""),
    ],
)
def test_the_short_name_of_gpus(labels: dict[str, str], text: str, wanted: str) -> None:
    assert shape_of(labels, instance_types(text)) == wanted


@pytest.mark.parametrize("text", ["{", "[]", '{"a": 1}'])
def test_a_map_that_cannot_be_read(text: str) -> None:
    with pytest.raises(UserError, match="failed to parse INSTANCE_TYPE_MAP: "):
        instance_types(text)
