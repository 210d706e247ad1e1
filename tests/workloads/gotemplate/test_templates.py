"""Templates of hosts and paths: what Go's ``text/template`` makes of the same text."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ome.workloads.gotemplate import TemplateError, parse, render

if TYPE_CHECKING:
    from collections.abc import Mapping

VALUES: dict[str, str | Mapping[str, str]] = {
    "Name": "chat",
    "Namespace": "demo",
    "IngressDomain": "example.com",
    "Labels": {"team": "ml", "tier": ""},
    "Annotations": {"example.com/zone": "eu"},
}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("", ""),
        ("plain } text", "plain } text"),
        ("{{ .Name }}.{{ .Namespace }}.{{ .IngressDomain }}", "chat.demo.example.com"),
        ("{{.Name}}", "chat"),
        ("{{\n.Name\n}}", "chat"),
        ("{{ $.Name }}", "chat"),
        ("{{ .Labels.team }}", "ml"),
        ("{{ .Labels.none }}", "<no value>"),
        ("{{ .Labels }}", "map[team:ml tier:]"),
        ('{{ index .Annotations "example.com/zone" }}', "eu"),
        ("{{ index .Annotations `example.com/zone` }}", "eu"),
        ('{{ index .Labels "none" }}', ""),
        ('{{ "a" }}{{ "}}" }}{{ `\\` }}', "a}}\\"),
        (r'{{ "a\"b\\c" }}', 'a"b\\c'),
        ("{{ 12 }}{{ -3 }}{{ true }}{{ false }}", "12-3truefalse"),
        ("a {{- .Name -}} b", "achatb"),
        ("a \n{{- .Name }} b", "achat b"),
        ("{{ .Name -}} \n b", "chatb"),
        ("{{ 3 -}} b", "3b"),
        ("{{- 3 }}", "3"),
        ("{{-3}}", "-3"),
        ("a {{/* said }} \n twice */}} b", "a  b"),
        ("a {{- /* x */ -}} b", "ab"),
        ("{{ if .Labels.team }}yes{{ end }}", "yes"),
        ("{{ if .Labels.tier }}yes{{ else }}no{{ end }}", "no"),
        ("{{ if .Labels.none }}yes{{ end }}", ""),
        ('{{ if eq .Namespace "x" }}1{{ else if eq .Name "chat" }}2{{ else }}3{{ end }}', "2"),
        ("{{ if true }}{{ if false }}a{{ else }}b{{ end }}c{{ end }}", "bc"),
        ('{{ printf "%s-%v.%d%%" .Name .Namespace 3 }}', "chat-demo.3%"),
        ('{{ printf "%q" .Name }}', '"chat"'),
        ('{{ .Name | printf "%s.%s" "a" }}', "a.chat"),
        ('{{ "team" | index .Labels | printf "%s!" }}', "ml!"),
        ("{{ len .Name }}{{ len .Labels }}", "42"),
        ("{{ .Name | len }}", "4"),
        ('{{ eq .Name "a" "chat" }}{{ ne .Name "a" }}{{ not .Name }}', "truetruefalse"),
        ('{{ eq .Labels.none "a" }}{{ ne .Labels.none "a" }}', "falsetrue"),
        ('{{ or .Labels.none .Name }}{{ and .Name "b" }}{{ or "" 0 }}', "chatb0"),
        ('{{ if and (eq .Name "chat") (not (eq .Namespace "x")) }}a{{ end }}', "a"),
        ('{{ (printf "%s" .Name) }}', "chat"),
    ],
)
def test_rendering(template: str, expected: str) -> None:
    assert render(template, VALUES) == expected


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ .Name", "unclosed action"),
        ('{{ "a }}', "unterminated quoted string"),
        ("{{ }}", "missing value"),
        ("{{ .Name | }}", "missing value"),
        ("{{ .Name | .Name }}", "only a function can follow |"),
        ("{{ env }}", "function 'env' not defined; known are and, eq, index"),
        ("{{ range .Labels }}{{ end }}", "'range' is not available"),
        ("{{ with .Name }}{{ end }}", "'with' is not available"),
        ("{{ if .Name }}", "has no {{end}}"),
        ("{{ if .Name }}{{ else }}", "has no {{end}}"),
        ("{{ if .Name }}{{ else }}{{ else }}{{ end }}", "has no {{end}}"),
        ("{{ if .Name }}{{ else while }}{{ end }}", "write else, or else if"),
        ("{{ if }}{{ end }}", "missing value"),
        ("{{ end }}", "without {{if}}"),
        ("{{ else }}", "without {{if}}"),
        ("{{ .Name .Namespace }}", "can't give arguments to '.Name'"),
        ("{{ (.Name }}", "unclosed ("),
        ("{{ .Name ) }}", "unexpected ')'"),
        ("{{ $x := .Name }}", "unexpected"),
        ("{{ 1.5 }}", "unexpected"),
        (r'{{ "\x" }}', "unknown escape"),
        ("{{ if true }}" * 40 + "{{ end }}" * 40, "blocks inside each other"),
        ("{{ " + "(" * 40 + ".Name" + ")" * 40 + " }}", "parentheses inside each other"),
        ("a" * 5000, "at most 4096"),
    ],
)
def test_a_syntax_error_is_found_before_rendering(template: str, message: str) -> None:
    with pytest.raises(TemplateError, match=re.escape(message)):
        parse(template)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ .Foo }}", "can't evaluate field Foo; use .Annotations, .IngressDomain"),
        ("{{ .Name.x }}", "can't evaluate field x"),
        ("{{ .Labels.team.x }}", "can't evaluate field x"),
        ("{{ .Labels.none.x }}", "can't evaluate field x"),
        ("{{ . }}", "'.' is no text"),
        ('{{ index .Name "x" }}', "can't index"),
        ("{{ index .Labels }}", "index needs"),
        ("{{ index .Labels 1 }}", "is no text"),
        ('{{ printf "%s" }}', "no argument"),
        ('{{ printf "%s" .Name .Name }}', "1 arguments more"),
        ('{{ printf "%x" .Name }}', "printf knows"),
        ('{{ printf "%9999999s" .Name }}', "printf knows"),
        ('{{ printf "%d" .Name }}', "does not take"),
        ('{{ printf "%s" 1 }}', "does not take"),
        ("{{ printf 1 }}", "needs a format text"),
        ("{{ eq .Name }}", "eq needs"),
        ("{{ ne .Name }}", "ne needs"),
        ("{{ eq .Name 1 }}", "incompatible types"),
        ("{{ not }}", "not needs"),
        ("{{ and }}", "and needs"),
        ("{{ len 3 }}", "len needs"),
    ],
)
def test_what_cannot_be_evaluated(template: str, message: str) -> None:
    with pytest.raises(TemplateError, match=re.escape(message)):
        render(template, VALUES)


_WORDS = """{{ }} .Name .Labels.x else end " ` ( ) | printf %s eq 1 a $ /* */ ."""
_PIECES = st.sampled_from([*_WORDS.split(), " ", "{{- ", " -}}", "if ", "index "])


@given(st.lists(_PIECES, max_size=14).map("".join))
def test_any_text_gives_text_or_a_clear_error(text: str) -> None:
    with suppress(TemplateError):
        assert isinstance(render(text, VALUES), str)


@given(st.text(st.characters(exclude_characters="{")))
def test_text_without_actions_stays_as_it_is(text: str) -> None:
    assert render(text, VALUES) == text
