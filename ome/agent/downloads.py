"""Pretended downloads: how long they take, which fail, and what a node would read afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ome.agent.protocol import Artifact, Config, EntryError, Progress
from ome.clock import rfc3339

if TYPE_CHECKING:
    import random

__all__ = ["MODELS_ROOT", "Behaviour", "Download", "config_of"]

MODELS_ROOT = "/mnt/models"
"""Where models without a path of their own go, as on real nodes."""

_TOTAL_BYTES = 16_069_404_672
_TOTAL_FILES = 17


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How the pretended downloads go; times in seconds."""

    seconds: tuple[float, float] = (1.0, 3.0)
    """The shortest and the longest download."""
    failure_rate: float = 0.0
    """The share of downloads that fail, 0 to 1."""
    failing: frozenset[tuple[str, str]] = frozenset()
    """The (model, node) pairs that always fail; a model is ``name`` or ``namespace/name``."""
    progress_every: float = 5.0
    """Time between two reports of a download's progress."""
    report_interval: float = 1.0
    """Changes of this long become one write."""
    repair_every: float = 300.0
    """Time between two looks at what the server has of a node's reports."""


@dataclass(frozen=True, slots=True)
class Download:
    """One download on one node, decided when it starts."""

    seconds: float
    fails: bool

    @classmethod
    def draw(cls, behaviour: Behaviour, rng: random.Random, model: str, node: str) -> Download:
        """Draw one; ``model`` is ``name`` or ``namespace/name``."""
        seconds = rng.uniform(*behaviour.seconds)
        wanted = {(model, node), (model.rpartition("/")[2], node)}
        fails = rng.random() < behaviour.failure_rate or bool(wanted & behaviour.failing)
        return cls(seconds, fails)

    def progress(self, spent: float, wall: float) -> Progress:
        """What is reported after ``spent`` seconds."""
        share = min(spent / self.seconds, 1.0)
        return Progress(
            phase="downloading",
            total_bytes=_TOTAL_BYTES,
            completed_bytes=int(_TOTAL_BYTES * share),
            total_files=_TOTAL_FILES,
            completed_files=int(_TOTAL_FILES * share),
            speed_bytes_per_sec=round(_TOTAL_BYTES / self.seconds, 1),
            last_updated=rfc3339(wall),
        )

    @property
    def error(self) -> EntryError:
        """Why it failed."""
        return EntryError("hf_download_error", "simulated: connection reset by the hub")


def config_of(key: str, path: str) -> Config:
    """What an agent would read from the files of an eight-billion Llama in this directory."""
    return Config(
        model_type="llama",
        model_architecture="LlamaForCausalLM",
        model_framework={"name": "transformers", "version": "4.43.0"},
        model_format={"name": "safetensors", "version": "1.0.0"},
        model_parameter_size="8.03B",
        max_tokens=131072,
        model_capabilities=["TEXT_TO_TEXT"],
        decoded_model_configuration={
            "model_type": "llama",
            "architecture": "LlamaForCausalLM",
            "context_length": 131072,
            "parameter_count": "8.03B",
            "has_vision": False,
            "is_embedding": False,
            "transformers_version": "4.43.0",
            "torch_dtype": "bfloat16",
            "model_size_bytes": _TOTAL_BYTES,
        },
        artifact=Artifact(sha="0e9e39f249a16976918f6564b8830bc894c89659", parent_path={key: path}),
    )
