"""The init container that sees whether a model is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from ome.cli.jobs.configuration import Configuration, JobFailed
from ome.cli.jobs.enigma import check
from tests.cli.jobs.support import ended, failing
from tests.kube.server import serving

if TYPE_CHECKING:
    from pathlib import Path

ENGINE = {"model_framework": "tensorrtllm", "tensorrtllm_version": "1.0", "num_of_gpu": 8}


def config(path: Path, **file: Any) -> Configuration:
    given = {"model_name": "m", "local_path": str(path), "disable_model_decryption": True}
    return Configuration({}, {}, {**given, **file})


async def test_a_model_that_is_not_encrypted_is_only_looked_at(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    await check(config(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["a"]  # noqa: ASYNC240


@pytest.mark.parametrize(
    ("folder", "file", "text"),
    [
        ("none", {}, "m model directory .*none does not exist"),
        ("empty", {}, "m model directory .*empty is empty"),
        ("full", {"disable_model_decryption": False}, "m is to be decrypted, which this agent"),
        ("full", {**ENGINE, "node_shape_alias": "H100"}, "full/1.0/H100/8Gpu does not exist"),
        ("full", {**ENGINE, "node_shape_alias": "H100", "num_of_gpu": None}, "num_of_gpu is req"),
    ],
)
async def test_what_ends_the_pod(
    folder: str, file: dict[str, Any], text: str, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").write_text("x")
    with pytest.raises(JobFailed, match=text):
        await check(config(tmp_path / folder, **file))


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_the_shape_of_the_machine_comes_from_its_cloud(version: str, tmp_path: Path) -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if f"/opc/{version}/instance" != request.path:
            return web.Response(status=404)
        wanted = "Bearer Oracle" if version == "v2" else None
        assert request.headers.get("Authorization") == wanted
        return web.json_response({"shape": "BM.GPU.H100.8"})

    place = tmp_path / "1.0" / "H100" / "8Gpu"
    place.mkdir(parents=True)
    (place / "rank0.engine").write_text("x")
    async with serving(answer) as url:
        await check(config(tmp_path, **ENGINE), url)
        # A model that is trained with has no engines.
        await check(config(tmp_path, **ENGINE, model_type="Training"), url)


async def test_a_cloud_that_does_not_tell(tmp_path: Path) -> None:
    with pytest.raises(JobFailed, match="node_shape_alias is not set"):
        await check(config(tmp_path, **ENGINE), "http://127.0.0.1:9")


def test_the_name_ome_agent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said, _ = ended(capsys, ["--help"], 0)
    for name in (
        "enigma", "fine-tuned-adapter", "hf-download", "model-metadata", "replica", "serving-agent",
    ):  # fmt: skip
        assert f"\n  {name} " in said
        told, _ = ended(capsys, [name, "--help"], 0)
        assert "--config" in told
        assert "--debug" in told
        assert failing(capsys, name) == "no config file provided; name it by --config\n"
    assert ended(capsys, ["--version"], 0)[0].startswith("gitVersion=")
    file = tmp_path / "agent.yaml"
    file.write_text("local_path: /none\n")
    assert "does not exist" in failing(capsys, "enigma", "--config", str(file), "--debug")
