"""The agent of a node: the status protocol, its reporting, and agents that are simulated."""

from __future__ import annotations
