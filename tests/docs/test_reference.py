"""docs/reference is what the code says, and says something of every name and value."""

from __future__ import annotations

import re

import pytest

from hack.generated import ROOT, stale_files
from hack.generated_reference import names, values
from hack.generated_reference.cli import files
from ome.api import KINDS
from ome.cli import COMMANDS


@pytest.fixture(scope="module")
def generated() -> dict[str, str]:
    return files()


@pytest.fixture(scope="module")
def pages(generated: dict[str, str]) -> dict[str, str]:
    return {path.rpartition("/")[2]: text for path, text in generated.items()}


@pytest.mark.timeout(180)
def test_nothing_is_stale(generated: dict[str, str]) -> None:
    assert stale_files(generated) == [], "run hack/reference"


def test_every_kind_with_the_fields_of_its_spec(pages: dict[str, str]) -> None:
    for kind in KINDS:
        assert f"\n## {kind.KIND}\n" in pages["kinds.md"]
    row = "| `minReplicas` | integer | | "
    assert pages["kinds.md"].count(row) >= 3
    assert '| `operator` | string | `"Equal"` | ' in pages["kinds.md"]
    assert "Beside the fields of a PodSpec" in pages["kinds.md"]


def test_links_between_kinds_lead_to_sections(pages: dict[str, str]) -> None:
    sections = {name.lower() for name in re.findall(r"\n## (\w+)", pages["kinds.md"])}
    assert set(re.findall(r"\]\(#(\w+)\)", pages["kinds.md"])) <= sections


def test_every_command_with_its_flags(pages: dict[str, str]) -> None:
    for command in COMMANDS:
        assert f"\n## ome {command}" in pages["commands.md"]
    assert "--leader-elect\n" in pages["commands.md"]
    # What a machine or its user has set is none of a flag's default.
    assert str(ROOT) not in pages["commands.md"]


def test_values_have_their_comment_and_type(pages: dict[str, str]) -> None:
    text = pages["values.md"]
    assert "| `ome.controller.replicaCount` | `2` | integer | Two serve webhooks while" in text
    assert '`"full"`, `"minimal"`' in text


def test_a_comment_belongs_to_the_value_below_it() -> None:
    text = "# of a\na: 1\n\n# of nothing\n\nb:\n  # of c\n  c: [x]\n  d: 2\n"
    found = {".".join(path): comment for path, _, comment in values._values(text)}
    assert found == {"a": "of a", "b.c": "of c", "b.d": ""}


def test_annotations_say_what_they_are() -> None:
    said = {value: text for _, value, text in names.described("annotations", "ANNOTATION_")}
    assert said["ome.io/paused"].startswith("true leaves everything")
    # A name for two values is described for both.
    assert said["ome.io/skip-config-parsing"] == said["ome.oracle.com/skip-config-parsing"]
