"""Where starts are kept and found again."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

import pytest

from hack.control_plane import layout, lifecycle
from hack.control_plane.cli import exports, main
from hack.control_plane.errors import ControlPlaneError

ROUTES = """\
Local:
  +-- 127.0.0.0/8 2 0 2
     |-- 127.0.0.1
        /32 host LOCAL
     |-- 127.255.255.255
        /32 link BROADCAST
  |-- 198.51.100.7
     /32 host LOCAL
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_a_start_is_found_again(tmp_path: Path) -> None:
    start = layout.create(tmp_path / "one")
    start.pids["etcd"] = (1, "mark")
    start.ready = True
    start.save()
    assert layout.load(tmp_path / "one") == start
    assert layout.known() == [start]


def test_the_newest_comes_first(tmp_path: Path) -> None:
    first, second = layout.create(tmp_path / "one"), layout.create(tmp_path / "two")
    assert [start.dir for start in layout.known()] == [second.dir, first.dir]


def test_a_start_whose_folder_was_removed_can_still_be_ended(tmp_path: Path) -> None:
    start = layout.create(tmp_path / "one")
    shutil.rmtree(start.dir)
    assert layout.load(tmp_path / "one") == start
    lifecycle.down(start)
    assert layout.known() == []


def test_down_leaves_nothing(tmp_path: Path) -> None:
    lifecycle.down(layout.create(tmp_path / "one"))
    assert not (tmp_path / "one").exists()
    assert layout.known() == []
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == []


def test_a_folder_that_holds_anything_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(ControlPlaneError, match="needs a folder of its own"):
        layout.create(tmp_path)


def test_down_does_not_remove_a_folder_that_is_not_a_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").write_text("precious")
    assert main(["down", "--dir", str(tmp_path)]) == 1
    assert "holds no control plane" in capsys.readouterr().err
    assert (tmp_path / "mine").exists()


def test_down_may_be_repeated(tmp_path: Path) -> None:
    assert main(["down", "--dir", str(tmp_path / "gone")]) == 0
    assert main(["down"]) == 0


def test_env_without_a_running_start_names_the_next_step(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layout.create(tmp_path / "one")
    assert main(["env"]) == 1
    told = capsys.readouterr()
    assert "start one with 'hack/control-plane up'" in told.err
    assert told.out == ""


def test_env_quotes_for_the_shell() -> None:
    start = layout.Start(Path("/a b"), {}, None)
    assert exports(start) == [
        "export KUBECONFIG='/a b/kubeconfig'",
        "export OME_CONTROL_PLANE_DIR='/a b'",
        "export OME_AUDIT_LOG='/a b/audit.log'",
        "export OME_CONTROL_PLANE_ADDRESS=''",
        "export PATH='/a b/bin':\"$PATH\"",
    ]


def test_ports_are_free_and_different() -> None:
    ports = layout.free_ports()
    assert tuple(ports) == layout.PORTS
    assert len(set(ports.values())) == len(ports)
    for port in ports.values():
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", port))


def test_own_addresses_are_read_out_of_the_routes() -> None:
    assert layout.own_addresses(ROUTES) == ["127.0.0.1", "198.51.100.7"]


@pytest.mark.parametrize(
    ("address", "taken"),
    [("198.51.100.7", True), ("127.0.0.1", False), ("169.254.1.1", False), ("", False)],
)
def test_which_addresses_an_endpoint_may_have(address: str, taken: bool) -> None:
    assert layout.allowed(address) is taken


@pytest.mark.parametrize(
    "arguments",
    [
        ["up", "--nodes", "x"],
        ["up", "--feature", "A"],
        ["nodes", "--count", "1", "--label", "x"],
    ],
)
def test_wrong_arguments_are_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
