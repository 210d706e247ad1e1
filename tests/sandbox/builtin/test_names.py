"""Syntaxes of names, keys and values; the texts themselves are compared by the recorded answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ome.sandbox.builtin import names
from ome.sandbox.builtin.facts import FACTS

if TYPE_CHECKING:
    from collections.abc import Callable

_GOOD: list[tuple[Callable[[str], list[str]], str]] = [
    (names.dns_subdomain, "a"),
    (names.dns_subdomain, "a-1.b.2c"),
    (names.dns_subdomain, "a" * 253),
    (names.dns_label, "1a"),
    (names.dns_label, "a" * 63),
    (names.dns_1035, "a-1"),
    (names.path_segment, "system:A_b c"),
    (names.qualified_name, "a"),
    (names.qualified_name, "example.com/A_b.c"),
    (names.qualified_name, f"{'a' * 253}/{'b' * 63}"),
    (names.label_value, ""),
    (names.label_value, "A.b_c-1"),
    (names.config_key, ".hidden"),
    (names.env_name, "A b.c-1"),
    (names.port_name, "http-1"),
    (names.percent, "0%"),
    (names.finalizer, "kubernetes"),
    (names.finalizer, "a/b"),
]
_BAD: list[tuple[Callable[[str], list[str]], str, int]] = [
    (names.dns_subdomain, "", 1),
    (names.dns_subdomain, "a..b", 1),
    (names.dns_subdomain, "-a", 1),
    (names.dns_subdomain, "a\n", 1),
    (names.dns_subdomain, "A" * 254, 2),
    (names.dns_label, "a.b", 1),
    (names.dns_label, "a" * 64, 1),
    (names.dns_1035, "1a", 1),
    (names.path_segment, "..", 1),
    (names.path_segment, "a/b%", 2),
    (names.qualified_name, "", 2),
    (names.qualified_name, "/a", 1),
    (names.qualified_name, "a/", 2),
    (names.qualified_name, "a/b/c", 1),
    (names.qualified_name, "A.b/c", 1),
    (names.label_value, "-", 1),
    (names.label_value, "a" * 64, 1),
    (names.config_key, "", 1),
    (names.config_key, "..", 1),
    (names.config_key, "..a", 1),
    (names.env_name, "", 1),
    (names.env_name, "A=B", 1),
    (names.env_name, "ä", 1),
    (names.port_name, "80", 1),
    (names.port_name, "a--b", 1),
    (names.port_name, "-a", 1),
    (names.port_name, "a_b", 1),
    (names.port_name, "a" * 16, 1),
    (names.percent, "5", 1),
    (names.percent, "-5%", 1),
    (names.finalizer, "a", 1),
]


@pytest.mark.parametrize(("rule", "value"), _GOOD)
def test_what_is_well_formed(rule: Callable[[str], list[str]], value: str) -> None:
    assert rule(value) == []


@pytest.mark.parametrize(("rule", "value", "problems"), _BAD)
def test_what_is_not(rule: Callable[[str], list[str]], value: str, problems: int) -> None:
    assert len(rule(value)) == problems


def test_a_prefix_may_end_with_a_dash_that_something_follows() -> None:
    assert names.prefix("dns-subdomain", "case-") == []
    assert names.prefix("dns-subdomain", "-") != []
    assert names.prefix("dns-subdomain", "Case-") != []


def test_every_kind_has_a_known_rule() -> None:
    assert {facts.name_rule for facts in FACTS.values()} <= set(names.RULES)
