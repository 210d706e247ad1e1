"""The kinds of other projects that OME makes objects of: their own CRDs, at exact versions.

They come out of the projects' Go modules, are copied once into the cache, and are applied before
the controllers start, like any other manifest.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import versions
from .errors import ControlPlaneError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@dataclass(frozen=True)
class Source:
    """A module at a version, and the CRDs that are taken from its files."""

    name: str
    module: str
    version: str
    files: tuple[str, ...]
    crds: tuple[str, ...]

    @property
    def at(self) -> str:
        """The module as Go names it."""
        return f"{self.module}@v{self.version}"


SOURCES = (
    Source(
        "lws",
        "sigs.k8s.io/lws",
        versions.LWS,
        ("config/crd/bases/leaderworkerset.x-k8s.io_leaderworkersets.yaml",),
        ("leaderworkersets.leaderworkerset.x-k8s.io",),
    ),
    Source(
        "keda",
        "github.com/kedacore/keda/v2",
        "2.18.0",
        (
            "config/crd/bases/keda.sh_scaledobjects.yaml",
            "config/crd/bases/keda.sh_triggerauthentications.yaml",
            "config/crd/bases/keda.sh_clustertriggerauthentications.yaml",
        ),
        (
            "scaledobjects.keda.sh",
            "triggerauthentications.keda.sh",
            "clustertriggerauthentications.keda.sh",
        ),
    ),
    Source(
        "knative",
        "knative.dev/serving",
        "0.39.3",
        ("config/core/300-resources/service.yaml",),
        ("services.serving.knative.dev",),
    ),
    Source(
        "istio",
        "istio.io/api",
        "1.19.4",
        ("kubernetes/customresourcedefinitions.gen.yaml",),
        ("virtualservices.networking.istio.io", "sidecars.networking.istio.io"),
    ),
    Source(
        "gateway-api",
        "sigs.k8s.io/gateway-api",
        "1.4.0",
        (
            "config/crd/standard/gateway.networking.k8s.io_gatewayclasses.yaml",
            "config/crd/standard/gateway.networking.k8s.io_gateways.yaml",
            "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml",
        ),
        (
            "gatewayclasses.gateway.networking.k8s.io",
            "gateways.gateway.networking.k8s.io",
            "httproutes.gateway.networking.k8s.io",
        ),
    ),
    Source(
        "inference-extension",
        "sigs.k8s.io/gateway-api-inference-extension",
        "1.0.0",
        ("config/crd/bases/inference.networking.k8s.io_inferencepools.yaml",),
        ("inferencepools.inference.networking.k8s.io",),
    ),
)
NAMES = tuple(source.name for source in SOURCES)


def named(names: Iterable[str]) -> list[Source]:
    """The sources of these names in their own order, each once; ``all`` is every one."""
    wanted = set(names)
    return [source for source in SOURCES if source.name in wanted or "all" in wanted]


def manifest(source: Source) -> Path:
    """Where the CRDs of a source are kept: under a name that changes with what is taken."""
    taken = hashlib.sha256(repr(source).encode()).hexdigest()[:12]
    return versions.cache() / "crds" / f"{source.name}-{taken}.yaml"


def select(source: Source, texts: Iterable[str]) -> str:
    """The wanted CRDs out of the texts of files, as one text.

    Raises `ControlPlaneError` where one is missing: a module's files may have moved.
    """
    found: dict[str, str] = {}
    for text in texts:
        for document in f"\n{text}".split("\n---"):
            name = _name(document)
            if name in source.crds:
                found[name] = document.strip("\n")
    missing = [name for name in source.crds if name not in found]
    if missing:
        raise ControlPlaneError(
            f"{source.at} has no CRD {', '.join(missing)} in {', '.join(source.files)}; correct "
            "hack/control_plane/crds.py"
        )
    return "\n---\n".join(found[name] for name in source.crds) + "\n"


def _name(document: str) -> str:
    """The `metadata.name` of a YAML document as generators write it: indented by two blanks."""
    inside = False
    for line in document.splitlines():
        if not line.startswith(" "):
            inside = line.rstrip() == "metadata:"
        elif inside and line.startswith("  name: "):
            return line.removeprefix("  name: ").strip().strip("\"'")
    return ""
