"""Which worker of pytest-xdist runs a test, and when.

On the embedded server every worker has a cluster of its own, and a file stays in one of them. The
real control plane is one for all: there an operator acts on every object of our kinds, so tests
that run one, or make such objects, or change what all requests meet, come one after the other, in
one worker. Only what is listed here is known to disturb nobody and runs beside them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from xdist.scheduler import LoadFileScheduling

if TYPE_CHECKING:
    import pytest

__all__ = ["BESIDE", "OnePlane", "arrange"]

TESTS = Path(__file__).resolve().parents[1]
BESIDE = (
    "api/test_rules_live.py",
    "catalogue/test_helm.py",
    "charts/test_agent.py",
    "charts/test_crd.py",
    "charts/test_policies.py",
    "charts/test_resources.py",
    "charts/test_serving.py",
    "charts/test_values.py",
    "contract/",
    "control_plane/",
    "kube/",
    "workloads/benchmark/test_live.py",
    "workloads/exposure/test_live.py",
)
"""Files and folders whose tests only render, only rehearse (``dryRun``), or use other kinds."""


class OnePlane(LoadFileScheduling):  # type: ignore[misc]  # it has no types
    """Two groups instead of files: each in a worker of its own, in the order of collection."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0].removeprefix("tests/")
        return "beside" if path.startswith(BESIDE) else "alone"


def arrange(items: list[pytest.Item]) -> None:
    """Put files that wait first: what computes fills the time."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)
