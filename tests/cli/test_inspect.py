"""``ome inspect`` on directories and on a hub."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import anyio
import anyio.from_thread
import anyio.lowlevel
import pytest

from ome.cli import main
from ome.modelconfig.describe import describe
from ome.modelconfig.spec import rules_of, spec_values
from ome.sandbox.hub import Hub, Repository, running_hub
from ome.sandbox.safetensors_files import llama_repository, safetensors
from tests.modelconfig.support import directory

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

FILES = llama_repository(3)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    return tmp_path


@contextmanager
def hub_in_a_thread(repositories: Mapping[str, Repository]) -> Iterator[Hub]:
    """A hub beside the command, which runs an event loop of its own."""
    ready = threading.Event()
    held: dict[str, Any] = {}

    async def serve() -> None:
        held["done"] = done = anyio.Event()
        async with running_hub(repositories) as hub:
            held["hub"], held["token"] = hub, anyio.lowlevel.current_token()
            ready.set()
            await done.wait()

    thread = threading.Thread(target=lambda: anyio.run(serve))
    thread.start()
    assert ready.wait(10)
    try:
        yield held["hub"]
    finally:
        anyio.from_thread.run_sync(held["done"].set, token=held["token"])
        thread.join(10)


def output(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as raised:
        main(["inspect", *words])
    printed = capsys.readouterr()
    code = raised.value.code
    assert isinstance(code, int)
    return code, printed.out, printed.err


def test_a_directory_as_json(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = output(capsys, str(model), "-o", "json")
    assert (code, err) == (0, "")
    report = json.loads(out)
    record = describe(directory(FILES))
    assert report == {
        "source": str(model),
        "files": len(FILES),
        "totalBytes": sum(map(len, FILES.values())),
        "configFile": "config.json",
        "family": "llama",
        "spec": spec_values(record),
        "rules": rules_of(record),
        "notes": [],
    }


def test_a_directory_as_text(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = output(capsys, str(model))
    lines = {line.split()[0]: line.split() for line in out.splitlines() if line}
    assert lines["modelType"][1:] == ["llama", "model_type"]
    assert lines["modelFormat"][1:3] == ["safetensors", "1.0.0"]
    assert lines["modelParameterSize"][1] == "92.56K"
    assert "headers of 3 files of model.safetensors.index.json" in out
    assert lines["read"][1:] == ["config.json", "as", "llama"]


def test_a_note_says_what_could_not_be_read(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (model / "model-00002-of-00003.safetensors").unlink()
    _, out, _ = output(capsys, str(model))
    assert "note: parameters not counted from weights:" in out


def test_a_repository_of_a_hub(capsys: pytest.CaptureFixture[str]) -> None:
    large = {**FILES, "model-00001-of-00003.safetensors": safetensors({"w": ("F32", [500_000])})}
    with hub_in_a_thread({"org/tiny": Repository(large)}) as hub:
        code, out, err = output(
            capsys, "hf://org/tiny", "--parameter", f"endpoint={hub.url}", "-o=json"
        )
        assert (code, err) == (0, "")
        assert sum(hub.served.values()) < 500_000
    report = json.loads(out)
    assert report["revision"] == "c" * 40
    record = describe(directory(large))
    assert report["spec"] == spec_values(record)
    assert report["rules"] == rules_of(record)


def test_a_header_longer_than_its_head(capsys: pytest.CaptureFixture[str]) -> None:
    many = safetensors({f"model.layers.{n}.weight": ("F32", [1]) for n in range(3000)})
    files = {"config.json": FILES["config.json"], "model.safetensors": many}
    with hub_in_a_thread({"tiny": Repository(files)}) as hub:
        _, out, _ = output(capsys, "hf://tiny", f"--parameter=endpoint={hub.url}", "-o=json")
    assert json.loads(out)["spec"]["modelParameterSize"] == "3K"


def test_a_repository_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    with hub_in_a_thread({}) as hub:
        code, _, err = output(capsys, "hf://org/none", f"--parameter=endpoint={hub.url}")
    assert code == 1
    assert err.startswith("ome inspect: hf://org/none: HTTP 401: Repository 'org/none' not found")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        ([], 2, "expected one directory or storage URI"),
        (["a", "b"], 2, "expected one directory or storage URI"),
        (["/nonexistent/x"], 2, "no such directory"),
        (["hf://"], 2, "invalid Hugging Face storage URI format: missing model ID"),
        (["ftp://x/y"], 2, "unknown storage type for URI: ftp://x/y"),
        (["pvc://claim/x"], 2, "pvc:// cannot be downloaded: pods mount the claim"),
        (["vendor://v/models/m"], 2, "vendor:// cannot be downloaded"),
        (["local:///nonexistent/x"], 1, "local model path does not exist: /nonexistent/x"),
        (["hf://a/b", "--parameter=x"], 2, "--parameter=x: expected KEY=VALUE"),
        (["hf://a/b", "--parameter=token=hunter2"], 2, "put credentials into the environment"),
        (["hf://a/b", "-o", "xml"], 2, "expected one of"),
    ],
)
def test_mistakes(
    words: list[str], code: int, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found, out, err = output(capsys, *words)
    assert (found, out) == (code, "")
    assert text in err
    assert "hunter2" not in err
    assert len(err.splitlines()) == 1


def test_a_directory_without_a_configuration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = output(capsys, str(tmp_path))
    assert code == 1
    assert "no model_index.json or config.json found in" in err


def test_a_local_uri(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = output(capsys, f"local://{model}", "-o", "json")
    assert code == 0
    assert json.loads(out)["spec"] == spec_values(describe(directory(FILES)))
