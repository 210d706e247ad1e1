"""What pages say is right, as far as that shows without a cluster."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from ome.api import names
from ome.cli import main
from tests.docs import pages
from tests.docs.pages import TASKS, blocks, missing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DOCS = TASKS.parent
_LINK = re.compile(r"\]\(([^)#]+)(#[^)]*)?\)")
_OLD = "InferenceService/old spec.predictor: warning: is deprecated"
_TYPED = re.compile(r"^(?:apiVersion: ome\.io/)", re.MULTILINE)


def _every() -> Iterator[tuple[str, pages.Block]]:
    for page in pages.pages():
        for block in blocks(page):
            yield page, block


@pytest.mark.parametrize("page", ["install.md", "tasks/uninstall.md"])
def test_whatever_has_a_finalizer_is_deleted_before_the_manager(page: str) -> None:
    # Else the kinds cannot be removed afterwards: their objects hang.
    before = (DOCS / page).read_text().partition("helm uninstall ome ")[0]
    deleted = " ".join(re.findall(r"^kubectl delete (\S+) --all", before, re.MULTILINE))
    for constant, finalizer in vars(names).items():
        if constant.startswith("FINALIZER_"):
            assert finalizer.split(".")[0].rstrip("s") in deleted, constant


def test_every_page_is_in_the_list_and_has_something_to_type() -> None:
    index = (TASKS / "README.md").read_text()
    assert [page for page in pages.pages() if f"]({page}.md)" not in index] == []
    assert {page for page, block in _every() if block.kind.startswith("sh")} == set(pages.pages())


def test_files_have_names_and_are_used() -> None:
    for page in pages.pages():
        held = blocks(page)
        typed = "".join(block.text for block in held if block.kind.startswith("sh"))
        for block in held:
            if block.kind == "yaml":
                assert re.fullmatch(r"[a-z0-9-]+\.yaml", block.file), f"{page}.md:{block.line}"
                assert block.file in typed, f"{page}.md:{block.line}: who applies {block.file}?"


@pytest.mark.timeout(180)
def test_manifests_are_accepted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Those that a page says are refused stand in a file of their own, ``*-wrong.yaml``.

    None is warned of either, but for what a page shows because it is old.
    """
    for page, block in _every():
        if block.kind == "yaml" and _TYPED.search(block.text) and "-wrong" not in block.file:
            (tmp_path / page).mkdir(exist_ok=True)
            (tmp_path / page / block.file).write_text(block.text)
    with pytest.raises(SystemExit) as ended:
        main(["validate", "-f", str(tmp_path)])
    said = capsys.readouterr()
    assert ended.value.code == 0, said.out + said.err
    warned = [line for line in said.out.splitlines() if ": warning: " in line]
    assert [line for line in warned if _OLD not in line] == []


def test_links_lead_somewhere() -> None:
    lost = [
        f"{path.relative_to(DOCS)}: {target}"
        for path in (*DOCS.rglob("*.md"), DOCS.parent / "README.md")
        for target, _ in _LINK.findall(path.read_text())
        if "://" not in target and not (path.parent / target).exists()
    ]
    assert lost == []


@pytest.mark.parametrize(
    ("expected", "output", "unseen"),
    [
        ("NAME READY\nchat True", "NAME   READY   AGE\n", "NAME READY"),
        ("NAME READY ...\nchat True ...", "NAME   READY   AGE\nchat   True    5s\n", None),
        ("b\na", "a\nb\n", "a"),
        ("... not found", "Error: x not found\n", None),
        ("", "anything", None),
    ],
)
def test_what_is_not_seen(expected: str, output: str, unseen: str | None) -> None:
    assert missing(expected, output) == unseen


def test_a_block_of_no_known_kind_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "TASKS", tmp_path)
    (tmp_path / "a.md").write_text("text\n\n```bash\nls\n```\n")
    with pytest.raises(ValueError, match=r"a\.md:3: 'bash' is none of yaml, sh"):
        blocks("a")
