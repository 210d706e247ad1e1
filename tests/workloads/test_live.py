"""Every golden file on a real API server: strict, no unexpected warning.

Run by `hack/test --control-plane`.
"""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from hack.control_plane import layout
from tests.workloads.support import HERE

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.control_plane, pytest.mark.timeout(60)]

WARNINGS = {
    # The names of workloads are part of the contract and never cut.
    "long-names": "Warning: metadata.name: this is used in Pod names and hostnames, which can"
    " result in surprising behavior; a DNS label is"
    " recommended: [must be no more than 63 characters]\n",
}
"""What the server may say about a case; nothing about all others."""
GOLDEN = sorted((HERE / "golden").glob("*/*.yaml"))


def kubectl(*arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    start = layout.load(Path(os.environ["OME_CONTROL_PLANE_DIR"]))
    return subprocess.run(
        [start.program("kubectl"), "--kubeconfig", start.kubeconfig, *arguments],
        input=given,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


@pytest.fixture(scope="module")
def namespace() -> Iterator[str]:
    name = f"golden-{uuid.uuid4().hex[:8]}"
    made = kubectl("create", "namespace", name)
    assert made.returncode == 0, made.stderr
    yield name
    kubectl("delete", "namespace", name, "--wait=false")


def documents(golden: Path, namespace: str) -> list[dict[str, Any]]:
    """The objects of a golden file, in a namespace that exists; its first document is no object."""
    found = [item for item in yaml.safe_load_all(golden.read_text()) if "kind" in item]
    for item in found:
        item["metadata"]["namespace"] = namespace
    return found


def dry_run(objects: list[dict[str, Any]]) -> subprocess.CompletedProcess[str]:
    arguments = ("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-")
    listed = {"apiVersion": "v1", "kind": "List", "items": objects}
    return kubectl(*arguments, given=json.dumps(listed))


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_server_takes_it(golden: Path, namespace: str) -> None:
    wanted = documents(golden, namespace)
    done = dry_run(wanted)
    assert (done.returncode, done.stderr) == (0, WARNINGS.get(golden.stem, ""))
    assert len(done.stdout.splitlines()) == len(wanted)


def test_the_check_would_notice(namespace: str) -> None:
    wanted = documents(HERE / "golden" / "rendering-1" / "minimal.yaml", namespace)
    deployed = next(item for item in wanted if item["kind"] == "Deployment")
    deployed["spec"]["template"]["spec"]["hostNetwrok"] = True
    unknown = dry_run([deployed])
    assert unknown.returncode != 0
    assert "hostNetwrok" in unknown.stderr
