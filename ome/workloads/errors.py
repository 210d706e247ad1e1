"""Why a service cannot be rendered; each names the field and the next step."""

from __future__ import annotations

from ome.errors import OmeError

__all__ = ["ConfigError", "ExposureError", "RenderError"]


class RenderError(OmeError):
    """A component cannot be rendered as it is written; ``component`` names it."""

    def __init__(self, component: str, message: str, reason: str = "InternalError") -> None:
        super().__init__(message)
        self.component = component
        self.reason = reason


class ConfigError(OmeError):
    """A key of the operator's ConfigMap cannot be used."""


class ExposureError(OmeError):
    """A service cannot be exposed as it is written: its host, its path, or what it asks for."""
