"""The policies of ome-resources: whom and what they are filled in with, and their switches."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from ome.agent.slots import LABEL_SLOTS
from ome.api import names
from tests.charts.support import CHARTS, Json, keyed, refused, rendered

pytestmark = [pytest.mark.control_plane, pytest.mark.timeout(120)]

CHART = "ome-resources"
POLICY, BINDING = "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"
OWN_NODE = {"ome-agent-own-report", "ome-agent-own-labels", "ome-agent-own-leases"}
STORAGE = "ome-model-storage"


def objects(given: Json | None = None, namespace: str = "ome") -> dict[tuple[str, str], Json]:
    return keyed(rendered(CHART, given, namespace))


def kept(name: str) -> list[Any]:
    text = (CHARTS / CHART / "files/policies" / name).read_text()
    return list(yaml.safe_load_all(text))


def test_policies_name_the_release_and_say_what_their_files_say() -> None:
    account = "system:serviceaccount:prod:loader"
    found = objects({"modelAgent.serviceAccountName": "loader"}, namespace="prod")
    for document in (*kept("agent-own-node.yaml"), *kept("model-storage.yaml")):
        item = found[document["kind"], document["metadata"]["name"]]
        assert item["metadata"]["labels"]["app.kubernetes.io/part-of"] == "ome"
        expected = json.dumps(document["spec"])
        expected = expected.replace("system:serviceaccount:ome:ome-model-agent", account)
        assert item["spec"] == json.loads(expected)
    for name in OWN_NODE:
        (condition,) = found[POLICY, name]["spec"]["matchConditions"]
        assert account in condition["expression"]


def test_the_policy_of_leases_means_those_that_the_code_means() -> None:
    text = json.dumps(objects()[POLICY, "ome-agent-own-leases"]["spec"])
    assert f"'{names.LEADER_LEASE}'" in text
    assert f"'{LABEL_SLOTS}'" in text


def lists(given: Json) -> dict[str, str]:
    """The two variables of the policy of storage, as the API server reads them."""
    variables = objects(given)[POLICY, STORAGE]["spec"]["variables"]
    held = {entry["name"]: entry["expression"] for entry in variables}
    return {name: held[name] for name in ("allowedRoots", "allowedEndpoints")}


def test_any_place_is_allowed_until_places_are_named() -> None:
    assert lists({}) == {"allowedRoots": "[]", "allowedEndpoints": "[]"}
    given: Json = {
        "modelStorage.allowedRoots": ["/raid/models/", '/mnt/it\'s "m"'],
        "modelStorage.allowedEndpoints": ["https://hub.example.com", "http://minio:9000/a?b&c"],
    }
    assert lists(given) == {
        # The agents' own place too: the manager writes it to models that name none.
        "allowedRoots": '["/raid/models/","/mnt/it\'s \\"m\\"","/mnt/data/models"]',
        "allowedEndpoints": r'["https://hub.example.com","http://minio:9000/a?b\u0026c"]',
    }


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ({}, {*OWN_NODE, STORAGE}),
        ({"modelAgent.ownNodePolicy": False}, {STORAGE}),
        ({"modelStorage.policy": False}, OWN_NODE),
    ],
)
def test_each_policy_is_a_choice(given: Json, left: set[str]) -> None:
    found = objects(given)
    for sort in (POLICY, BINDING):
        assert {name for kind, name in found if kind == sort} == left


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"modelStorage.allowedRoots": ["models"]}, "allowedRoots"),
        ({"modelStorage.allowedRoots": ["/"]}, "allowedRoots"),
        ({"modelStorage.allowedRoots": ["/a\n/b"]}, "allowedRoots"),
        ({"modelStorage.allowedEndpoints": ["hub.example.com"]}, "allowedEndpoints"),
        ({"modelStorage.policy": "on"}, "policy"),
    ],
)
def test_places_that_cannot_be_are_refused(given: Json, text: str) -> None:
    assert text in refused(CHART, given)
