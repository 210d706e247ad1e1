"""Nothing half built is taken for built, and nothing is built twice."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest

from hack.control_plane import build, versions
from hack.control_plane.errors import ControlPlaneError

ETCD = next(binary for binary in versions.BINARIES if binary.name == "etcd")
GO = """\
#!/bin/sh
echo "$*" >> "{log}"
case "$1" in
  mod) echo '{{"Dir": "{module}"}}' ;;
  build)
    {during}
    while [ $# -gt 0 ]; do [ "$1" = -o ] && out=$2; shift; done
    printf '#!/bin/sh\\necho "etcd Version: {version}"\\n' > "$out"
    chmod +x "$out" ;;
esac
"""


class FakeGo:
    """A `go` that notes how it was called."""

    def __init__(self, folder: Path):
        self.path, self.log = folder / "go", folder / "calls"
        self.module = folder / "module"
        for file in build.STAGE_FILES:
            path = self.module / build.STAGES / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("kind: Stage\n")
        (self.module / "go.mod").write_text("module x\n\ngo 1.24\n")
        self.write()

    def write(self, during: str = ":", version: str = versions.ETCD) -> None:
        text = GO.format(log=self.log, module=self.module, during=during, version=version)
        self.path.write_text(text)
        self.path.chmod(0o755)

    def built(self, name: str) -> int:
        return sum(f"/out/{name} " in f"{line} " for line in self.log.read_text().splitlines())


@pytest.fixture
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeGo:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    fake = FakeGo(tmp_path)
    monkeypatch.setattr(build, "find_go", lambda: str(fake.path))
    return fake


def finished() -> list[str]:
    return sorted(path.name for path in (versions.cache() / "bin").iterdir())


def test_what_is_missing_is_built_once(go: FakeGo) -> None:
    build.ensure([ETCD])
    assert finished() == ["etcd", build.pki_path().name]
    assert len(list(build.stages_path().iterdir())) == len(build.STAGE_FILES)
    build.ensure([ETCD])
    assert go.built("etcd") == 1
    assert list(versions.cache().glob("building-*")) == []


def test_a_failed_build_leaves_nothing_that_looks_finished(go: FakeGo) -> None:
    go.write(during='case "$*" in *etcd*) echo broken pipe >&2; echo half > "$out"; exit 1;; esac')
    with pytest.raises(ControlPlaneError, match=r"(?s)exit code 1.*broken pipe.*run this again"):
        build.ensure([ETCD])
    assert "etcd" not in finished()
    go.write()
    build.ensure([ETCD])
    assert "etcd" in finished()


def test_a_program_of_another_version_is_not_kept(go: FakeGo) -> None:
    go.write(version="3.6.4")
    with pytest.raises(ControlPlaneError, match=r"says that it is 3\.6\.4, not"):
        build.ensure([ETCD])
    assert "etcd" not in finished()


def test_what_a_killed_build_left_is_removed(go: FakeGo) -> None:
    left = versions.cache() / "building-old"
    left.mkdir(parents=True)
    (left / "etcd").write_text("half")
    build.ensure([ETCD])
    assert not left.exists()


def test_two_starts_at_once_build_once(go: FakeGo, capsys: pytest.CaptureFixture[str]) -> None:
    go.write(during="sleep 0.3")
    threads = [threading.Thread(target=build.ensure, args=([ETCD],)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert go.built("etcd") == 1
    assert "another start is building" in capsys.readouterr().err


def test_notes_before_the_answer_of_go_are_skipped(go: FakeGo) -> None:
    text = go.path.read_text()
    go.path.write_text(text.replace("mod) echo", "mod) echo note; echo"))
    build.ensure([ETCD])
    assert "etcd" in finished()


def test_the_collector_is_built_once_for_its_source(go: FakeGo) -> None:
    path = build.ensure_collector()
    assert path.is_file()
    assert versions.COLLECTOR in path.name
    assert build.ensure_collector() == path
    assert go.built(path.name) == 1


def test_prometheus_is_built_where_none_is_installed(
    go: FakeGo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    path = build.ensure_prometheus("promtool")
    assert path == build.prometheus_path("promtool")
    assert versions.PROMETHEUS in path.name
    assert build.ensure_prometheus("promtool") == path
    assert go.built(path.name) == 1
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    assert build.ensure_prometheus("promtool") == Path("/usr/bin/promtool")
