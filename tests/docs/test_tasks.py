"""The pages of docs/tasks are followed on a real control plane, with the manager and the agents as
the charts render them: every command does what its page says, and no account meets a 403."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests import cluster
from tests.charts.release import AGENT_ACCOUNT, MANAGER_ACCOUNT, Release, bundles, running
from tests.charts.support import helm
from tests.cluster import eventually
from tests.docs.pages import pages
from tests.docs.session import Session
from tests.e2e.harness import Process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.control_plane, pytest.mark.timeout(600)]

FIRST = ("install", "catalogue")
"""What the other pages start from."""
LAST = "uninstall"
BETWEEN = [page for page in pages() if page not in (*FIRST, LAST)]


class Installed(Release):
    """The release of the pages: their names, in their namespace."""

    def __init__(self, folder: Path, session: Session) -> None:
        super().__init__(folder)
        self.namespace = "ome"
        self.session = session
        self.began = time.time() - 0.5


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    folder = tmp_path_factory.mktemp("pages")
    release = Installed(folder, Session(folder / "home"))
    try:
        release.session.follow(FIRST[0])
        with running(release), _agents(release):
            eventually(lambda: all(bundles()) and len(set(bundles())) == 1, 90)
            release.session.follow(FIRST[1])
            yield release
    finally:
        helm("uninstall", "serving", "--namespace", "default", "--ignore-not-found")
        for name in ("ome-catalogue", "ome", "ome-crd"):
            helm("uninstall", name, "--namespace", release.namespace, "--ignore-not-found")
        cluster.delete("namespaces", release.namespace, wait=0)


@contextmanager
def _agents(release: Release) -> Iterator[None]:
    process = Process(
        release.folder / "agents.log",
        "agent",
        "--all-nodes",
        f"--namespace={release.namespace}",
        f"--kubeconfig={release.kubeconfig(AGENT_ACCOUNT)}",
        "--download-seconds=0.2",
    )
    try:
        yield
        assert process.running, process.tail()
    finally:
        process.stop()


@pytest.mark.parametrize("page", BETWEEN)
def test_page(installed: Installed, page: str) -> None:
    try:
        installed.session.follow(page)
    finally:
        installed.session.leave()


def test_no_account_met_a_403(installed: Installed) -> None:
    assert installed.refused(MANAGER_ACCOUNT, installed.began) == set()
    assert installed.refused(AGENT_ACCOUNT, installed.began) == set()


def test_uninstalled(installed: Installed) -> None:
    """The last page; the order of tests in a file is theirs."""
    installed.session.follow(LAST)
    assert bundles() == []
    assert cluster.get("customresourcedefinitions", "inferenceservices.ome.io")
