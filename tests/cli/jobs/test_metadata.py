"""The metadata of a mounted model, and the settings of all subcommands."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import msgspec
import pytest

from ome.agent.protocol import Config
from ome.cli import main
from ome.cli.jobs.configuration import Configuration, JobFailed
from ome.cli.jobs.metadata import fill_spec, report
from ome.clock import SystemClock
from ome.controllers.resources import CLUSTER_BASE_MODELS
from ome.errors import Conflict, Forbidden
from ome.kube import Client
from ome.kube.resource import ObjectKey
from ome.modelconfig.describe import describe
from ome.modelconfig.directory import LocalDirectory
from ome.sandbox.safetensors_files import llama_repository
from tests.support.fake_cluster import FakeCluster

if TYPE_CHECKING:
    from pathlib import Path

KEY = ObjectKey("", "m")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name, content in llama_repository(2).items():
        path = tmp_path / "model" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "model"


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        main(["agent", "model-metadata", *words])
    assert isinstance(ended.value.code, int)
    return ended.value.code, capsys.readouterr().err


def test_a_report_is_the_config_of_an_entry(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    message = tmp_path / "message"
    words = ["--config=/ome-agent.yaml", f"--model-path={files}", "--basemodel-name=m"]
    told = ["--cluster-scoped", "--report", f"--termination-message-path={message}"]
    assert run(capsys, *words, *told)[0] == 0
    config = msgspec.json.decode(message.read_bytes(), type=Config)
    assert (config.model_type, config.max_tokens) == ("llama", 2048)
    assert config.model_parameter_size == "92.56K"
    assert len(message.read_bytes()) < 4096


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ([], "no config file provided"),
        (["--config=/x"], "configuration file has no extension"),
        (["--config=/x.ini"], "unsupported configuration file extension: .ini"),
        (["--config=/x.yaml"], "model_path is required"),
        (["--config=/x.yaml", "--model-path=/x", "--basemodel-name=m"], "basemodel_namespace is"),
        (
            ["-c=/x.yaml", "--model-path=/none", "--basemodel-name=m", "--cluster-scoped"],
            "failed to load model config from /none",
        ),
    ],
)
def test_what_is_missing_is_told(
    words: list[str], wanted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = run(capsys, *words)
    assert code == 1
    assert wanted in text


async def test_the_spec_is_filled_where_the_user_left_it_open(files: Path) -> None:
    record = describe(LocalDirectory(str(files)))
    cluster = FakeCluster(CLUSTER_BASE_MODELS, clock=SystemClock())
    spec = {"modelType": "mine", "storage": {"storageUri": "pvc://claim/m"}}
    made = {"apiVersion": "ome.io/v1beta1", "kind": "ClusterBaseModel", "metadata": {"name": "m"}}
    cluster.put({**made, "spec": spec})
    client = Client(cluster, clock=SystemClock(), rng=random.Random(1))
    cluster.fail("update", CLUSTER_BASE_MODELS, Conflict("changed"))
    changed = await fill_spec(client, KEY, record)
    assert "modelArchitecture" in changed
    assert "modelType" not in changed
    found = cluster.object(CLUSTER_BASE_MODELS, KEY)
    assert found is not None
    assert found["spec"]["modelType"] == "mine"
    assert found["spec"]["maxTokens"] == 2048
    assert await fill_spec(client, KEY, record) == []
    cluster.fail("get", CLUSTER_BASE_MODELS, Forbidden("no"))
    with pytest.raises(JobFailed, match="failed to get ClusterBaseModel m: no"):
        await fill_spec(client, KEY, record)


def test_a_long_report_leaves_out_what_is_largest(files: Path) -> None:
    record = describe(LocalDirectory(str(files)))
    object.__setattr__(record, "torch_dtype", "x" * 5000)
    config = msgspec.json.decode(report(record), type=Config)
    assert config.decoded_model_configuration is None
    assert config.model_type == "llama"


def test_flags_win_over_environment_over_file_over_imports(tmp_path: Path) -> None:
    (tmp_path / "base.json").write_text('{"a": 1, "b": {"c": "base", "d": "base"}, "e": true}')
    (tmp_path / "main.yaml").write_text("imports: [base.json, main.yaml]\nb: {c: main}\nf: 4\n")
    environ = {"OME_AGENT_F": "env", "OME_AGENT_G": "env"}
    config = Configuration.read(str(tmp_path / "main.yaml"), {"g": "flag"}, environ)
    said = [config.text(key, "default") for key in ("a", "b.c", "b.d", "f", "g", "h")]
    assert said == ["1", "main", "base", "env", "flag", "default"]
    assert config.yes("e")
    assert not config.yes("h")
    with pytest.raises(JobFailed, match=r"b.x is required; set it .* by OME_AGENT_B_X"):
        config.required("b.x")
    (tmp_path / "bad.toml").write_text("= 1")
    with pytest.raises(JobFailed, match=r"bad\.toml"):
        Configuration.read(str(tmp_path / "bad.toml"), {}, {})
