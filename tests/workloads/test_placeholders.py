"""Placeholders: the six forms, literally; everything else stays."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ome.api import ObjectMeta
from ome.workloads.placeholders import fill

METADATA = ObjectMeta(
    name="chat",
    namespace="demo",
    labels={"team": "a&b", "a.b/c-d": "dotted", "nested": "{{.Name}}"},
    annotations={"note": '"x" + <y>', "example.com/key": "k"},
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{.Name}}", "chat"),
        ("{{ .Name }}", "chat"),
        ("{{.Namespace}}", "demo"),
        ("--url=http://{{.Name}}.{{ .Namespace}}:80", "--url=http://chat.demo:80"),
        ("{{.Labels.team}}", "a&b"),
        ("{{ .Annotations.note }}", '"x" + <y>'),
        ("{{.Labels.none}}", ""),
        ("{{.Annotations.none}}!", "!"),
        ('{{index .Labels "a.b/c-d"}}', "dotted"),
        ('{{ index  .Annotations  "example.com/key" }}', "k"),
        ('{{index .Labels "none"}}', ""),
        ("{{.Labels.nested}}", "{{.Name}}"),
    ],
)
def test_the_forms_give_literal_values(text: str, expected: str) -> None:
    assert fill(text, METADATA) == expected


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "{% for m in messages %}{{ m.content }}{{ m['role'] | upper }}{% endfor %}",
        "{{ name }}",
        "{{ .Spec }}",
        "{{.Labels}}",
        "{{.Labels.a.b}}",
        "{{.Labels.a-b}}",
        '{{index .Spec "x"}}',
        '{{ printf "%s" .Name }}',
        "{{.name}}",
        "{{.Name",
        "{.Name}",
        "$(MODEL_PATH) ${HOME}",
        "{{}}",
    ],
)
def test_everything_else_stays(text: str) -> None:
    assert fill(text, METADATA) == text


def test_every_string_of_a_container_is_reached() -> None:
    container: dict[str, Any] = {
        "name": "ome-container",
        "image": "registry/{{.Namespace}}/serve:1",
        "command": ["serve", "{{.Name}}"],
        "env": [{"name": "A", "value": "{{.Name}}"}],
        "ports": [{"containerPort": 8080}],
        "resources": {"limits": {"{{.Namespace}}/gpu": 1}},
        "volumeMounts": [{"name": "v", "mountPath": "/x/{{.Name}}", "readOnly": True}],
    }
    assert fill(container, METADATA) == {
        "name": "ome-container",
        "image": "registry/demo/serve:1",
        "command": ["serve", "chat"],
        "env": [{"name": "A", "value": "chat"}],
        "ports": [{"containerPort": 8080}],
        "resources": {"limits": {"demo/gpu": 1}},
        "volumeMounts": [{"name": "v", "mountPath": "/x/chat", "readOnly": True}],
    }
    assert container["command"] == ["serve", "{{.Name}}"]


@given(st.text(alphabet="{}. Nab%|'\"", max_size=30))
def test_a_text_without_our_names_is_never_touched(text: str) -> None:
    assert fill(text, METADATA) == text
