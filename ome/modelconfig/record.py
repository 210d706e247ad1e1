"""What was read from a model's files, and which rule gave each value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Component", "Pipeline", "Record"]


@dataclass(frozen=True, slots=True)
class Component:
    """A part of a diffusion pipeline: a class, and the library that has it."""

    type: str = ""
    library: str = ""

    def document(self) -> dict[str, str]:
        """As it stands in a model's spec."""
        members = {"library": self.library, "type": self.type}
        return {key: value for key, value in members.items() if value}


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What a ``model_index.json`` says; ``parts`` by the names of the spec's fields."""

    class_name: str
    version: str
    parts: Mapping[str, Component]
    additional: Mapping[str, Component]

    def document(self) -> dict[str, Any]:
        """As it stands in a model's spec, without what is empty."""
        members: dict[str, Any] = {"className": self.class_name}
        members |= {key: part.document() for key, part in self.parts.items()}
        more = {key: part.document() for key, part in self.additional.items()}
        members["additionalComponents"] = more
        return {key: value for key, value in members.items() if value}


@dataclass(frozen=True, slots=True)
class Record:
    """A model. Empty texts and zeros are unknown; ``rules`` says where each value came from."""

    model_type: str
    architecture: str = ""
    parameter_count: int = 0
    context_length: int = 0
    transformers_version: str = ""
    torch_dtype: str = ""
    quantization_method: str = ""
    model_size_bytes: int = 0
    has_vision: bool = False
    has_audio: bool = False
    """Whether a model of no known family has a part for sound."""
    is_embedding: bool = False
    format_name: str = "safetensors"
    pipeline: Pipeline | None = None
    config_file: str = ""
    """The file that says it, relative to the model's directory."""
    family: str = ""
    """The family whose rules were used; empty for the generic rules."""
    rules: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    """What could not be read, and what was used instead."""
