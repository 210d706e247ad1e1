"""Which programs count as the right ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hack.control_plane import binaries, build, toolchain, versions

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("output", "version"),
    [
        ("etcd Version: 3.6.5\nGit SHA: Not provided\nGo Version: go1.26.8\n", "3.6.5"),
        ("Kubernetes v1.36.3\n", "1.36.3"),
        ("Client Version: v1.32.4-dispatcher\nKustomize Version: v5.5.0\n", "1.32.4-dispatcher"),
        ("kwok version v0.8.0 go1.26.8 (linux/amd64)\n", "0.8.0"),
        ("v3.19.0+g3d8990f\n", "3.19.0"),
        ("Kubernetes v1.36.3-rc.1\n", "1.36.3-rc.1"),
        ("Kubernetes v0.0.0-master+$Format:%H$\n", "0.0.0-master"),
        ("no version here 1.2\n", None),
    ],
)
def test_the_version_is_read_out_of_what_a_program_prints(output: str, version: str | None) -> None:
    assert versions.reported(output) == version


@pytest.mark.parametrize(
    ("output", "version"),
    [
        ("go version go1.26.8 linux/amd64", (1, 26, 8)),
        ("go version go1.27 linux/amd64", (1, 27, 0)),
        ("", (0, 0, 0)),
    ],
)
def test_the_version_of_go(output: str, version: tuple[int, int, int]) -> None:
    assert toolchain.go_version(output) == version


def program(folder: Path, text: str, code: int = 0) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "etcd"
    path.write_text(f"#!/bin/sh\necho '{text}'\nexit {code}\n")
    path.chmod(0o755)
    return path


ETCD = next(binary for binary in versions.BINARIES if binary.name == "etcd")


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path / "assets"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/usr/bin:/bin")
    return tmp_path


def test_assets_come_before_the_cache_and_the_cache_before_path(places: Path) -> None:
    right = f"etcd Version: {versions.ETCD}"
    on_path = program(places / "path", right)
    assert binaries.at_hand(ETCD) == on_path
    (versions.cache() / "bin").mkdir(parents=True)
    cached = program(versions.cache() / "bin", right)
    assert binaries.at_hand(ETCD) == cached
    asset = program(places / "assets", right)
    assert binaries.at_hand(ETCD) == asset


@pytest.mark.parametrize(("text", "code"), [("etcd Version: 3.5.21", 0), ("3.6.5", 1), ("", 0)])
def test_another_version_is_not_taken_and_that_is_told(
    places: Path, capsys: pytest.CaptureFixture[str], text: str, code: int
) -> None:
    path = program(places / "assets", text, code)
    assert binaries.at_hand(ETCD) is None
    told = capsys.readouterr().err
    assert f"{path} is " in told
    assert f"{versions.ETCD} is wanted: not used" in told


def test_nothing_at_hand(places: Path) -> None:
    assert binaries.at_hand(ETCD) is None


def test_go_is_run_without_the_users_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOFLAGS", "-mod=vendor")
    monkeypatch.setenv("GOOS", "plan9")
    monkeypatch.setenv("GOPROXY", "https://proxy.example")
    env = toolchain.environment(GOBIN="/x")
    assert env["GOFLAGS"] == "-mod=mod"
    assert "GOOS" not in env
    assert env["GOPROXY"] == "https://proxy.example"
    assert env["GOTOOLCHAIN"] == "local"
    assert env["GOBIN"] == "/x"


def test_prometheus_is_published_under_a_version_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(versions, "PROMETHEUS", "3.5.1")
    assert versions.prometheus_module() == "github.com/prometheus/prometheus@v0.305.1"


def test_programs_are_stamped_with_their_versions() -> None:
    flags = build.linker_flags(build.kubernetes_stamps())
    assert flags.startswith("-s -w -X ")
    assert f"-X k8s.io/component-base/version.gitVersion=v{versions.KUBERNETES}" in flags
    assert "-X k8s.io/client-go/pkg/version.gitMajor=1" in flags
    assert build.helm_stamps()["helm.sh/helm/v3/internal/version.version"] == f"v{versions.HELM}"


def test_a_changed_source_of_the_certificate_maker_is_another_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = build.pki_path()
    other = tmp_path / "main.go"
    other.write_text("package main\n")
    monkeypatch.setattr(build, "PKI_SOURCE", other)
    assert build.pki_path() != before
