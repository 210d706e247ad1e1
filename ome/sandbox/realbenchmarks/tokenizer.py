"""A tokenizer of a few kilobytes that ``transformers`` loads from a directory: one token a byte."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["count_tokens", "write_tokenizer"]

_PRINTABLE = (*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100))
"""Bytes that stand for themselves; the others get the characters from U+0100 on, in order."""
_LONGEST = 131_072


def write_tokenizer(directory: Path) -> None:
    """Write its files; the directory is made when it is not there. Raises ``OSError``."""
    directory.mkdir(parents=True, exist_ok=True)
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": _LONGEST}
    (directory / "tokenizer.json").write_text(json.dumps(_tokenizer()))
    (directory / "tokenizer_config.json").write_text(json.dumps(settings))


def count_tokens(text: str) -> int:
    """The tokens of a text."""
    return len(text.encode())


def _tokenizer() -> dict[str, Any]:
    shown = [chr(byte) for byte in _PRINTABLE]
    hidden = 256 - len(shown)
    alphabet = [*shown, *(chr(0x100 + number) for number in range(hidden))]
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    return {
        "version": "1.0",
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {**level, "use_regex": False},
        "post_processor": None,
        "decoder": {**level, "use_regex": True},
        "model": {
            "type": "BPE",
            "vocab": {character: number for number, character in enumerate(alphabet)},
            "merges": [],
        },
    }
