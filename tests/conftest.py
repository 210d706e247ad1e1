from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

import pytest
import structlog
from hypothesis import HealthCheck, settings

from tests import cluster
from tests.support.tiers import SLOW, examples
from tests.support.workers import OnePlane, arrange

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xdist.remote import Producer
    from xdist.scheduler import Scheduling


# Few examples at every commit, many in the slow tier. What lands is judged by the same examples
# each time; everybody else keeps looking for new ones. How long one takes says how busy a machine
# is, and nothing of what it tests.
for _name, _always_the_same in (("ci", True), ("wandering", False)):
    settings.register_profile(
        _name,
        max_examples=examples(100),
        derandomize=_always_the_same,
        deadline=None,
        suppress_health_check=(HealthCheck.too_slow,),
    )
settings.load_profile("ci" if os.environ.get("CI") else "wandering")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling | None:
    """On the real control plane, which all workers share, files go by what they disturb."""
    real = bool(os.environ.get("OME_CONTROL_PLANE_DIR"))
    return OnePlane(config, log) if real else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What a machine or a command does not offer is skipped, with the command that offers it."""
    real = bool(os.environ.get("OME_CONTROL_PLANE_DIR"))
    nightly = bool(os.environ.get("OME_NIGHTLY_TESTS"))
    for item in items:
        if item.get_closest_marker("control_plane") and not real:
            item.add_marker(pytest.mark.skip(reason="needs hack/test --control-plane"))
        if item.get_closest_marker("slow"):
            if not SLOW:
                item.add_marker(pytest.mark.skip(reason="needs hack/test --slow"))
            if not item.get_closest_marker("timeout"):
                item.add_marker(pytest.mark.timeout(300))
        if item.get_closest_marker("nightly") and not nightly:
            item.add_marker(pytest.mark.skip(reason="takes long: OME_NIGHTLY_TESTS=1 runs it"))
        if item.get_closest_marker("cluster") and not real:
            # Last in, first out: the cluster is there before fixtures that use it.
            item.fixturenames.insert(0, "embedded_cluster")  # type: ignore[attr-defined]
    if not real:
        arrange(items)


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """A command that a test runs in this process logs to a stream that is closed with the test."""
    yield
    root = logging.getLogger()
    root.handlers[:] = [held for held in root.handlers if type(held) is not logging.StreamHandler]
    root.setLevel(logging.WARNING)
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def embedded_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The embedded API server with a simulated cluster, one for all tests of a session."""
    yield from cluster.embedded(tmp_path_factory.mktemp("sandbox"))
