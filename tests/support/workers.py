"""Which worker of pytest-xdist runs a test, and when.

On the embedded server every worker has a cluster of its own, and a file stays in one of them. The
real control plane is one for all: there an operator acts on every object of our kinds, so tests
that run one, or make such objects, or change what all requests meet, come one after the other, in
one worker. Only what is listed here is known to disturb nobody and runs beside them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

__all__ = ["ALONE", "BESIDE", "arrange"]

TESTS = Path(__file__).resolve().parents[1]
BESIDE = (
    "catalogue/test_helm.py",
    "charts/test_agent.py",
    "charts/test_crd.py",
    "charts/test_policies.py",
    "charts/test_resources.py",
    "charts/test_serving.py",
    "contract/",
    "control_plane/",
    "kube/test_live.py",
    "workloads/benchmark/test_live.py",
    "workloads/exposure/test_live.py",
)
"""Files and folders whose tests only render, only rehearse (``dryRun``), or use other kinds."""
ALONE = "alone"
"""The group of those that come one after the other on a real control plane."""


def arrange(items: list[pytest.Item], *, real: bool) -> None:
    """Put tests into the order in which workers take them, and into groups on a real server.

    What waits comes first, so that what computes fills the time. A test that has a group of its
    own keeps it.
    """
    if not real:
        slow = {item.path for item in items if item.get_closest_marker("slow")}
        items.sort(key=lambda item: item.path not in slow)
        return
    for item in items:
        if not item.get_closest_marker("xdist_group"):
            beside = item.path.relative_to(TESTS).as_posix().startswith(BESIDE)
            item.add_marker(pytest.mark.xdist_group("beside" if beside else ALONE))
