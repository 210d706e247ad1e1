"""Formats of texts that the server checks; it lets every other format pass."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from datetime import date
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["fits_format"]

_TIME = re.compile(r"(\d\d):(\d\d):(\d\d)(\.\d+)?(z|[+-]\d\d:\d\d)", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_GO_UNITS = "ns|us|µs|μs|ms|s|m|h"
_GO_DURATION = re.compile(rf"[+-]?(0|((\d+(\.\d*)?|\.\d+)({_GO_UNITS}))+)", re.ASCII)
_SPOKEN_DURATION = re.compile(
    r"(\d+)\s*(ns|nanos?|us|µs|micros?|ms|millis?|s|secs?|seconds?|m|mins?|minutes?|h|hours?"
    r"|d|days?|w|weeks?)\b",
    re.ASCII,
)
_UUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.I)
_LABEL = r"[^\W_](?:[^\W_]|-){0,61}[^\W_]|[^\W_]"
_HOST = re.compile(rf"(?:{_LABEL})|(?:(?:{_LABEL})\.)+[^\W\d_]{{2,63}}")
_MAIL = re.compile(r"[^\s@<>]+@[^\s@<>]+")
_MAC = re.compile(r"[0-9a-f]{2}([:-][0-9a-f]{2}){5}", re.I)


def fits_format(name: str, text: str) -> bool:
    """Whether a text is of the format; true for a format that nobody checks."""
    check = _CHECKS.get(name)
    return check is None or check(text)


def _is_date(text: str) -> bool:
    if not _DATE.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_datetime(text: str) -> bool:
    day, _, time = text.lower().partition("t")
    match = _TIME.fullmatch(time)
    if match is None or not _is_date(day):
        return False
    hours, minutes, seconds = (int(match[group]) for group in (1, 2, 3))
    return hours <= 23 and minutes <= 59 and seconds <= 59


def _is_duration(text: str) -> bool:
    return bool(_GO_DURATION.fullmatch(text) or _SPOKEN_DURATION.fullmatch(text.strip()))


def _is_uri(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return bool(parts.scheme and (parts.netloc or parts.path)) or text.startswith("/")


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _parses(parse: Callable[[str], object]) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            parse(text)
        except ValueError:
            return False
        return True

    return check


def _network(text: str) -> object:
    if "/" not in text:
        raise ValueError(text)
    return ipaddress.ip_interface(text)


_CHECKS: dict[str, Callable[[str], bool]] = {
    "byte": _is_base64,
    "cidr": _parses(_network),
    "date": _is_date,
    "date-time": _is_datetime,
    "datetime": _is_datetime,
    "duration": _is_duration,
    "email": lambda text: bool(_MAIL.fullmatch(text)),
    "hostname": lambda text: bool(_HOST.fullmatch(text)),
    "ipv4": _parses(ipaddress.IPv4Address),
    "ipv6": _parses(ipaddress.IPv6Address),
    "mac": lambda text: bool(_MAC.fullmatch(text)),
    "uri": _is_uri,
    "uuid": lambda text: bool(_UUID.fullmatch(text)),
}
