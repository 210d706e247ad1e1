"""The functions that Kubernetes adds to CEL: lists, sets, expressions, quantities, URLs.

A quantity and a URL are maps of one member here, which no JSON value of a document resembles by
chance; the language has no other way to hand a value of ours through.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, parse_qs, urlsplit

from cel_expr_python import cel

from ome.kube.quantity import parse_quantity
from ome.sandbox.schema.wording import NO_QUANTITY

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

__all__ = ["KUBERNETES"]

_T = cel.Type
_QUANTITY = "kubernetes.Quantity"
_URL = "kubernetes.URL"
_LIST, _MAP = _T.List(_T.DYN), _T.Map(_T.STRING, _T.STRING)


def _sum(items: list[Any]) -> Any:
    return sum(items)


def _least(items: list[Any]) -> Any:
    if not items:
        raise ValueError("min called on empty list")
    return min(items)


def _greatest(items: list[Any]) -> Any:
    if not items:
        raise ValueError("max called on empty list")
    return max(items)


def _is_sorted(items: list[Any]) -> bool:
    return all(first <= second for first, second in pairwise(items))


def _index_of(items: list[Any], item: Any) -> int:
    return items.index(item) if item in items else -1


def _last_index_of(items: list[Any], item: Any) -> int:
    return len(items) - 1 - items[::-1].index(item) if item in items else -1


def _find(text: str, pattern: str) -> str:
    match = _compiled(pattern).search(text)
    return match.group() if match else ""


def _find_all(text: str, pattern: str) -> list[str]:
    return [match.group() for match in _compiled(pattern).finditer(text)]


def _find_some(text: str, pattern: str, limit: int) -> list[str]:
    found = _find_all(text, pattern)
    return found if limit < 0 else found[:limit]


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ValueError(f"Illegal regex: {error}") from None


def _quantity(text: str) -> dict[str, str]:
    if not _is_quantity(text):
        raise ValueError(NO_QUANTITY)
    return {_QUANTITY: text}


def _is_quantity(text: str) -> bool:
    try:
        parse_quantity(text)
    except ValueError:
        return False
    return True


def _number(value: dict[str, str]) -> Decimal:
    if _QUANTITY not in value:
        raise ValueError("no such overload")
    return parse_quantity(value[_QUANTITY])


def _as_integer(value: dict[str, str]) -> int:
    number = _number(value)
    if number != number.to_integral_value() or abs(number) >= 2**63:
        raise ValueError("cannot convert value to integer")
    return int(number)


def _is_integer(value: dict[str, str]) -> bool:
    number = _number(value)
    return number == number.to_integral_value() and abs(number) < 2**63


def _compare(one: dict[str, str], other: dict[str, str]) -> int:
    first, second = _number(one), _number(other)
    return (first > second) - (first < second)


def _made(number: Decimal) -> dict[str, str]:
    return {_QUANTITY: format(number, "f")}


def _plain(value: Any) -> dict[str, str]:
    return value if isinstance(value, dict) else {_QUANTITY: str(value)}


def _contains(one: list[Any], other: list[Any]) -> bool:
    return all(item in one for item in other)


def _equivalent(one: list[Any], other: list[Any]) -> bool:
    return _contains(one, other) and _contains(other, one)


def _intersects(one: list[Any], other: list[Any]) -> bool:
    return any(item in one for item in other)


def _url(text: str) -> dict[str, str]:
    if not _is_url(text):
        raise ValueError(
            f'URL parse error during conversion from string: parse "{text}": invalid URI for'
            " request"
        )
    return {_URL: text}


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    return bool(parts.scheme) or text.startswith("/")


def _parts(value: dict[str, str]) -> SplitResult:
    if _URL not in value:
        raise ValueError("no such overload")
    return urlsplit(value[_URL])


def _host(value: dict[str, str]) -> str:
    return _parts(value).netloc.rpartition("@")[2]


def _port(value: dict[str, str]) -> str:
    port = _parts(value).port
    return "" if port is None else str(port)


def _query(value: dict[str, str]) -> dict[str, list[str]]:
    return parse_qs(_parts(value).query, keep_blank_values=True)


def _declared(
    name: str, *overloads: tuple[list[Any], Any, Callable[..., Any]], member: bool = True
) -> Any:
    return cel.FunctionDecl(
        name,
        [
            cel.Overload(
                f"kubernetes_{name}_{number}",
                return_type=returned,
                parameters=parameters,
                is_member=member,
                impl=call,
            )
            for number, (parameters, returned, call) in enumerate(overloads)
        ],
    )


def _for_items(call: Callable[[list[Any], Any], int]) -> list[tuple[list[Any], Any, Any]]:
    """An overload for each type of item: the library takes no value for a dynamic parameter."""
    types = (_T.BOOL, _T.INT, _T.DOUBLE, _T.STRING)
    return [([_LIST, type_], _T.INT, call) for type_ in types]


_FUNCTIONS = [
    _declared("sum", ([_LIST], _T.DYN, _sum)),
    _declared("min", ([_LIST], _T.DYN, _least)),
    _declared("max", ([_LIST], _T.DYN, _greatest)),
    _declared("isSorted", ([_LIST], _T.BOOL, _is_sorted)),
    _declared("indexOf", *_for_items(_index_of)),
    _declared("lastIndexOf", *_for_items(_last_index_of)),
    _declared("find", ([_T.STRING, _T.STRING], _T.STRING, _find)),
    _declared(
        "findAll",
        ([_T.STRING, _T.STRING], _T.List(_T.STRING), _find_all),
        ([_T.STRING, _T.STRING, _T.INT], _T.List(_T.STRING), _find_some),
    ),
    _declared("quantity", ([_T.STRING], _MAP, _quantity), member=False),
    _declared("isQuantity", ([_T.STRING], _T.BOOL, _is_quantity), member=False),
    _declared("asInteger", ([_MAP], _T.INT, _as_integer)),
    _declared("isInteger", ([_MAP], _T.BOOL, _is_integer)),
    _declared("asApproximateFloat", ([_MAP], _T.DOUBLE, lambda value: float(_number(value)))),
    _declared(
        "sign",
        ([_MAP], _T.INT, lambda value: _compare(value, {_QUANTITY: "0"})),
        member=False,
    ),
    _declared("compareTo", ([_MAP, _MAP], _T.INT, _compare)),
    _declared("isGreaterThan", ([_MAP, _MAP], _T.BOOL, lambda a, b: _compare(a, b) > 0)),
    _declared("isLessThan", ([_MAP, _MAP], _T.BOOL, lambda a, b: _compare(a, b) < 0)),
    _declared(
        "add",
        ([_MAP, _MAP], _MAP, lambda a, b: _made(_number(a) + _number(b))),
        ([_MAP, _T.INT], _MAP, lambda a, b: _made(_number(a) + _number(_plain(b)))),
    ),
    _declared(
        "sub",
        ([_MAP, _MAP], _MAP, lambda a, b: _made(_number(a) - _number(b))),
        ([_MAP, _T.INT], _MAP, lambda a, b: _made(_number(a) - _number(_plain(b)))),
    ),
    _declared("sets.contains", ([_LIST, _LIST], _T.BOOL, _contains), member=False),
    _declared("sets.equivalent", ([_LIST, _LIST], _T.BOOL, _equivalent), member=False),
    _declared("sets.intersects", ([_LIST, _LIST], _T.BOOL, _intersects), member=False),
    _declared("url", ([_T.STRING], _MAP, _url), member=False),
    _declared("isURL", ([_T.STRING], _T.BOOL, _is_url), member=False),
    _declared("getScheme", ([_MAP], _T.STRING, lambda value: _parts(value).scheme)),
    _declared("getHost", ([_MAP], _T.STRING, _host)),
    _declared("getHostname", ([_MAP], _T.STRING, lambda value: _parts(value).hostname or "")),
    _declared("getPort", ([_MAP], _T.STRING, _port)),
    _declared("getEscapedPath", ([_MAP], _T.STRING, lambda value: _parts(value).path)),
    _declared("getQuery", ([_MAP], _T.Map(_T.STRING, _T.List(_T.STRING)), _query)),
]
KUBERNETES = cel.CelExtension("kubernetes", _FUNCTIONS)
