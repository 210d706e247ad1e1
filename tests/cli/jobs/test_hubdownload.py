"""A repository of a hub, fetched once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from ome.cli.jobs.configuration import Configuration, JobFailed
from ome.cli.jobs.hubdownload import snapshot_of, take
from ome.errors import StorageError
from ome.sandbox.hub import Repository, Trouble, running_hub
from ome.sandbox.safetensors_files import llama_repository
from ome.storage.errors import SourceNotFound
from ome.storage.uris import HuggingFaceUri
from tests.cli.jobs.support import failing
from tests.storage.support import NotingClock, around, on_disk

if TYPE_CHECKING:
    from pathlib import Path

FILES = llama_repository(2)


def config(environ: dict[str, str] | None = None, **file: Any) -> Configuration:
    return Configuration({}, environ or {}, {"model_name": "org/tiny", "local_path": "/x", **file})


async def test_a_whole_repository(tmp_path: Path) -> None:
    clock = NotingClock()
    async with running_hub({"org/tiny": Repository(FILES, tokens=("t",))}) as hub:
        hub.known_tokens.add("t")
        hub.troubles.append(Trouble("/api/", 1, 500))
        environ = {"OME_AGENT_HF_TOKEN": "t", "OME_AGENT_LOCAL_PATH": str(tmp_path / "m")}
        wanted = snapshot_of(config(environ, endpoint=hub.url, retry_interval="2s"))
        done = await take(wanted, around(clock))
    assert on_disk(tmp_path / "m") == FILES
    assert done.listing.revision == "c" * 40
    (wait,) = clock.waits
    assert 2 <= wait <= 3


@pytest.mark.parametrize("kind", ["dataset", "space"])
async def test_repositories_of_other_kinds(tmp_path: Path, kind: str) -> None:
    files = {"data/train.jsonl": b"{}\n" * 5, "README.md": b"# data\n"}
    async with running_hub({f"{kind}s/org/tiny": Repository(files)}) as hub:
        wanted = snapshot_of(
            config(endpoint=hub.url, repo_type=kind, local_path=str(tmp_path / "d"))
        )
        await take(wanted, around())
        assert on_disk(tmp_path / "d") == files
        missing = snapshot_of(config(endpoint=hub.url, repo_type=kind, model_name="org/none"))
        with pytest.raises(SourceNotFound, match=f"{kind.title()} repository 'org/none' not found"):
            await take(missing, around())
        # Of a model of the same name there is nothing.
        with pytest.raises(SourceNotFound, match="Repository 'org/tiny' not found"):
            await take(snapshot_of(config(endpoint=hub.url)), around())


def test_what_is_set_and_what_is_not() -> None:
    wanted = snapshot_of(config())
    assert wanted.uri == HuggingFaceUri("org/tiny", "main")
    assert (wanted.workers, wanted.policy.attempts, wanted.policy.interval) == (4, 11, 15.0)
    assert wanted.deadline == 7200
    wanted = snapshot_of(config(revision="refs/pr/7", max_workers=9, download_timeout="1h30m"))
    assert (wanted.uri.revision, wanted.workers, wanted.deadline) == ("refs/pr/7", 9, 5400)
    assert snapshot_of(config(max_retries=0)).policy.attempts == 1


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ({"model_name": None}, "model_name is required"),
        ({"local_path": ""}, "local_path is required"),
        ({"max_workers": 0}, "max workers must be positive: max_workers is 0"),
        ({"chunk_size": -1}, "chunk size must be positive"),
        ({"max_retries": -1}, "max retries cannot be negative"),
        ({"max_workers": "many"}, "max_workers: 'many': expected a number"),
        ({"log_level": "loud"}, "invalid log level: loud. Valid levels: [trace debug info"),
        ({"repo_type": "thing"}, "invalid repo type: thing. Accepted types are: [model dataset"),
        ({"endpoint": "hub"}, "endpoint: 'hub': expected a URL"),
        ({"retry_interval": "soon"}, "retry_interval: 'soon': expected a duration"),
        ({"local_files_only": True}, "nothing can be fetched with it"),
        ({"verify_ssl": False}, "certificates are always verified"),
    ],
)
def test_mistakes_in_the_settings(file: dict[str, Any], text: str) -> None:
    with pytest.raises(JobFailed) as raised:
        snapshot_of(config(**file))
    assert text in str(raised.value)


def test_a_name_that_is_none() -> None:
    with pytest.raises(StorageError, match='model ID "a/b/c" must be'):
        snapshot_of(config(model_name="a/b/c"))


def test_the_command_says_what_failed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "agent.yaml"
    wrong = {"model_name": "org/tiny", "local_path": str(tmp_path), "max_retries": 0}
    file.write_text(yaml.safe_dump({**wrong, "endpoint": "http://127.0.0.1:9"}))
    assert failing(capsys, "hf-download", f"--config={file}") == (
        "hf-download encountered an error during execution: model download failed:"
        " http://127.0.0.1:9: Connection refused; see that it can be reached, or set a proxy"
        " (HTTPS_PROXY) or a mirror (HF_ENDPOINT)\n"
    )
    assert failing(capsys, "hf-download") == "no config file provided; name it by --config\n"
