"""What a provider is given beside its URI: a credential, wishes, and its surroundings."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import anyio

from ome.clock import Clock, SystemClock
from ome.storage.errors import InvalidUri
from ome.storage.hosts import region_problem
from ome.storage.paths import wanted

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Credentials", "Surroundings", "Wishes", "wishes_of"]

_THREADS = 8


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """Secret values by the names of their provider. Never printed: ``repr`` shows names only."""

    values: Mapping[str, str] = field(default_factory=dict)
    origin: str = "none"
    """Where they came from, in words for a log."""
    problem: str = ""
    """Why the named Secret was not used; empty when it was, or when none is named."""

    def __repr__(self) -> str:
        return f"Credentials({sorted(self.values)}, from {self.origin})"

    def get(self, name: str) -> str:
        """The value; empty when there is none."""
        return self.values.get(name, "")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a model's ``storage.parameters`` ask for. None of it is secret."""

    revision: str = ""
    endpoint: str = ""
    region: str = ""
    allow: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    auth: str = ""
    repository: Literal["model", "dataset", "space"] = "model"
    """The kind of a hub's repository; only a command asks for another than a model's."""
    shape: str = ""
    """The alias of a GPU shape: of engines that are built for shapes, only its folder is wanted."""

    def region_for(self, of_uri: str) -> str:
        """The wished region, else the URI's. Raises ``InvalidUri`` when it is none."""
        problem = region_problem(self.region)
        if problem:
            raise InvalidUri(f"spec.storage.parameters.region: {problem}")
        return self.region or of_uri

    def wants(self, path: str) -> bool:
        """Whether a file is to be fetched."""
        if self.shape and f"/{self.shape}/" not in f"/{path}":
            return False
        return wanted(path, self.allow, self.ignore)


def wishes_of(parameters: Mapping[str, str] | None) -> Wishes:
    """The wishes in the parameters; an empty value counts as absent, an unknown key is ignored."""
    given = {key: value.strip() for key, value in (parameters or {}).items()}
    return Wishes(
        revision=given.get("revision", ""),
        endpoint=given.get("endpoint", "").rstrip("/"),
        region=given.get("region", "") or given.get("aws_region", ""),
        allow=_patterns(given.get("allow_patterns", "")),
        ignore=_patterns(given.get("ignore_patterns", "")),
        auth=given.get("auth", "") or given.get("auth_type", ""),
    )


def _patterns(text: str) -> tuple[str, ...]:
    return tuple(part for part in (item.strip() for item in text.split(",")) if part)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Time, randomness, environment, and the one limiter of threads that block for us."""

    clock: Clock = field(default_factory=SystemClock)
    rng: random.Random = field(default_factory=random.Random)
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    threads: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(_THREADS))
    guarded: bool = False
    """Whether addresses that a model names may only be those of other hosts."""

    def guards(self, wishes: Wishes) -> bool:
        """Whether requests to a store are to be judged: those to an endpoint that a model names."""
        return self.guarded and bool(wishes.endpoint)
