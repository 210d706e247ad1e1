"""The syntaxes of names, keys and values: each function gives the texts of what is wrong."""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = [
    "RULES",
    "config_key",
    "dns_1035",
    "dns_label",
    "dns_subdomain",
    "env_name",
    "finalizer",
    "label_value",
    "path_segment",
    "percent",
    "port_name",
    "prefix",
    "qualified_name",
]

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_1035 = r"[a-z]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE = rf"({_QUALIFIED})?"
_CONFIG_KEY = r"[-._a-zA-Z0-9]+"

_SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or"
    " '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used"
    f" for validation is '{_SUBDOMAIN}')"
)
_LABEL_TEXT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and"
    " must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used"
    f" for validation is '{_LABEL}')"
)
_1035_TEXT = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an"
    " alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123',"
    f" regex used for validation is '{_1035}')"
)
_QUALIFIED_TEXT = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an"
    " alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for"
    f" validation is '{_QUALIFIED}')"
)
_VALUE_TEXT = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.',"
    " and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or"
    f" '12345', regex used for validation is '{_VALUE}')"
)
_CONFIG_KEY_TEXT = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',"
    f"  or 'KEY_NAME',  or 'key-name', regex used for validation is '{_CONFIG_KEY}')"
)


def dns_subdomain(value: str) -> list[str]:
    """``a.b-c``, the rule for most objects' names."""
    return _too_long(value, 253) + ([] if _is(_SUBDOMAIN, value) else [_SUBDOMAIN_TEXT])


def dns_label(value: str) -> list[str]:
    """``b-c``."""
    found = _too_long(value, 63)
    if not _is(_LABEL, value):
        found.append("must not contain dots" if _is(_SUBDOMAIN, value) else _LABEL_TEXT)
    return found


def dns_1035(value: str) -> list[str]:
    """A DNS label that begins with a letter."""
    return _too_long(value, 63) + ([] if _is(_1035, value) else [_1035_TEXT])


def path_segment(value: str) -> list[str]:
    """Whatever can stand in a URL's path."""
    if value in (".", ".."):
        return [f"may not be '{value}'"]
    return [f"may not contain '{character}'" for character in "/%" if character in value]


RULES = {
    "dns-subdomain": dns_subdomain,
    "dns-label": dns_label,
    "dns-1035": dns_1035,
    "path-segment": path_segment,
}


def prefix(rule: str, value: str) -> list[str]:
    """``generateName``: a dash at its end is followed by something."""
    return RULES[rule](f"{value[:-1]}a" if len(value) > 1 and value.endswith("-") else value)


def qualified_name(value: str) -> list[str]:
    """A key of labels and the like: ``name`` or ``example.com/name``."""
    parts = value.split("/")
    if len(parts) > 2:
        return [
            f"a valid label key {_QUALIFIED_TEXT} with an optional DNS subdomain prefix and '/'"
            " (e.g. 'example.com/MyName')"
        ]
    found = []
    if len(parts) == 2:
        if not parts[0]:
            found.append("prefix part must be non-empty")
        else:
            found += [f"prefix part {text}" for text in dns_subdomain(parts[0])]
    name = parts[-1]
    if not name:
        found.append("name part must be non-empty")
    elif len(name) > 63:
        found.append("name part must be no more than 63 bytes")
    if not _is(_QUALIFIED, name):
        found.append(f"name part {_QUALIFIED_TEXT}")
    return found


def label_value(value: str) -> list[str]:
    """The value of a label."""
    found = ["must be no more than 63 bytes"] if len(value) > 63 else []
    return found + ([] if _is(_VALUE, value) else [_VALUE_TEXT])


def config_key(value: str) -> list[str]:
    """A key of a ConfigMap's or a Secret's data, which may become a file."""
    found = _too_long(value, 253)
    if not _is(_CONFIG_KEY, value):
        return [*found, _CONFIG_KEY_TEXT]
    if value in (".", ".."):
        return [*found, f"must not be '{value}'"]
    return [*found, "must not start with '..'"] if value.startswith("..") else found


def env_name(value: str) -> list[str]:
    """The name of an environment variable."""
    if value and "=" not in value and all(" " <= character <= "~" for character in value):
        return []
    return [
        "a valid environment variable name must consist only of printable ASCII characters other"
        " than '='"
    ]


def port_name(value: str) -> list[str]:
    """The name of a container's port."""
    found = [] if len(value) <= 15 else ["must be no more than 15 characters"]
    if not _is(r"[-a-z0-9]+", value):
        found.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
        return found
    if not re.search("[a-z]", value):
        found.append("must contain at least one letter (a-z)")
    if "--" in value:
        found.append("must not contain consecutive hyphens")
    if value.startswith("-") or value.endswith("-"):
        found.append("must not begin or end with a hyphen")
    return found


def percent(value: str) -> list[str]:
    """``25%``."""
    if _is("[0-9]+%", value):
        return []
    return [
        "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or"
        " '93%', regex used for validation is '[0-9]+%')"
    ]


def finalizer(value: str) -> list[str]:
    """Kubernetes' own ones are plain, those of others have a prefix."""
    if "/" in value or value in ("kubernetes", "foregroundDeletion", "orphan"):
        return []
    return ["name is neither a standard finalizer name nor is it fully qualified"]


@lru_cache(8192)
def _is(pattern: str, value: str) -> bool:
    """Whether all of the value is of the pattern; the same few names come with every write."""
    return re.fullmatch(pattern, value) is not None


def _too_long(value: str, limit: int) -> list[str]:
    return [f"must be no more than {limit} characters"] if len(value) > limit else []
