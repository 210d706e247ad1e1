"""What URIs and parameters may make part of a host's name, lest it be another host's. Pure."""

from __future__ import annotations

import re

__all__ = ["account_problem", "region_problem"]

_PART = re.compile(r"[A-Za-z0-9-]+")
_END = re.compile(rf"{_PART.pattern}(?:\.{_PART.pattern})*")
_REGION = re.compile(r"[A-Za-z0-9_-]+")
"""Stores of one's own have regions of any name; an underscore leads to no other host."""


def region_problem(region: str) -> str:
    """Why a text is no region of a store; empty when it is, or there is none."""
    if not region or _REGION.fullmatch(region):
        return ""
    return f'region "{region}" may hold only letters, digits, hyphens and underscores'


def account_problem(host: str) -> str:
    """Why a text is no account of Azure, alone or with ``.blob.core.`` and what follows."""
    account, dot, suffix = host.partition(".blob.core.")
    if _PART.fullmatch(account) and (not dot or _END.fullmatch(suffix)):
        return ""
    return f'account name "{host}" may hold only letters, digits and hyphens'
