"""Defaults and the form in which the server stores a document."""

from __future__ import annotations

from ome.sandbox.builtin.defaults.fill import fill_status, set_defaults

__all__ = ["fill_status", "set_defaults"]
