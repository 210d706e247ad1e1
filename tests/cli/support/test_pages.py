"""Logs and metrics of the operator's pods, on a server that is made up."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ome.cli.support.archive import Archive
from ome.cli.support.gather import Gatherer
from ome.cli.support.pages import Pages
from ome.errors import ApiError, Forbidden, ServiceUnavailable
from tests.cli.support.test_archive import contents

if TYPE_CHECKING:
    from pathlib import Path

Document = dict[str, Any]


class Server:
    """The part of a client that is used; ``refusal`` is what asking for a token gives."""

    def __init__(self, refusal: ApiError | None = None, silent: bool = False) -> None:
        self.refusal = refusal
        self.silent = silent
        self.asked: list[str] = []

    async def pod_log(self, key: Any, *, tail_lines: int, container: str, previous: bool) -> str:
        return f"{key.name} {container} {'before' if previous else 'now'}\n"

    async def create(self, resource: Any, document: Any, subresource: str = "") -> Document:
        if self.refusal is not None:
            raise self.refusal
        assert (resource.kind, subresource) == ("ServiceAccount", "token")
        return {"status": {"token": "short"}}

    async def raw_text(self, path: str, headers: dict[str, str]) -> str:
        self.asked.append(path)
        if self.silent:
            raise ServiceUnavailable("dial tcp: i/o timeout")
        assert headers == ({"x-ome-authorization": "Bearer short"} if "https:" in path else {})
        return "ome_build_info 1\n"


def pod(name: str, *args: str, **status: Any) -> Document:
    container = {
        "name": "main",
        "args": list(args),
        "ports": [{"name": "metrics", "containerPort": 8080}],
    }
    spec = {"containers": [container], "initContainers": [{"name": "prepare"}]}
    return {"metadata": {"name": name, "namespace": "ome"}, "spec": spec, "status": status}


def state(name: str, restarts: int = 0, **current: Any) -> Document:
    last = {"lastState": {"terminated": {"exitCode": 137}}} if restarts else {}
    return {"name": name, "restartCount": restarts, "state": current, **last}


PREPARED = state("prepare", terminated={"exitCode": 0})


async def gathered(path: Path, server: Any, *pods: Document) -> tuple[dict[str, str], list[str]]:
    with Archive(path, datetime(2026, 11, 29, tzinfo=UTC)) as archive:
        attempt = Gatherer(server, archive, "ome", 10)._attempt
        await Pages(server, archive, attempt, "ome", 10).gather(pods)
    return contents(path), archive.notes


async def test_a_restarted_container_has_two_logs(tmp_path: Path) -> None:
    again = pod("a", containerStatuses=[state("main", 3)], initContainerStatuses=[PREPARED])
    held, notes = await gathered(tmp_path / "b.tar.gz", Server(), again)
    assert held["logs/a-main.log"] == "a main now\n"
    assert held["logs/a-main-previous.log"] == "a main before\n"
    assert "logs/a-prepare.log" not in held
    assert notes == []


async def test_an_init_container_that_is_not_done_is_heard(tmp_path: Path) -> None:
    stuck = state("prepare", 1, waiting={"reason": "CrashLoopBackOff"})
    held, _ = await gathered(
        tmp_path / "b.tar.gz", Server(), pod("a", initContainerStatuses=[stuck])
    )
    assert held["logs/a-prepare-previous.log"] == "a prepare before\n"
    assert "logs/a-prepare.log" in held


async def test_metrics_are_read_as_each_pod_serves_them(tmp_path: Path) -> None:
    server = Server()
    pods = (pod("manager", "--metrics-secure"), pod("agent"))
    held, notes = await gathered(tmp_path / "b.tar.gz", server, *pods)
    root = "/api/v1/namespaces/ome/pods"
    assert server.asked == [
        f"{root}/https:manager:8080/proxy/metrics",
        f"{root}/agent:8080/proxy/metrics",
    ]
    assert held["metrics/manager.txt"] == held["metrics/agent.txt"] == "ome_build_info 1\n"
    assert notes == []


async def test_metrics_that_may_not_be_read_are_noted(tmp_path: Path) -> None:
    server = Server(Forbidden("serviceaccounts/token: no"))
    held, notes = await gathered(tmp_path / "b.tar.gz", server, pod("a", "--metrics-secure"))
    assert notes == ["metrics/a.txt: serviceaccounts/token: no"]
    assert "metrics/a.txt" not in held


async def test_pods_that_do_not_answer_are_not_all_waited_for(tmp_path: Path) -> None:
    server = Server(silent=True)
    pods = [pod(f"p{number}") for number in range(9)]
    held, notes = await gathered(tmp_path / "b.tar.gz", server, *pods)
    assert len(server.asked) == 3
    assert notes[-1] == "metrics: of 9 pods 3 were asked, as the last 3 gave none"
    assert "logs/p8-main.log" in held
