"""OCI principals: their names, long and short, and the user's from the environment. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ome.storage.errors import InvalidUri, StorageError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DEFAULT_AUTH", "InvalidAuth", "UserPrincipal", "auth_type", "user_principal"]

_TYPES = {
    "user_principal": "UserPrincipal",
    "instance_principal": "InstancePrincipal",
    "resource_principal": "ResourcePrincipal",
    "oke_workload_identity": "OkeWorkloadIdentity",
}
DEFAULT_AUTH = "InstancePrincipal"
"""The principal of those who name none."""


class InvalidAuth(StorageError):
    """``spec.storage.parameters.auth`` names no principal."""

    reason = InvalidUri.reason


@dataclass(frozen=True, slots=True)
class UserPrincipal:
    """A configuration file and a profile in it."""

    config_path: str
    profile: str
    use_session_token: bool


def auth_type(text: str) -> str:
    """The principal that ``auth`` names, by its long name; that of the instance when absent.

    Names may be short (``instance_principal``) or long, with or without ``OCI`` before it.
    """
    name = text.strip()
    if not name:
        return DEFAULT_AUTH
    found = _TYPES.get(name, name.removeprefix("OCI"))
    if found not in _TYPES.values():
        raise InvalidAuth(
            f"unknown auth_type: {name} in spec.storage.parameters.auth; use one of"
            f" {', '.join(_TYPES.values())}"
        )
    return found


def user_principal(environ: Mapping[str, str]) -> UserPrincipal:
    """The user of ``OCI_CONFIG_PATH``, ``PROFILE`` and ``USE_SESSION_TOKEN``."""
    return UserPrincipal(
        environ.get("OCI_CONFIG_PATH") or "~/.oci/config",
        environ.get("PROFILE") or "DEFAULT",
        environ.get("USE_SESSION_TOKEN", "").lower() == "true",
    )
