"""Providers by scheme; their libraries come late."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ome.storage import registry
from ome.storage.errors import MissingExtra, UnsupportedStorage
from ome.storage.uris import SCHEMES
from tests.storage.support import opened


@pytest.mark.parametrize("uri", ["pvc://claim/x", "vendor://v/models/m"])
async def test_schemes_without_files(uri: str) -> None:
    with pytest.raises(UnsupportedStorage, match="cannot be downloaded"):
        async with opened(uri):
            pass


def test_every_scheme_has_a_provider_or_needs_none() -> None:
    held = {*registry.PROVIDERS, "http", "pvc", "vendor"}
    assert held == set(SCHEMES)


@pytest.mark.parametrize(
    "uri",
    ["hf://o/m", "s3://b/p", "az://a/c", "github://o/r", "local:///x", "https://h/m", "http://h/m"],
)
async def test_opening_asks_nothing_of_the_network(uri: str) -> None:
    async with opened(uri) as source:
        assert source is not None


async def test_a_library_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.PROVIDERS, "local", ("disk", "open_local"))
    monkeypatch.delitem(sys.modules, "ome.storage.providers.disk", raising=False)

    def absent(name: str) -> None:
        raise ModuleNotFoundError(name="exotic")

    monkeypatch.setattr(registry, "import_module", absent)
    with pytest.raises(MissingExtra, match=r"needs the library exotic.*install ome\[local\]"):
        async with opened("local:///x"):
            pass


def loaded_by(code: str) -> set[str]:
    script = f"{code}\nimport sys\nprint(*sorted(sys.modules), sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


HEAVY = {"huggingface_hub", "obstore", "oci", "hf_xet"}


@pytest.mark.parametrize(
    "code",
    [
        "import ome.cli.manager",
        "import ome.cli.agent",
        "import ome.storage.registry, ome.storage.download, ome.storage.uris",
        "import ome.modelconfig.describe, ome.modelconfig.remote, ome.cli.inspect",
    ],
)
def test_heavy_libraries_stay_out(code: str) -> None:
    assert not HEAVY & loaded_by(code)


def test_parsing_a_uri_loads_no_client_at_all() -> None:
    loaded = loaded_by("from ome.storage.uris import parse_uri; parse_uri('hf://a/b')")
    assert not {"aiohttp", "anyio", "httpx"} & loaded
