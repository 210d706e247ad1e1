"""Plans share nothing: with each other, with their inputs, or with the code that makes them."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ome.workloads import RenderError, model_config_name, parse_operator_config, plan
from ome.workloads.errors import ConfigError
from ome.workloads.merge import merge
from tests.workloads.support import HERE, inputs, load, objects, render

Json = dict[str, Any]
CASES = sorted(path.stem for path in (HERE / "cases").glob("*.yaml"))


def deface(value: Any) -> None:
    """Change every object and list that can be reached."""
    if isinstance(value, dict):
        for item in value.values():
            deface(item)
        value["defaced"] = True
    elif isinstance(value, list):
        for item in value:
            deface(item)
        value.append("defaced")


@pytest.mark.parametrize("name", CASES)
def test_a_changed_plan_changes_no_later_one(name: str) -> None:
    given = load(name)
    before = render(plan(given))
    for item in objects(plan(given)):
        deface(item)
    assert render(plan(given)) == before
    assert render(plan(load(name))) == before


def test_objects_of_one_plan_share_nothing() -> None:
    made = objects(plan(load("overrides")))
    before = [str(item) for item in made]
    for number, item in enumerate(made):
        deface(item)
        assert [str(other) for other in made[number + 1 :]] == before[number + 1 :]


# A variable has one source.

FIELD = {"fieldRef": {"fieldPath": "status.podIP"}}
SECRET = {"secretKeyRef": {"name": "s", "key": "k"}}


@pytest.mark.parametrize(
    ("base", "patch", "expected"),
    [
        (FIELD, SECRET, SECRET),
        (
            SECRET,
            {"secretKeyRef": {"key": "other"}},
            {"secretKeyRef": {"name": "s", "key": "other"}},
        ),
    ],
)
def test_another_source_replaces_that_of_a_variable(
    base: Json, patch: Json, expected: Json
) -> None:
    held = {"env": [{"name": "A", "valueFrom": base}]}
    merged = merge(held, {"env": [{"name": "A", "valueFrom": patch}]})
    assert merged["env"] == [{"name": "A", "valueFrom": expected}]
    assert held == {"env": [{"name": "A", "valueFrom": base}]}


# Names.


def service(name: str, engine: Json) -> list[Json]:
    return [
        {
            "kind": "InferenceService",
            "metadata": {"name": name},
            "spec": {"model": {"name": "m"}, "engine": engine},
        },
        {
            "kind": "ClusterBaseModel",
            "metadata": {"name": "m"},
            "spec": {"storage": {"storageUri": "hf://a/b"}},
        },
    ]


def test_the_port_is_the_runners_also_when_its_name_is_a_placeholder() -> None:
    engine = {
        "containers": [{"name": "side", "image": "s", "ports": [{"containerPort": 9}]}],
        "runner": {"name": "{{ .Name }}", "image": "a", "ports": [{"containerPort": 80}]},
    }
    made = objects(plan(inputs(service("chat", engine))))
    ports = [item["spec"]["ports"][0]["port"] for item in made if item["kind"] == "Service"]
    assert ports == [80, 80]


TWINS = ("customer-a-llama-3-70b-instruct", "customer-b-llama-3-70b-instruct")


def test_services_with_equal_tails_can_have_a_config_map_each() -> None:
    assert {model_config_name(name) for name in TWINS} == {"modelconfig-llama-3-70b-instruct"}
    other = {model_config_name(name, taken=True) for name in TWINS}
    assert len(other) == 2
    assert {len(name) for name in other} == {len("modelconfig-") + 20}
    assert model_config_name("chat", taken=True) == "modelconfig-chat"


def test_a_plan_takes_the_other_name_where_it_must() -> None:
    given = inputs(service(TWINS[1], {"runner": {"image": "a"}}))
    taken = frozenset({("ConfigMap", model_config_name(TWINS[1]))})
    made = plan(dataclasses.replace(given, taken=taken))
    assert made.model_config is not None
    assert made.model_config["metadata"]["name"] == model_config_name(TWINS[1], taken=True)
    assert dataclasses.replace(made, model_config={}) == dataclasses.replace(
        plan(given), model_config={}
    )


# What is refused by name and not with a stack.


@pytest.mark.parametrize("gateway", ["/name", "namespace/", "a/b/c", " / ", "name"])
def test_a_gateway_has_a_namespace_and_a_name(gateway: str) -> None:
    text = f'{{"enableGatewayAPI": true, "omeIngressGateway": "{gateway}"}}'
    with pytest.raises(ConfigError, match="omeIngressGateway must be namespace/name"):
        parse_operator_config({"ingress": text})


@pytest.mark.parametrize("count", ["²", "4k", "0", ""])
def test_a_count_of_gpus_that_is_no_number_sets_no_parallelism(count: str) -> None:
    engine = {"runner": {"image": "a", "resources": {"limits": {"nvidia.com/gpu": count}}}}
    try:
        made = plan(inputs(service("chat", engine)))
    except RenderError:
        pytest.fail("a quantity is the API server's to refuse")
    (deployed,) = [item for item in objects(made) if item["kind"] == "Deployment"]
    assert "PARALLELISM_SIZE" not in str(deployed)
