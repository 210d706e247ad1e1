"""What ``ome validate`` reads: YAML as kubectl does, JSON, lists, stdin; and what it cannot."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from ome.cli.manifests import read
from ome.errors import UserError
from tests.cli.manifests import MODEL, SERVICE, said, written

Capture = pytest.CaptureFixture[str]


def test_lists_and_other_peoples_objects(tmp_path: Path, capsys: Capture) -> None:
    text = """\
        apiVersion: v1
        kind: List
        items:
        - apiVersion: apps/v1
          kind: Deployment
        - apiVersion: ome.io/v1beta1
          kind: AcceleratorClass
          metadata: {name: a}
          spec: {discovery: {nodeSelector: {a: b}}, capabilities: {memoryGB: 80GB}}
        ---
        just: values
        ---
        - 1
        """
    file = written(tmp_path, text)
    code, (line,), err = said(capsys, file)
    assert code == 1
    assert line.startswith(f"{file}:9 AcceleratorClass/a spec.capabilities.memoryGB: '80GB' must")
    assert err.startswith("1 object checked")


def test_json_is_taken(tmp_path: Path, capsys: Capture) -> None:
    text = (
        '{\n"apiVersion": "ome.io/v1beta1", "kind": "BaseModel",\n"metadata": {"name": "a"},\n'
        '"spec": {"storage": {"storageUri": "hf://a/b"}, "maxTokens": 1.0,\n"maxtokens": 1}}'
    )
    file = written(tmp_path, text, "a.json")
    code, (line,), _ = said(capsys, str(tmp_path))
    assert code == 1
    assert line.startswith(f"{file}:5 BaseModel/a spec.maxtokens: unknown field; did you mean maxT")


def test_json_may_escape_a_character_as_two_halves(tmp_path: Path) -> None:
    text = r"""{"a": "\ud83e\udd84\uD83E\uDD84", "b": "\\ud83e\\udd84", "c": "\\\ud83e\udd84"}"""
    (found,) = read(written(tmp_path, text, "a.json"))
    assert found.document == {"a": "🦄🦄", "b": r"\ud83e\udd84", "c": "\\🦄"}
    lone = written(tmp_path, r'{"a": "\ud83e"}', "b.json")
    with pytest.raises(UserError, match=r"b\.json:1 not YAML: .*Unicode"):
        read(lone)


def test_yaml_is_read_as_kubectl_reads_it(tmp_path: Path, capsys: Capture) -> None:
    text = """\
        apiVersion: ome.io/v1beta1
        kind: BaseModel
        metadata: {name: a, annotations: {day: 2026-05-06, time: 12:30}}
        spec:
          storage: {storageUri: hf://a/b}
          additionalMetadata: {1: a, on: b}
          maxTokens: 1e3
          modelConfiguration: {a: &a {x: 2026-05-06, y: .5}, b: {<<: *a, y: 0x10, z: null}}
        """
    assert said(capsys, written(tmp_path, text))[:2] == (0, [])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("y", True),
        ("N", False),
        ("on", True),
        ("yes please", "yes please"),
        ("0o17", 15),
        ("017", 15),
        ("08", 8),
        ("0x1F", 31),
        ("1_000", 1000),
        ("1_0.5", 10.5),
        ("1e3", 1000),
        ("1e400", "1e400"),
        ("._", "._"),
        (".5_", ".5_"),
        (".1_0", 0.1),
        ("-._5", -0.5),
        ("1e_", "1e_"),
        ("0o_", "0o_"),
        ("0x_f", 15),
        ("12:30", "12:30"),
        ("2020-01-01", "2020-01-01"),
        ("~", None),
    ],
)
def test_a_word_is_what_kubectl_takes_it_for(tmp_path: Path, text: str, value: object) -> None:
    """As ``kubectl create --dry-run=client`` shows them."""
    (found,) = read(written(tmp_path, f"a: {text}\n{text}: b\n"))
    assert (found.document["a"], type(found.document["a"])) == (value, type(value))
    if isinstance(value, bool):
        assert found.document["true" if value else "false"] == "b"


def test_a_kind_that_is_no_word_is_nobodys(tmp_path: Path, capsys: Capture) -> None:
    assert said(capsys, written(tmp_path, "kind: {a: b}\nspec: {}\n"))[:2] == (0, [])


# What cannot be read, and what is said of it.
UNUSABLE: list[tuple[bytes, str]] = [
    (b"a: [", " not YAML: "),
    (b"a: b\n{{ if .Values.a }}\n", ":3 not YAML: "),
    (b"a: *b\n", ":1 not YAML: found undefined alias"),
    (b"a: \xff\n", ": not UTF-8 at byte 3"),
    (b"a: !!python/object:os.system x\n", ":1 not YAML: could not determine a constructor"),
    (b"[" * 5000, " nest"),
    (b"&a [*a]", ": "),
    (
        b"a0: &a0 [1, 1]\n"
        + b"".join(b"a%d: &a%d [*a%d, *a%d]\n" % (n, n, n - 1, n - 1) for n in range(1, 40)),
        "more than 1000000 values",
    ),
    (b"a: !!binary aGFsbG8=\n", "is no JSON value"),
    (b"a: .inf\n", "inf is no JSON value"),
]


@pytest.mark.parametrize(("given", "text"), UNUSABLE, ids=range(len(UNUSABLE)))
def test_unusable_input_is_one_line_and_exit_2(
    tmp_path: Path, capsys: Capture, given: bytes, text: str
) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_bytes(given)
    good = written(tmp_path, MODEL)
    code, lines, err = said(capsys, str(bad), good)
    assert (code, lines) == (2, [])
    assert text in err
    assert len(err.splitlines()) == 2
    assert err.endswith("1 object checked: 0 errors, 0 warnings, 1 file could not be read\n")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ([], "name the files to check"),
        (["-f", "no-such-file"], "no-such-file: no such file or directory"),
        (["--odd"], "unknown flag --odd"),
    ],
)
def test_wrong_words(capsys: Capture, words: list[str], text: str) -> None:
    code, lines, err = said(capsys, *words)
    assert (code, lines) == (2, [])
    assert text in err


def test_standard_input(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    with open(written(tmp_path, SERVICE)) as given:
        monkeypatch.setattr("sys.stdin", given)
        code, (line,), _ = said(capsys, "-f", "-", "--self-contained")
    assert code == 1
    assert line.startswith("-:5 InferenceService/chat spec.model.name: ")


def test_a_pipe_is_a_file(tmp_path: Path, capsys: Capture) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    text = Path(written(tmp_path, SERVICE)).read_text()
    writer = threading.Thread(target=pipe.write_text, args=(text,))
    writer.start()
    code, (line,), _ = said(capsys, "-f", str(pipe), "--self-contained")
    writer.join(5)
    assert code == 1
    assert line.startswith(f"{pipe}:5 InferenceService/chat spec.model.name: ")
