"""What the three injected agent containers have in common: settings, identity, frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from ome.api import names
from ome.kube.quantity import parse_quantity
from ome.webhooks.pod.edit import InjectionFailed, container
from ome.webhooks.reading import copied
from ome.webhooks.registry import BadSetting

if TYPE_CHECKING:
    from collections.abc import Mapping

from ome.webhooks.registry import Lookup

__all__ = ["AgentSettings", "frame", "identity", "is_tfew"]

_WORKLOAD_IDENTITY = "OkeWorkloadIdentity"
_QUANTITIES = (
    ("requests", "cpu", "cpuRequest"),
    ("requests", "memory", "memoryRequest"),
    ("limits", "cpu", "cpuLimit"),
    ("limits", "memory", "memoryLimit"),
)


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """The members of one key of ``inferenceservice-config``, checked when they are read."""

    key: str
    members: Mapping[str, Any]

    @classmethod
    def read(cls, lookup: Lookup, key: str, injector: str, required: tuple[str, ...]) -> Self:
        """The settings with every required member. Raises ``InjectionFailed``, ``BadSetting``."""
        settings = cls(key, lookup.config(key) or {})
        details = [
            f"Key: '{injector}.{field}' Error:Field validation for '{field}' failed on the"
            " 'required' tag"
            for member in required
            if not settings.text(member) and (field := member[0].upper() + member[1:])
        ]
        if details:
            raise InjectionFailed(
                f"failed to validate {injector}: "
                + "\n".join(details)
                + f"\nset {', '.join(required)} in key {key} of ConfigMap"
                f" {names.CONFIGMAP_INFERENCE_SERVICE}"
            )
        return settings

    def text(self, member: str) -> str:
        """A text, empty when absent."""
        value = self.members.get(member)
        if value is not None and not isinstance(value, str):
            raise BadSetting(self.key, f"{member} must be a string")
        return value or ""

    def objects(self, member: str) -> list[Any]:
        """A list of objects, empty when absent."""
        value = self.members.get(member)
        if value is not None and not (
            isinstance(value, list) and all(isinstance(item, dict) for item in value)
        ):
            raise BadSetting(self.key, f"{member} must be a list of objects")
        return list(copied(value or []))

    def resources(self) -> dict[str, dict[str, str]]:
        """Requests and limits; an empty member is left out."""
        found: dict[str, dict[str, str]] = {}
        for part, resource, member in _QUANTITIES:
            value = self.text(member)
            if not value:
                continue
            try:
                parse_quantity(value)
            except ValueError as error:
                raise InjectionFailed(
                    f"invalid quantity for {self.key}.{member}: {value}; write a number like 2,"
                    f" 500m or 1.5Gi there in ConfigMap {names.CONFIGMAP_INFERENCE_SERVICE}"
                ) from error
            found.setdefault(part, {})[resource] = value
        return found


def frame(
    pod: dict[str, Any],
    settings: AgentSettings,
    name: str,
    args: list[str],
    *mains: str,
) -> dict[str, Any]:
    """The injected container without environment and mounts; settles the pod's identity.

    ``mains`` are the containers from which the security context is copied, the first in list
    order. Raises ``InjectionFailed`` when the pod has none of them, or no service account for
    workload identity.
    """
    spec = pod["spec"]
    if settings.text("authType") == _WORKLOAD_IDENTITY:
        if not spec.get("serviceAccountName"):
            raise InjectionFailed(
                "a service account should be specified when using OKEWorkloadIdentity: set"
                f" serviceAccountName of the pod, or another authType in key {settings.key} of"
                f" ConfigMap {names.CONFIGMAP_INFERENCE_SERVICE}"
            )
        spec["automountServiceAccountToken"] = True
    main = container(pod, *mains)
    if main is None:
        raise InjectionFailed(
            f"no main container {' or '.join(mains)} specified: {name} takes its security context"
        )
    made: dict[str, Any] = {
        "name": name,
        "image": settings.text("image"),
        "args": args,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "resources": settings.resources(),
    }
    if main.get("securityContext") is not None:
        made["securityContext"] = copied(main["securityContext"])
    return made


def identity(settings: AgentSettings) -> list[tuple[str, str]]:
    """The variables that say who the agent is."""
    return [
        (names.ENV_AGENT_AUTH_TYPE, settings.text("authType")),
        (names.ENV_AGENT_COMPARTMENT_ID, settings.text("compartmentId")),
    ]


def is_tfew(annotations: Mapping[str, str]) -> bool:
    """Whether the model is a Cohere one with a T-Few weight that is not merged into it."""
    return (
        annotations.get(names.ANNOTATION_BASE_MODEL_VENDOR) == "cohere"
        and annotations.get(names.ANNOTATION_FT_STRATEGY) == "tfew"
        and annotations.get(names.ANNOTATION_MERGED_WEIGHTS) != "true"
    )
