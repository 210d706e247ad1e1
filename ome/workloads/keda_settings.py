"""What a KEDA trigger is told, from the component, the service and the operator's settings."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.api.jsontext import read_json

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["KedaSettings", "parse_keda", "settings_of"]


@dataclass(frozen=True, slots=True)
class KedaSettings:
    """The members of a ``kedaConfig`` block, snake case; an empty one is not set.

    ``enableKeda`` is none of them: what it selects depends on where it stands.
    """

    prom_server_address: str = ""
    custom_prom_query: str = ""
    scaling_threshold: str = ""
    scaling_operator: str = ""
    auth_modes: str = ""
    authentication_name: str = ""
    authentication_kind: str = ""

    def over(self, other: KedaSettings) -> KedaSettings:
        """These settings, and ``other``'s where these say nothing.

        Name and kind of the credentials belong together.
        """
        named = self if self.authentication_name else other
        taken = {
            entry.name: getattr(self, entry.name) or getattr(other, entry.name)
            for entry in fields(KedaSettings)
        }
        taken["authentication_name"] = named.authentication_name
        taken["authentication_kind"] = named.authentication_kind
        return KedaSettings(**taken)


_MEMBERS = {
    "promServerAddress": "prom_server_address",
    "customPromQuery": "custom_prom_query",
    "scalingThreshold": "scaling_threshold",
    "scalingOperator": "scaling_operator",
    "authModes": "auth_modes",
}


def settings_of(block: Mapping[str, Any] | None) -> KedaSettings:
    """The settings of a ``kedaConfig`` block as JSON."""
    held = block or {}
    found = {name: str(held[key]) for key, name in _MEMBERS.items() if held.get(key)}
    reference = held.get("authenticationRef") or {}
    return KedaSettings(
        **found,
        authentication_name=reference.get("name") or "",
        authentication_kind=reference.get("kind") or "",
    )


def parse_keda(text: str) -> tuple[KedaSettings, str]:
    """The cluster's defaults from key ``kedaConfig``, and what is wrong with it, if anything.

    A value that cannot be read is as good as none: services do not fail by it.
    """
    if not text:
        return KedaSettings(), ""
    where = f"ConfigMap {names.CONFIGMAP_INFERENCE_SERVICE}, key kedaConfig, is ignored"
    try:
        value = read_json(text)
    except ValueError as error:
        return KedaSettings(), f"{where}: {error}"
    if not isinstance(value, dict):
        return KedaSettings(), f"{where}: it must hold a JSON object"
    if not isinstance(value.get("authenticationRef") or {}, dict):
        return KedaSettings(), f"{where}: authenticationRef must be an object"
    return settings_of(value), ""
