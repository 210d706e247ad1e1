"""Expressions as a real API server takes, evaluates and refuses them."""

from __future__ import annotations

import pytest

from ome.sandbox.schema import cel
from tests.sandbox.schema.cases import DEPLOYMENT, EXPRESSIONS, recorded

ANSWERS = recorded("expression")
VARIABLES = {
    "object": {**DEPLOYMENT, "metadata": {**DEPLOYMENT["metadata"], "namespace": "n"}},
    "oldObject": None,
    "request": {
        "operation": "CREATE",
        "namespace": "n",
        "dryRun": True,
        "kind": {"group": "apps", "version": "v1", "kind": "Deployment"},
        "resource": {"group": "apps", "version": "v1", "resource": "deployments"},
        "userInfo": {"groups": ["system:masters", "system:authenticated"]},
    },
}
_UNNAMED = "the library does not say which member of what is no object was asked for"
_LATER = "constants are looked at when they are evaluated, not when the condition is stored"
_WORDS = "refused by both, in words of their own"
DIFFERENT = {
    "object.spec.replicas.name == 'x'": _UNNAMED,
    "object.metadata.name.name == 'x'": _UNNAMED,
    "oldObject.spec.replicas == 1": _UNNAMED,
    "object.metadata.name.matches('[')": _LATER,
    "duration('x') == duration('1h')": _LATER,
    "object.metadata.name.find('[') == ''": _LATER,
    "[1, 'a'].sum() == 1": _LATER,
    "request.absent == 'x'": "the request has no schema here",
    "object.metadata.name.substring(1, 9) == 'as'": _WORDS,
    "object.metadata.name.matches(object.metadata.name + '[')": _WORDS,
    "object.spec.template.spec.containers[0.5] == 1": _WORDS,
    "object.spec.replicas.all(x, x > 0)": _WORDS,
    "size(object.spec.replicas) == 1": _WORDS,
    "cel.bind(name, object.metadata.name, name + name == 'casecase')": _WORDS,
    "self.x": _WORDS,
}
"""Expressions that fare otherwise here, and why."""


def fares(expression: str) -> str:
    """What becomes of an expression: a refusal, an error or its value."""
    refused = cel.check(expression, VARIABLES, "bool")
    if refused is not None:
        return f"refused: {refused}"
    try:
        return f"value: {cel.evaluate(expression, VARIABLES)}"
    except cel.CelError as error:
        return f"error: {error}"


def fared(expression: str) -> str:
    answer = ANSWERS[expression]
    if "refused" in answer:
        said = str(answer["refused"])
        for word in ("compilation failed: ", "must evaluate to "):
            if word in said:
                return f"refused: {said[said.index(word) :]}"
        return f"refused: {said}"
    if "error" in answer:
        return f"error: {answer['error'].rpartition(' resulted in error: ')[2]}"
    return f"value: {answer['holds']}"


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_fares_as_on_the_real_server(expression: str) -> None:
    same = fares(expression) == fared(expression)
    assert same is (expression not in DIFFERENT), (fares(expression), fared(expression))


@pytest.mark.parametrize("expression", DIFFERENT)
def test_what_fares_otherwise_never_holds(expression: str) -> None:
    assert not fares(expression).startswith("value: True")
    assert not fared(expression).startswith("value: True")


def test_a_missing_key_is_named() -> None:
    with pytest.raises(cel.CelError, match=r"^no such key: x$"):
        cel.evaluate("object.a.x == 1", {"object": {"a": {}}})


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("object.i", 1),
        ("object.f", 1.0),
        ("object.t", "x"),
        ("object.l", [1, 2.5, None]),
        ("object.o", {"a": {"b": True}}),
        ("object.n", None),
        ("object.l[0] == 1.0", True),
        ("object.text == '\\u00e4'", True),
    ],
)
def test_values_keep_their_types(expression: str, value: object) -> None:
    held = {"i": 1, "f": 1.0, "t": "x", "l": [1, 2.5, None], "o": {"a": {"b": True}}, "n": None}
    found = cel.evaluate(expression, {"object": {**held, "text": "ä"}})
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "pattern", "wanted"),
    [
        ("abc", "b", True),
        ("abc", "^b", False),
        ("abc\n", "c$", False),
        ("٣", r"^\\d$", False),
        ('a"b', 'a"b', True),
        ("a\\\\b", r"a\\\\b", True),
        ("\N{GRINNING FACE}", "^.$", True),
    ],
)
def test_patterns_are_those_of_re2(text: str, pattern: str, wanted: bool) -> None:
    assert cel.matches(text, pattern) is wanted


def test_syntax_is_checked_without_values() -> None:
    assert cel.check("self.a > oldSelf.a") is None
    assert "Syntax error" in str(cel.check("self.a >"))
    assert "undeclared reference to 'other'" in str(cel.check("other"))
    assert cel.check("self.size()", returns="bool") == "must evaluate to bool but got int"
