"""The shape of an admission handler: what it is given, what it may read, how it answers.

A kind's module exposes ``default(review, lookup)`` and ``validate(review, lookup)`` and nothing
else of it is known to the server, to ``ome validate`` or to the tests. Handlers are synchronous and
pure: the same review and the same lookups give the same answer, and neither argument is changed.

A handler need not ask for objects that a cache may not have yet. The server keeps in mind what a
``Lookup`` did not find, and when the answer is a refusal it reads just those objects from the API
server and runs the handler once more.

Refusing. A validator returns a ``Verdict``; its problems deny the request with 403. A defaulter
that cannot go on raises ``AdmissionDenied`` (403 too, with its causes as fields). An object that
has not the shape of its kind is ``Undecodable`` (400). Any other ``OmeError``, ``BadSetting`` among
them, answers 500 with its text (an ``ApiError`` its own code); everything else counts as a panic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ome.errors import OmeError

__all__ = [
    "BadSetting",
    "Defaulter",
    "Document",
    "IfAbsent",
    "Lookup",
    "Problem",
    "Review",
    "Undecodable",
    "Validator",
    "Verdict",
]

Document = Mapping[str, Any]
"""A Kubernetes object as plain JSON. Read only: it may be shared with a cache."""


class BadSetting(OmeError):
    """A key of the operator's ConfigMap does not hold what it should; ``why`` says why not."""

    def __init__(self, key: str, why: str) -> None:
        super().__init__(f"unable to unmarshal {key} json string: {why}")
        self.key = key
        self.why = why


class Undecodable(OmeError):
    """The object under review has not the shape of its kind; the text says where."""


@dataclass(frozen=True, slots=True)
class Review:
    """What an admission handler is given."""

    operation: str
    """``CREATE``, ``UPDATE`` or ``DELETE``."""
    kind: str
    namespace: str
    """Of the request; empty for a cluster-scoped kind."""
    name: str
    """May be empty on CREATE, with ``generateName``."""
    object: Document | None
    """As sent, so no unknown field is lost; None on DELETE."""
    old: Document | None
    """As stored; None on CREATE."""
    user: str = ""
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: ``field`` as in ``spec.engine.minReplicas``, "" for the whole."""

    field: str
    message: str


class IfAbsent(str):
    """A warning that only stands as long as the cluster lacks something."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a validator finds: any problem denies, warnings are shown to the user either way."""

    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()


class Lookup(Protocol):
    """Reads of what the cluster has; the server's reads caches, ``ome validate``'s reads files.

    An object that is not there is None. Any method may raise ``ApiError`` or ``TransportError``
    when it had to ask and could not.
    """

    def base_model(self, namespace: str, name: str) -> Document | None:
        """The BaseModel of the namespace, else the ClusterBaseModel (tell apart by ``kind``).

        With an empty namespace only the ClusterBaseModel.
        """
        ...

    def runtime(self, namespace: str, name: str) -> Document | None:
        """The ServingRuntime of the namespace, else the ClusterServingRuntime.

        With an empty namespace only the ClusterServingRuntime.
        """
        ...

    def runtimes(self, namespace: str) -> Sequence[Document]:
        """All ServingRuntimes of the namespace and all ClusterServingRuntimes."""
        ...

    def cluster_runtimes(self) -> Sequence[Document]:
        """All ClusterServingRuntimes."""
        ...

    def accelerator(self, name: str) -> Document | None:
        """The AcceleratorClass."""
        ...

    def accelerators(self) -> Sequence[Document]:
        """All AcceleratorClasses."""
        ...

    def fine_tuned_weight(self, name: str) -> Document | None:
        """The FineTunedWeight."""
        ...

    def inference_service(self, namespace: str, name: str) -> Document | None:
        """The InferenceService."""
        ...

    def services_using(self, runtime_kind: str, namespace: str, name: str) -> tuple[int, int]:
        """How many InferenceServices use the runtime, and how many pods these have."""
        ...

    def config(self, key: str) -> Document | None:
        """The JSON object under a key of ``inferenceservice-config``, None without the key.

        Raises ``BadSetting`` when the key holds no JSON object.
        """
        ...

    def migrates_predictors(self) -> bool:
        """Whether predictors are migrated: ``ENABLE_PREDICTOR_MIGRATION`` is not ``false``."""
        ...


Defaulter = Callable[[Review, Lookup], dict[str, Any]]
"""Gives the object as it should be: a changed deep copy of ``review.object``, never itself."""

Validator = Callable[[Review, Lookup], Verdict]
"""Judges ``review.object`` (defaulted already)."""
