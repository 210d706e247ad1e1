"""What a pod asks of a node. Pods of one template ask the same and share one ``Demand``."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from ome.kube.quantity import parse_quantity
from ome.sandbox.selectors import selector_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.sandbox.selectors import LabelSelector
    from ome.sandbox.stored import Stored

__all__ = ["HOSTNAME", "Demand", "Expression", "Term", "Toleration", "amount", "demand_of"]

HOSTNAME = "kubernetes.io/hostname"
_COUNTED_ALWAYS = {"cpu": 100, "memory": 200 * 2**20}
"""What a pod that asks for nothing is taken to use when nodes are compared."""


class Expression(msgspec.Struct, frozen=True):
    key: str
    operator: str
    values: tuple[str, ...] = ()


class NodeTerm(msgspec.Struct, frozen=True):
    matchExpressions: tuple[Expression, ...] | None = None
    matchFields: tuple[Expression, ...] | None = None


class _NodeSelector(msgspec.Struct, frozen=True):
    nodeSelectorTerms: tuple[NodeTerm, ...] = ()


class _Preferred(msgspec.Struct, frozen=True):
    weight: int
    preference: NodeTerm


class _NodeAffinity(msgspec.Struct, frozen=True):
    requiredDuringSchedulingIgnoredDuringExecution: _NodeSelector | None = None
    preferredDuringSchedulingIgnoredDuringExecution: tuple[_Preferred, ...] | None = None


class _PodTerm(msgspec.Struct, frozen=True):
    topologyKey: str
    labelSelector: dict[str, Any] | None = None
    namespaces: tuple[str, ...] | None = None
    namespaceSelector: dict[str, Any] | None = None
    matchLabelKeys: tuple[str, ...] | None = None


class _PodAffinity(msgspec.Struct, frozen=True):
    requiredDuringSchedulingIgnoredDuringExecution: tuple[_PodTerm, ...] | None = None


class _Affinity(msgspec.Struct, frozen=True):
    nodeAffinity: _NodeAffinity | None = None
    podAffinity: _PodAffinity | None = None
    podAntiAffinity: _PodAffinity | None = None


class Toleration(msgspec.Struct, frozen=True):
    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""
    tolerationSeconds: int | None = None


class _Resources(msgspec.Struct, frozen=True):
    requests: dict[str, str | int | float] | None = None
    limits: dict[str, str | int | float] | None = None


class _Port(msgspec.Struct, frozen=True):
    hostPort: int = 0
    protocol: str = "TCP"


class _Container(msgspec.Struct, frozen=True):
    resources: _Resources | None = None
    ports: tuple[_Port, ...] | None = None
    restartPolicy: str | None = None


class _Spec(msgspec.Struct, frozen=True):
    containers: tuple[_Container, ...]
    initContainers: tuple[_Container, ...] | None = None
    nodeName: str = ""
    nodeSelector: dict[str, str] | None = None
    affinity: _Affinity | None = None
    tolerations: tuple[Toleration, ...] | None = None
    overhead: dict[str, str | int | float] | None = None
    schedulingGates: tuple[dict[str, str], ...] | None = None
    schedulerName: str = "default-scheduler"


class _Pod(msgspec.Struct, frozen=True):
    spec: _Spec


_decode = msgspec.json.Decoder(_Pod).decode
_encode = msgspec.json.Encoder(order="deterministic").encode


class Term:
    """A required term of pod (anti-)affinity: which pods, in which domain."""

    __slots__ = ("key", "namespaces", "selector")

    def __init__(self, term: _PodTerm, namespace: str, labels: Mapping[str, str]) -> None:
        self.key = term.topologyKey
        # A namespaceSelector is taken as all namespaces: the empty one, which is what is used.
        self.namespaces = (
            None if term.namespaceSelector is not None else (term.namespaces or (namespace,))
        )
        wanted = dict(term.labelSelector or {})
        own = {name: labels[name] for name in term.matchLabelKeys or () if name in labels}
        if own:
            wanted["matchLabels"] = {**(wanted.get("matchLabels") or {}), **own}
        self.selector: LabelSelector | None = (
            selector_of(wanted) if term.labelSelector is not None else None
        )

    def matches(self, namespace: str, labels: Mapping[str, str]) -> bool:
        """Whether it means a pod."""
        if self.selector is None or not self.selector.matches(labels):
            return False
        return self.namespaces is None or namespace in self.namespaces


class Demand:
    """What pods of one kind ask; made once for all of them."""

    __slots__ = (
        "affinity",
        "anti_affinity",
        "counted",
        "gated",
        "mine",
        "node_selector",
        "ports",
        "preferred",
        "requests",
        "required",
        "signature",
        "tolerations",
    )

    def __init__(
        self, spec: _Spec, signature: bytes, namespace: str, labels: Mapping[str, str]
    ) -> None:
        self.signature = signature
        self.requests = _requests(spec)
        self.counted = {**_COUNTED_ALWAYS, **self.requests}
        self.ports = tuple(
            (port.protocol, port.hostPort)
            for container in spec.containers
            for port in container.ports or ()
            if port.hostPort
        )
        self.node_selector = dict(spec.nodeSelector or {})
        affinity = spec.affinity or _Affinity()
        nodes = affinity.nodeAffinity or _NodeAffinity()
        required = nodes.requiredDuringSchedulingIgnoredDuringExecution
        self.required = required.nodeSelectorTerms if required else None
        self.preferred = nodes.preferredDuringSchedulingIgnoredDuringExecution or ()
        self.tolerations = spec.tolerations or ()
        self.affinity = _terms(affinity.podAffinity, namespace, labels)
        self.anti_affinity = _terms(affinity.podAntiAffinity, namespace, labels)
        self.gated = bool(spec.schedulingGates)
        self.mine = spec.schedulerName == "default-scheduler"


def demand_of(stored: Stored, known: dict[bytes, Demand]) -> Demand:
    """The demand of a pod; ``known`` holds those that are already there by signature."""
    spec = _decode(stored.raw).spec
    plain = msgspec.structs.replace(spec, nodeName="")
    parts: tuple[object, ...] = (plain,)
    affinity = spec.affinity
    if affinity is not None and (affinity.podAffinity or affinity.podAntiAffinity):
        parts = (plain, stored.key.namespace, dict(stored.labels))
    signature = _encode(parts)
    found = known.get(signature)
    if found is None:
        found = known[signature] = Demand(plain, signature, stored.key.namespace, stored.labels)
    return found


@lru_cache(4096)
def amount(resource: str, value: str | int | float) -> int:
    """A quantity as a whole number: thousandths of a CPU, else units."""
    number = parse_quantity(value)
    return math.ceil(number * 1000 if resource == "cpu" else number)


def _terms(
    affinity: _PodAffinity | None, namespace: str, labels: Mapping[str, str]
) -> tuple[Term, ...]:
    if affinity is None:
        return ()
    required = affinity.requiredDuringSchedulingIgnoredDuringExecution or ()
    return tuple(Term(term, namespace, labels) for term in required)


def _requests(spec: _Spec) -> dict[str, int]:
    """Containers together, or the largest of what init containers need at their turn."""
    total: dict[str, int] = {}
    for container in spec.containers:
        _add(total, _asked(container))
    sidecars: dict[str, int] = {}
    most: dict[str, int] = {}
    for container in spec.initContainers or ():
        asked = _asked(container)
        if container.restartPolicy == "Always":
            _add(sidecars, asked)
            asked = {}
        for name in sorted({*asked, *sidecars}):
            most[name] = max(most.get(name, 0), asked.get(name, 0) + sidecars.get(name, 0))
    _add(total, sidecars)
    for name, value in most.items():
        total[name] = max(total.get(name, 0), value)
    _add(total, {name: amount(name, value) for name, value in (spec.overhead or {}).items()})
    return {name: value for name, value in total.items() if value}


def _asked(container: _Container) -> dict[str, int]:
    resources = container.resources or _Resources()
    asked = {**(resources.limits or {}), **(resources.requests or {})}
    return {name: amount(name, value) for name, value in asked.items()}


def _add(total: dict[str, int], more: Mapping[str, int]) -> None:
    for name, value in more.items():
        total[name] = total.get(name, 0) + value
