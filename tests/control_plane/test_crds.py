"""Other projects' CRDs: found in their files, fetched once, and never half of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hack.control_plane import build, crds
from hack.control_plane.errors import ControlPlaneError
from tests.control_plane.test_build import go

if TYPE_CHECKING:
    from tests.control_plane.test_build import FakeGo

__all__ = ["go"]  # a fixture

SOURCE = crds.Source("wanted", "example.com/wanted", "1.2.3", ("crds.yaml",), ("as.x", "bs.x"))


def crd(name: str, quote: str = "") -> str:
    return (
        f"# Generated.\napiVersion: v1\nkind: CRD\nmetadata:\n  labels:\n    name: other\n"
        f"  name: {quote}{name}{quote}\nspec:\n  names: {{}}\n"
    )


@pytest.mark.parametrize(
    "texts",
    [
        [f"{crd('as.x')}---\n{crd('bs.x')}"],
        [f"---\n{crd('bs.x')}\n---\n{crd('cs.x')}\n---\n{crd('as.x')}"],
        [crd("bs.x", '"'), crd("as.x", "'")],
    ],
)
def test_the_wanted_ones_are_taken_out_of_files(texts: list[str]) -> None:
    documents = crds.select(SOURCE, texts).split("\n---\n")
    assert ["as.x" in documents[0], "bs.x" in documents[1], len(documents)] == [True, True, 2]


def test_one_that_is_not_there_is_named() -> None:
    with pytest.raises(ControlPlaneError, match=r"example.com/wanted@v1.2.3 has no CRD bs.x"):
        crds.select(SOURCE, [crd("as.x")])


def test_projects_are_chosen_by_name() -> None:
    assert [source.name for source in crds.named(["lws", "keda", "lws"])] == ["lws", "keda"]
    assert crds.named(["all"]) == list(crds.SOURCES)
    assert crds.named([]) == []
    assert len(set(crds.NAMES)) == len(crds.SOURCES)


def test_they_are_fetched_once(go: FakeGo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crds, "SOURCES", (SOURCE,))
    (go.module / "crds.yaml").write_text(f"{crd('as.x')}---\n{crd('bs.x')}")
    (path,) = build.ensure_crds(["wanted"])
    assert path.read_text().count("kind: CRD") == 2
    assert build.ensure_crds(["wanted"]) == [path]
    assert go.log.read_text().count("mod download") == 1
    assert build.ensure_crds([]) == []


def test_a_failed_fetch_leaves_nothing(go: FakeGo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crds, "SOURCES", (SOURCE,))
    (go.module / "crds.yaml").write_text(crd("as.x"))
    with pytest.raises(ControlPlaneError, match=r"has no CRD bs\.x"):
        build.ensure_crds(["wanted"])
    assert not crds.manifest(SOURCE).exists()


def test_what_is_taken_decides_the_name_in_the_cache() -> None:
    other = crds.Source("wanted", "example.com/wanted", "1.2.3", ("crds.yaml",), ("as.x",))
    assert crds.manifest(other) != crds.manifest(SOURCE)
