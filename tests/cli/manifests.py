"""Manifests, and what ``ome validate`` says of them."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

from ome.cli import main

if TYPE_CHECKING:
    from pathlib import Path

    Capture = pytest.CaptureFixture[str]

MODEL = """\
apiVersion: ome.io/v1beta1
kind: ClusterBaseModel
metadata: {name: llama}
spec:
  modelFormat: {name: safetensors}
  modelFramework: {name: transformers}
  storage: {storageUri: hf://meta-llama/Llama-3.1-8B}
"""
SERVICE = """\
apiVersion: ome.io/v1beta1
kind: InferenceService
metadata: {name: chat}
spec:
  model: {name: llama}
  engine: {}
"""


def said(capsys: Capture, *words: str) -> tuple[int, list[str], str]:
    """Exit code, lines of standard output, standard error."""
    with pytest.raises(SystemExit) as ended:
        main(["validate", *words])
    out, err = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return ended.value.code, out.splitlines(), err


def written(folder: Path, text: str, name: str = "a.yaml") -> str:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(textwrap.dedent(text))
    return str(path)
