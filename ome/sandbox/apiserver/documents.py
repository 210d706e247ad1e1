"""From a request's body to a document that may be stored, for built-in and custom kinds alike."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from ome.clock import rfc3339
from ome.sandbox import builtin, schema
from ome.sandbox.apiserver.definitions import established
from ome.sandbox.refusal import bad_request, invalid

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

    from ome.clock import Clock
    from ome.sandbox.apiserver.addresses import Addresses
    from ome.sandbox.apiserver.calls import Call
    from ome.sandbox.apiserver.kinds import Kind
    from ome.sandbox.refusal import Cause

__all__ = ["Documents", "unchanged"]

_SERVER_SET = ("uid", "creationTimestamp", "generation", "deletionTimestamp",
               "deletionGracePeriodSeconds", "selfLink")  # fmt: skip
_WITH_GENERATION = frozenset(
    {
        "CustomResourceDefinition",
        "Deployment",
        "EndpointSlice",
        "Ingress",
        "Job",
        "MutatingWebhookConfiguration",
        "Pod",
        "PodDisruptionBudget",
        "ReplicaSet",
        "StatefulSet",
        "ValidatingWebhookConfiguration",
    }
)
_CRD = ("apiextensions.k8s.io", "CustomResourceDefinition")
_SUFFIX = "bcdfghjklmnpqrstvwxz2456789"


class Documents:
    """Decoding, defaults, checks and the metadata that the server sets."""

    def __init__(self, clock: Clock, rng: random.Random, addresses: Addresses) -> None:
        self._clock = clock
        self._rng = rng
        self._addresses = addresses

    @property
    def now(self) -> str:
        """The time for stamps."""
        return rfc3339(self._clock.wall())

    def decoded(self, call: Call, kind: Kind) -> dict[str, Any]:
        """The body as an object of this kind, without unknown fields.

        Raises ``Refused`` 400 for what is no object of this kind, and for unknown and duplicate
        fields under ``fieldValidation=Strict``.
        """
        value, duplicates = self._parsed(call, kind)
        self.cleaned(call, value, kind, duplicates)
        return value

    def as_sent(self, call: Call, kind: Kind) -> dict[str, Any]:
        """The body as an object of this kind, unknown fields and all: an apply checks its own."""
        return self._parsed(call, kind)[0]

    def _parsed(self, call: Call, kind: Kind) -> tuple[dict[str, Any], list[str]]:
        mode = call.query.get("fieldValidation") or "Warn"
        value, duplicates = schema.decode(call.body, strict=mode != "Ignore")
        if not isinstance(value, dict):
            raise bad_request("the body of the request is not an object")
        if kind.custom is None:
            # The path says what it is; only custom resources have to say it again.
            value.setdefault("kind", kind.resource.kind)
            value.setdefault("apiVersion", kind.resource.api_version)
        self.check_kind(value, kind)
        return value, duplicates

    def check_kind(self, value: Mapping[str, Any], kind: Kind) -> None:
        """Raises ``Refused`` 400 when a document says that it is of another kind."""
        said = value.get("apiVersion"), value.get("kind")
        resource = kind.resource
        if said == (resource.api_version, resource.kind):
            return
        if not said[1]:
            raise bad_request("Object 'Kind' is missing in the body of the request")
        raise bad_request(
            f"the object provided is unrecognized (must be of type {resource.kind}): it says"
            f" apiVersion {said[0]!r}, kind {said[1]!r}; expected apiVersion"
            f" {resource.api_version!r}"
        )

    def cleaned(
        self,
        call: Call,
        value: dict[str, Any],
        kind: Kind,
        duplicates: list[str] | None = None,
    ) -> None:
        """Check types and drop unknown fields in place, as ``fieldValidation`` says."""
        resource = kind.resource
        wrong = schema.typecheck(value, kind.schema, resource.kind, resource.version)
        if wrong:
            raise bad_request(wrong)
        problems = self.dropped(call, value, kind, duplicates)
        if problems:
            raise bad_request(
                f'{resource.kind} in version "{resource.version}" cannot be handled as a'
                f" {resource.kind}: strict decoding error: {', '.join(problems)}"
            )

    def dropped(
        self,
        call: Call,
        value: dict[str, Any],
        kind: Kind,
        duplicates: list[str] | None = None,
    ) -> list[str]:
        """Drop unknown fields in place; what ``fieldValidation=Strict`` refuses of them."""
        unknown = schema.prune(value, kind.schema)
        problems = schema.field_problems(unknown, duplicates or [])
        mode = call.query.get("fieldValidation") or "Warn"
        if mode == "Strict":
            return problems
        if mode == "Warn":
            call.warnings += [text for text in problems if text not in call.warnings]
        return []

    def fill(self, document: dict[str, Any], kind: Kind, old: Mapping[str, Any] | None) -> None:
        """Defaults, and what only the server can say, in place."""
        if kind.custom is None:
            builtin.set_defaults(kind.gk, document, old)
            if kind.gk == _CRD and "spec" in document:
                established(document, self._clock.wall())
            elif kind.gk == ("", "Service"):
                self._addresses.give(document)
        else:
            schema.apply_defaults(document, kind.schema)

    def begin(self, document: dict[str, Any], kind: Kind, namespace: str) -> None:
        """What the server sets on a new object, in place."""
        metadata = document.setdefault("metadata", {})
        if not isinstance(metadata, dict):
            raise bad_request("metadata: expected an object")
        if kind.resource.namespaced:
            given = metadata.setdefault("namespace", namespace)
            if given != namespace:
                raise bad_request(
                    f"the namespace of the provided object does not match the namespace sent on"
                    f" the request: {given!r} is not {namespace!r}"
                )
        else:
            metadata.pop("namespace", None)
        if metadata.get("resourceVersion") not in (None, "", "0"):
            raise bad_request("resourceVersion should not be set on objects to be created")
        for name in (*_SERVER_SET, "resourceVersion"):
            metadata.pop(name, None)
        prefix = metadata.get("generateName")
        if not metadata.get("name") and prefix:
            suffix = "".join(self._rng.choice(_SUFFIX) for _ in range(5))
            metadata["name"] = f"{str(prefix)[:58]}{suffix}"
        metadata["uid"] = str(uuid.UUID(int=self._rng.getrandbits(128), version=4))
        metadata["creationTimestamp"] = self.now
        if _counts_generations(kind):
            metadata["generation"] = 1
        if kind.custom is None:
            builtin.prepare_create(kind.gk, document)
        elif kind.status:
            document.pop("status", None)

    def carry_over(
        self, document: dict[str, Any], old: Mapping[str, Any], kind: Kind, subresource: str
    ) -> None:
        """What an update cannot change comes from the old object, in place."""
        metadata = document.setdefault("metadata", {})
        before = old["metadata"]
        for name in (*_SERVER_SET, "name", "namespace"):
            if name in before:
                # A wrong uid is refused, not mended: it guards against a namesake.
                if name != "uid" or not metadata.get("uid"):
                    metadata[name] = before[name]
            else:
                metadata.pop(name, None)
        if subresource in ("binding", "finalize"):
            return
        if kind.custom is None:
            builtin.prepare_update(kind.gk, document, old, subresource)
        elif subresource == "status":
            self._status_only(document, old)
        elif kind.status:
            _copy(old, document, "status")

    def count_generation(
        self, document: dict[str, Any], old: Mapping[str, Any], kind: Kind, subresource: str
    ) -> None:
        """``metadata.generation`` after a change, in place."""
        if not _counts_generations(kind):
            return
        before = old["metadata"].get("generation", 1)
        if subresource in ("status", "binding"):
            changed = False
        elif kind.custom is None:
            changed = builtin.bumps_generation(kind.gk, old, document)
        else:
            apart = {"metadata", "status"} if kind.status else {"metadata"}
            changed = _without(old, apart) != _without(document, apart)
        document["metadata"]["generation"] = before + 1 if changed else before

    def check(self, document: Mapping[str, Any], kind: Kind, old: Mapping[str, Any] | None) -> None:
        """Raises ``Refused`` 422 with all that is wrong."""
        metadata = document["metadata"]
        causes: list[Cause] = builtin.validate_metadata(
            metadata,
            kind.resource.namespaced,
            old["metadata"] if old else None,
            builtin.name_rule(kind.gk) if kind.custom is None else "dns-subdomain",
            core=kind.custom is None and kind.gk != _CRD,
        )
        if kind.custom is None:
            causes += builtin.validate(kind.gk, document, old)
        else:
            causes += schema.validate(document, kind.schema, old)
        if causes:
            name = metadata.get("name", "")
            raise invalid(kind.resource.group, kind.resource.kind, name, causes)

    def check_view(self, document: Mapping[str, Any], kind: Kind) -> None:
        """Raises ``Refused`` 422 for what only the form in which it is sent asks for."""
        if kind.is_event_view:
            causes = builtin.validate(kind.gk, document, None)
            if causes:
                name = document["metadata"].get("name", "")
                raise invalid(kind.resource.group, kind.resource.kind, name, causes)

    def _status_only(self, document: dict[str, Any], old: Mapping[str, Any]) -> None:
        """Of a custom resource's status update only the status counts."""
        status, managed = document.get("status"), document["metadata"].get("managedFields")
        version = document["metadata"].get("resourceVersion")
        document.clear()
        document.update({**old, "metadata": dict(old["metadata"])})
        document.pop("status", None)
        if status is not None:
            document["status"] = status
        if managed is not None:
            document["metadata"]["managedFields"] = managed
        if version is not None:
            document["metadata"]["resourceVersion"] = version


def unchanged(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether a write would store what is there already, but for stamps of field owners."""
    if old == new:
        return True
    return _stripped(old) == _stripped(new)


def _stripped(document: Mapping[str, Any]) -> dict[str, Any]:
    metadata = _without(document["metadata"], {"resourceVersion", "managedFields"})
    owners = [
        _without(entry, {"time"}) for entry in document["metadata"].get("managedFields") or ()
    ]
    return {**document, "metadata": metadata, "managedFields": owners}


def _counts_generations(kind: Kind) -> bool:
    return kind.custom is not None or kind.resource.kind in _WITH_GENERATION


def _without(value: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: item for name, item in value.items() if name not in names}


def _copy(source: Mapping[str, Any], target: dict[str, Any], name: str) -> None:
    if name in source:
        target[name] = source[name]
    else:
        target.pop(name, None)
