"""Every golden file on an API server: strict, no unexpected warning."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests import cluster
from tests.workloads.custom_kinds import custom_kinds
from tests.workloads.support import HERE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]

WARNINGS = {
    # The names of workloads are part of the contract and never cut.
    "long-names": [
        '299 - "metadata.name: this is used in Pod names and hostnames, which can result in'
        " surprising behavior; a DNS label is recommended: [must be no more than 63"
        ' characters]"'
    ],
}
"""What the server may say about a case; nothing about all others."""
TOO_NEW = {"serverless", "serverless-canary"}
"""The definitions of Knative v0.39.3 do not know volumes of nodes yet; later ones do."""
GOLDEN = sorted((HERE / "golden").glob("*/*.yaml"))


@pytest.fixture(scope="module")
def namespace() -> Iterator[str]:
    name = f"golden-{uuid.uuid4().hex[:8]}"
    cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    with custom_kinds():
        yield name
    cluster.delete("namespaces", name, wait=0)


def documents(golden: Path, namespace: str) -> list[dict[str, Any]]:
    """The objects of a golden file, in a namespace that exists; its first document is no object."""
    loaded = yaml.load_all(golden.read_text(), yaml.CSafeLoader)
    found = [item for item in loaded if "kind" in item]
    for item in found:
        item["metadata"]["namespace"] = namespace
    return found


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_server_takes_it(golden: Path, namespace: str) -> None:
    wanted = documents(golden, namespace)
    assert wanted or golden.stem == "virtual"
    if cluster.is_real() and golden.stem in TOO_NEW:
        with pytest.raises(cluster.Problem, match="hostPath: field not declared in schema"):
            [cluster.warnings(document) for document in wanted]
        return
    said = [text for document in wanted for text in cluster.warnings(document)]
    assert said == WARNINGS.get(golden.stem, [])


def test_the_check_would_notice(namespace: str) -> None:
    wanted = documents(HERE / "golden" / "rendering-1" / "minimal.yaml", namespace)
    deployed = next(item for item in wanted if item["kind"] == "Deployment")
    deployed["spec"]["template"]["spec"]["hostNetwrok"] = True
    with pytest.raises(cluster.Problem, match="hostNetwrok"):
        cluster.warnings(deployed)
