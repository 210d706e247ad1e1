"""Builds what is missing, once for each user and each set of versions.

Several starts may find the cache empty at once: one file lock lets one of them build while the
others wait and then find it done. Everything is built in a folder of its own, asked for its version
there and only then renamed into place, so that a name in the cache always means a finished program,
whenever a build was killed.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from . import crds, versions, wrapper
from .errors import ControlPlaneError
from .terminal import progress, run, timed
from .toolchain import environment, find_go

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

NEXT_STEP = "check the network and the free disk space (5 GB are needed) and run this again"
PKI_SOURCE = Path(__file__).with_name("pki") / "main.go"
COLLECTOR_SOURCE = Path(__file__).with_name("collector")
STAGES = "kustomize/stage"
STAGE_FILES = (
    "node/fast/node-initialize.yaml",
    "node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
    "pod/fast/pod-ready.yaml",
    "pod/fast/pod-complete.yaml",
    "pod/fast/pod-delete.yaml",
)


def pki_path() -> Path:
    """Where the certificate maker is kept: under a name that changes with its source."""
    return versions.cache() / "bin" / f"ome-pki-{_digest(PKI_SOURCE)}"


def collector_path() -> Path:
    """Where the OpenTelemetry Collector is kept, likewise."""
    source = _digest(*(COLLECTOR_SOURCE / name for name in ("go.mod", "go.sum", "main.go")))
    return versions.cache() / "bin" / f"otelcol-{versions.COLLECTOR}-{source}"


def _digest(*files: Path) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]


def stages_path() -> Path:
    """Where kwok's own description of how nodes and pods behave is kept."""
    return versions.cache() / "stages"


def ensure_crds(names: Iterable[str]) -> list[Path]:
    """A manifest for each of these projects (``crds.NAMES``), fetched when it is not cached."""
    sources = crds.named(names)
    if not all(crds.manifest(source).is_file() for source in sources):
        with _building() as builder:
            for source in sources:
                builder.crds(source)
    return [crds.manifest(source) for source in sources]


def lws_path() -> Path:
    """Where the controller of LeaderWorkerSets is kept: it says no version of its own."""
    return versions.cache() / "bin" / f"lws-{versions.LWS}"


def ensure_lws() -> Path:
    """Have the controller of LeaderWorkerSets in the cache."""
    if not lws_path().is_file():
        with _building() as builder:
            builder.lws()
    return lws_path()


def ensure(wanted: Sequence[versions.Binary]) -> None:
    """Have these programs, the certificate maker and kwok's stages in the cache when it returns."""
    if _complete(wanted):
        return
    with _building() as builder:
        missing = [binary for binary in wanted if not _built(binary.name).is_file()]
        if not _complete(missing):  # else another start built it while this one waited
            builder.build(missing)


def ensure_collector() -> Path:
    """The OpenTelemetry Collector of `collector/`, built when it is not cached."""
    if not collector_path().is_file():
        with _building() as builder:
            builder.collector()
    return collector_path()


def prometheus_path(name: str) -> Path:
    """Where ``prometheus`` or ``promtool`` is kept."""
    return versions.cache() / "bin" / f"{name}-{versions.PROMETHEUS}"


def ensure_prometheus(name: str) -> Path:
    """``prometheus`` or ``promtool``: what is installed, else ours, built when not cached."""
    if installed := shutil.which(name):
        return Path(installed)
    if not prometheus_path(name).is_file():
        with _building() as builder:
            builder.prometheus(name)
    return prometheus_path(name)


def _built(name: str) -> Path:
    return versions.cache() / "bin" / name


def _complete(wanted: Iterable[versions.Binary]) -> bool:
    paths = [*(_built(binary.name) for binary in wanted), pki_path()]
    return stages_path().is_dir() and all(path.is_file() for path in paths)


@contextmanager
def _building() -> Iterator[_Builder]:
    """One builder at a time, with a folder of its own."""
    with _lock():
        for left in versions.cache().glob("building-*"):
            shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=versions.cache(), prefix="building-") as work:
            yield _Builder(Path(work))


