from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests import cluster

if TYPE_CHECKING:
    from collections.abc import Iterator


# What lands is judged by the same examples each time; everybody else keeps looking for new ones.
settings.register_profile("ci", derandomize=True, deadline=None)
if os.environ.get("CI"):
    settings.load_profile("ci")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What a machine or a command does not offer is skipped, with the command that offers it."""
    real = bool(os.environ.get("OME_CONTROL_PLANE_DIR"))
    slow = real or bool(os.environ.get("OME_SLOW_TESTS"))
    for item in items:
        if item.get_closest_marker("control_plane") and not real:
            item.add_marker(pytest.mark.skip(reason="needs hack/test --control-plane"))
        if item.get_closest_marker("slow") and not slow:
            item.add_marker(pytest.mark.skip(reason="needs hack/test --slow"))
        if item.get_closest_marker("cluster") and not real:
            # Last in, first out: the cluster is there before fixtures that use it.
            item.fixturenames.insert(0, "embedded_cluster")  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def embedded_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The embedded API server with a simulated cluster, one for all tests of a session."""
    yield from cluster.embedded(tmp_path_factory.mktemp("sandbox"))
