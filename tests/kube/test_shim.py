"""The library's generated models stay out, whatever we do with it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.kube.server import kubeconfig

if TYPE_CHECKING:
    from pathlib import Path

CHECK = "assert not [m for m in sys.modules if m.startswith('kubernetes_asyncio')], sys.modules"


def run(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_loads_neither_the_models_nor_http() -> None:
    run(f"import sys, ome.kube\n{CHECK}\nassert 'aiohttp' not in sys.modules")


def test_connecting_loads_no_models(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "k", "https://127.0.0.1:1", {"token": "t"})
    run(
        f"""
import asyncio, gc, sys
from ome.kube.http import connect
async def main():
    async with await connect({path!r}) as transport:
        assert transport.host == "127.0.0.1:1"
asyncio.run(main())
{CHECK}
names = [type(o).__name__ for o in gc.get_objects() if type(o).__name__ == "V1Pod"]
classes = [o for o in gc.get_objects() if isinstance(o, type) and o.__name__ == "V1Pod"]
assert not names and not classes
"""
    )


@pytest.mark.slow
def test_a_program_may_use_the_whole_library_beside_us() -> None:
    run(
        """
from ome.kube._shim import library
ours = library().kube_config
import kubernetes_asyncio.client
assert kubernetes_asyncio.client.V1Pod.__name__ == "V1Pod"
from kubernetes_asyncio.config import kube_config
assert kube_config is not ours
"""
    )


@pytest.mark.slow
def test_a_library_that_was_loaded_before_stays_as_it_is() -> None:
    run(
        """
import sys
import kubernetes_asyncio.client
before = {n: m for n, m in sys.modules.items() if n.startswith("kubernetes_asyncio")}
from ome.kube._shim import library
library()
after = {n: m for n, m in sys.modules.items() if n.startswith("kubernetes_asyncio")}
assert before == after
"""
    )
