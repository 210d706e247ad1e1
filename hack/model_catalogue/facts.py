"""The two tables of facts, read and checked."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

__all__ = ["Engine", "Facts", "FactsError", "Family", "Host", "Model", "Shape", "read"]

HERE = Path(__file__).resolve().parent
MARKS = {"gated", "fp8", "sentence"}
CAPABILITIES = {
    "text": "TEXT_TO_TEXT",
    "image": "IMAGE_TEXT_TO_TEXT",
    "embedding": "EMBEDDING",
    "rerank": "RERANK",
}


class FactsError(Exception):
    """A table says something that cannot be; the text names the place."""


@dataclass(frozen=True, slots=True)
class Model:
    """A line of ``models.csv``."""

    vendor: str
    name: str
    huggingface: str
    architecture: str
    saved: str
    """The transformers release that wrote it."""
    size: str
    capabilities: tuple[str, ...]
    gated: bool
    """Whether a download needs a token of someone who accepted the terms."""
    quantization: str | None
    framework: str
    """``transformers``; ``sentence-transformers`` for what looks like a chat model but embeds."""


@dataclass(frozen=True, slots=True)
class Host:
    """What a container asks of its node besides GPUs."""

    cpu: int
    memory: str


@dataclass(frozen=True, slots=True)
class Shape:
    """How many nodes and GPUs on each, for which sizes."""

    nodes: int
    gpus: int
    smallest: str
    largest: str
    named: bool
    """Used only by a service that names the runtime."""
    split: bool
    """Exists a second time with prefill and decode apart."""

    @property
    def suffix(self) -> str:
        """The end of a runtime's name."""
        return f"{self.gpus}gpu" if self.nodes == 1 else f"{self.nodes}x{self.gpus}gpu"


@dataclass(frozen=True, slots=True)
class Engine:
    """A server program for a family."""

    name: str
    image: str
    reads: str
    """The transformers release inside the image."""
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Family:
    """A paragraph of ``runtimes.yaml``."""

    name: str
    architectures: tuple[str, ...]
    framework: str
    quantization: str | None
    also: tuple[str, ...]
    """Unofficial transformers releases that no model of the catalogue has."""
    shapes: tuple[Shape, ...]
    engines: tuple[Engine, ...]
    memory_fraction: float
    host: Host | None


@dataclass(frozen=True, slots=True)
class Facts:
    """Both tables."""

    models: tuple[Model, ...]
    families: tuple[Family, ...]
    hosts: dict[int, Host]


def read(directory: Path = HERE) -> Facts:
    """The tables of a directory. Raises ``FactsError``."""
    with (directory / "models.csv").open(newline="") as table:
        models = tuple(_model(row) for row in csv.DictReader(table))
    document = yaml.safe_load((directory / "runtimes.yaml").read_text())
    families = tuple(
        _family(name, row, document["engines"]) for name, row in document["families"].items()
    )
    _no_duplicates("models.csv", [model.name for model in models])
    hosts = {gpus: Host(**host) for gpus, host in document["hosts"].items()}
    return Facts(models, families, hosts)


def _model(row: dict[str, str]) -> Model:
    marks = set(row["marks"].split())
    if marks - MARKS:
        raise FactsError(
            f"models.csv: {row['name']}: marks: {' '.join(sorted(marks - MARKS))} is not one of"
            f" {' '.join(sorted(MARKS))}"
        )
    does = row["does"].split("+")
    unknown = [word for word in does if word not in CAPABILITIES]
    if unknown:
        raise FactsError(
            f"models.csv: {row['name']}: does: {unknown[0]} is not one of {' '.join(CAPABILITIES)}"
        )
    return Model(
        vendor=row["vendor"],
        name=row["name"],
        huggingface=row["huggingface"],
        architecture=row["architecture"],
        saved=row["saved"],
        size=row["size"],
        capabilities=tuple(CAPABILITIES[word] for word in does),
        gated="gated" in marks,
        quantization="fp8" if "fp8" in marks else None,
        framework="sentence-transformers" if "sentence" in marks else "transformers",
    )


def _family(name: str, row: dict[str, Any], engines: dict[str, dict[str, str]]) -> Family:
    known = {"also", "architectures", "engines", "framework", "host", "images", "memory-fraction"}
    unknown = row.keys() - known - {"named", "quantization", "shapes", "split"}
    if unknown:
        raise FactsError(f"runtimes.yaml: families.{name}.{min(unknown)}: is not known")
    images = row.get("images", {})
    return Family(
        name=name,
        architectures=tuple(row["architectures"]),
        framework=row.get("framework", "transformers"),
        quantization=row.get("quantization"),
        also=tuple(row.get("also", ())),
        shapes=tuple(_shape(name, key, row) for key in row["shapes"]),
        engines=tuple(
            Engine(
                engine,
                images.get(engine, engine),
                engines.get(images.get(engine, engine), engines[engine])["reads"],
                tuple(arguments),
            )
            for engine, arguments in row["engines"].items()
        ),
        memory_fraction=row.get("memory-fraction", 0.9),
        host=Host(**row["host"]) if "host" in row else None,
    )


def _shape(family: str, key: int | str, row: dict[str, Any]) -> Shape:
    nodes, _, gpus = str(key).rpartition("x")
    smallest, dash, largest = row["shapes"][key].partition("-")
    if not dash:
        raise FactsError(f"runtimes.yaml: families.{family}.shapes.{key}: write it as 1B-10B")
    return Shape(
        nodes=int(nodes or 1),
        gpus=int(gpus),
        smallest=smallest,
        largest=largest,
        named=key in row.get("named", ()),
        split=key in row.get("split", ()),
    )


def _no_duplicates(where: str, found: list[str]) -> None:
    twice = sorted({name for name in found if found.count(name) > 1})
    if twice:
        raise FactsError(f"{where}: {', '.join(twice)} stands there twice; names must differ")