@contextmanager
def _lock() -> Iterator[None]:
    (versions.cache() / "bin").mkdir(parents=True, exist_ok=True)
    with (versions.cache() / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("another start is building the control plane: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@dataclass(frozen=True)
class _Builder:
    work: Path

    @cached_property
    def go(self) -> str:
        """Found when it is needed: it may have to be installed."""
        return find_go()

    def crds(self, source: crds.Source) -> None:
        kept = crds.manifest(source)
        if kept.is_file():
            return
        with timed(f"fetched the CRDs of {source.at}"):
            folder = self._download(source.at)
            text = crds.select(source, [(folder / file).read_text() for file in source.files])
        new = self.work / kept.name
        new.write_text(text)
        kept.parent.mkdir(exist_ok=True)
        new.replace(kept)

    def collector(self) -> None:
        path = collector_path()
        if path.is_file():  # another start built it while this one waited
            return
        progress(f"building the OpenTelemetry Collector {versions.COLLECTOR}: some minutes")
        folder = self.work / "collector"
        shutil.copytree(COLLECTOR_SOURCE, folder)
        with timed(f"built {path.name}"):
            stamps = {"main.version": versions.COLLECTOR}
            self._compile(folder, stamps, ["."], output=path.name)
            self._move(path.name)

    def build(self, missing: Sequence[versions.Binary]) -> None:
        names = [binary.name for binary in missing]
        self._stages()
        self._pki()
        if "etcd" in names:
            self._etcd()
        if "kwok" in names:
            self._install(f"sigs.k8s.io/kwok/cmd/kwok@v{versions.KWOK}", kwok_stamps())
        if "helm" in names:
            self._install(f"helm.sh/helm/v3/cmd/helm@v{versions.HELM}", helm_stamps())
        if kubernetes := [name for name in names if name.startswith("kube")]:
            self._kubernetes(kubernetes)

    def _kubernetes(self, names: list[str]) -> None:
        version = versions.KUBERNETES
        progress(f"building {', '.join(names)} {version}: about four minutes on two cores")
        source = self._download(f"k8s.io/kubernetes@v{version}")
        go_mod = wrapper.kubernetes(
            (source / "go.mod").read_text(), version, versions.staging(version)
        )
        folder = self._wrap("kubernetes", go_mod, source)
        packages = [f"k8s.io/kubernetes/cmd/{name}" for name in names]
        with timed(f"built {', '.join(names)}"):
            self._compile(folder, kubernetes_stamps(), packages)
            self._keep(names)

    def _etcd(self) -> None:
        source = self._download(f"go.etcd.io/etcd/server/v3@v{versions.ETCD}")
        go_mod = wrapper.etcd((source / "go.mod").read_text(), versions.ETCD)
        folder = self._wrap("etcd", go_mod, source)
        with timed(f"built etcd {versions.ETCD}"):
            self._compile(folder, {}, ["go.etcd.io/etcd/server/v3"], output="etcd")
            self._keep(["etcd"])

    def lws(self) -> None:
        if lws_path().is_file():
            return
        module = f"sigs.k8s.io/lws@v{versions.LWS}"
        folder = self._wrap_replacing("lws", module)
        progress(f"building the controller of LeaderWorkerSets {versions.LWS}: some minutes")
        with timed(f"built lws {versions.LWS}"):
            self._compile(folder, {}, ["sigs.k8s.io/lws/cmd"], output=lws_path().name)
            self._move(lws_path().name)

    def prometheus(self, name: str) -> None:
        path = prometheus_path(name)
        if path.is_file():  # another start built it while this one waited
            return
        module = versions.prometheus_module()
        folder = self._wrap_replacing("prometheus", module)
        package = f"{module.partition('@')[0]}/cmd/{name}"
        progress(f"building {package} {versions.PROMETHEUS}: some minutes")
        with timed(f"built {path.name}"):
            stamps = {"github.com/prometheus/common/version.Version": versions.PROMETHEUS}
            # No pages for browsers, and no clients of clouds to discover targets with.
            self._compile(folder, stamps, [package], output=path.name, tags="remove_all_sd")
            self._move(path.name)

    def _install(self, package: str, stamps: dict[str, str]) -> None:
        name = package.rpartition("/")[2].partition("@")[0]
        with timed(f"built {package.rpartition('/')[2]}"):
            self._run("install", "-trimpath", "-ldflags", linker_flags(stamps), package)
            self._keep([name])

    def _pki(self) -> None:
        if not pki_path().is_file():
            folder = Path(tempfile.mkdtemp(dir=self.work))
            self._compile(folder, {}, [str(PKI_SOURCE)], output=pki_path().name)
            self._move(pki_path().name)

    def _stages(self) -> None:
        if stages_path().is_dir():
            return
        source = self._download(f"sigs.k8s.io/kwok@v{versions.KWOK}")
        copy = self.work / "stages"
        copy.mkdir()
        for file in STAGE_FILES:
            (copy / Path(file).name).write_text((source / STAGES / file).read_text())
        copy.rename(stages_path())

    def _download(self, module: str) -> Path:
        told = self._run("mod", "download", "-json", module, cwd=self.work)
        # Go may print notes before the JSON.
        return Path(json.loads(told[told.index("{") :])["Dir"])

    def _wrap(self, name: str, go_mod: str, source: Path) -> Path:
        folder = self.work / name
        folder.mkdir()
        (folder / "go.mod").write_text(go_mod)
        if (source / "go.sum").is_file():
            (folder / "go.sum").write_bytes((source / "go.sum").read_bytes())
        return folder

    def _wrap_replacing(self, name: str, module: str) -> Path:
        source = self._download(module)
        go_mod = wrapper.replacing(name, module, (source / "go.mod").read_text())
        return self._wrap(name, go_mod, source)

    def _compile(
        self,
        folder: Path,
        stamps: dict[str, str],
        packages: list[str],
        output: str = "",
        tags: str = "",
    ) -> None:
        flags = ["-trimpath", "-ldflags", linker_flags(stamps), "-o", f"{self._out}/{output}"]
        flags += ["-tags", tags] if tags else []
        self._run("build", *flags, *packages, cwd=folder)

    @property
    def _out(self) -> Path:
        (self.work / "out").mkdir(exist_ok=True)
        return self.work / "out"

    def _run(self, verb: str, *arguments: str, cwd: Path | None = None) -> str:
        vcs = ["-buildvcs=false"] if verb in ("build", "install") else []
        env = environment(GOBIN=str(self._out))
        command = [self.go, verb, *vcs, *arguments]
        return run(command, next_step=NEXT_STEP, cwd=cwd or self.work, env=env)

    def _keep(self, names: Iterable[str]) -> None:
        """Move what says that it is the version that was asked for."""
        for binary in versions.BINARIES:
            if binary.name not in names:
                continue
            told = versions.version_of(self._out / binary.name, binary)
            if told != binary.version:
                raise ControlPlaneError(
                    f"{binary.name} was built but says that it is {told}, not {binary.version}; "
                    "run this again, and report it if it stays so"
                )
            self._move(binary.name)

    def _move(self, name: str) -> None:
        os.replace(self._out / name, _built(name))


def linker_flags(stamps: dict[str, str]) -> str:
    """No symbol tables, and these variables set."""
    return " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in stamps.items())])


def kubernetes_stamps() -> dict[str, str]:
    """What Kubernetes' programs say of themselves; charts check it (`kubeVersion`)."""
    major, minor, _ = versions.KUBERNETES.split(".")
    values = {
        "gitVersion": f"v{versions.KUBERNETES}",
        "gitMajor": major,
        "gitMinor": minor,
        "gitCommit": "unknown",
        "gitTreeState": "clean",
        # The same source gives the same bytes, whenever it is built.
        "buildDate": "1970-01-01T00:00:00Z",
    }
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    return {f"{p}.{name}": value for p in packages for name, value in values.items()}


def helm_stamps() -> dict[str, str]:
    """Helm's own version, and the Kubernetes that `helm template` assumes without a cluster."""
    major, minor, _ = versions.KUBERNETES.split(".")
    return {
        "helm.sh/helm/v3/internal/version.version": f"v{versions.HELM}",
        "helm.sh/helm/v3/internal/version.gitTreeState": "clean",
        "helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor": major,
        "helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor": minor,
        "helm.sh/helm/v3/pkg/lint/rules.k8sVersionMajor": major,
        "helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor": minor,
    }


def kwok_stamps() -> dict[str, str]:
    """kwok's own version."""
    return {"sigs.k8s.io/kwok/pkg/consts.Version": versions.KWOK}
