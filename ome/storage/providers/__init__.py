"""The providers, one module for each kind of source; ``registry`` imports them when needed."""

from __future__ import annotations
