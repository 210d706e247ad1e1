"""Annotations of exposure and scaling: what is refused, with its field, and what is remarked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ome.webhooks.inferenceservice import validate
from ome.webhooks.inferenceservice.validation import _READ
from tests.webhooks.objects import CLASS, LLAMA, UTILIZATION, note, review, service

if TYPE_CHECKING:
    from ome.webhooks.registry import Verdict

KEDA = "autoscaling.keda.sh"
TEMPLATE, DOMAIN, PATH, SCHEME, EXTRA = (
    f"ome.io/ingress-{name}"
    for name in ("domain-template", "domain", "path-template", "url-scheme", "additional-domains")
)
TYPE, ADDRESS, POOL = "ome.io/service-type", "ome.io/load-balancer-ip", "ome.io/inference-pool"
HERE, ENGINE = "", "engine"


def noted(notes: dict[str, str], where: str = HERE, **spec: Any) -> dict[str, Any]:
    """A service with annotations on itself or on a component."""
    blocks: dict[str, Any] = {"model": {"name": "llama"}, "engine": {}, **spec}
    if where:
        blocks[where] = {**blocks.get(where, {}), "annotations": notes}
    return service(blocks, None if where else notes)


def judged(notes: dict[str, str], where: str = HERE, **spec: Any) -> Verdict:
    """The verdict on such a service."""
    return validate(review(noted(notes, where, **spec)), LLAMA)


def field(name: str, where: str = HERE) -> str:
    return f'spec.{where}.annotations["{name}"]' if where else note(name)


GOOD_HOST = "{{ .Name }}.{{ .Namespace }}.{{ .IngressDomain }}"
# Annotation, value, where it stands, what the message says, the next step in it.
REFUSED: list[tuple[str, str, str, str, str]] = [
    (TEMPLATE, "{{ .Name", HERE, "error rendering the domain template: ", GOOD_HOST),
    (TEMPLATE, "{{ .Foo }}.a.b", HERE, "can't evaluate field Foo", GOOD_HOST),
    (TEMPLATE, "{{ .Foo }}.a.b", ENGINE, "can't evaluate field Foo", GOOD_HOST),
    (TEMPLATE, "{{ if .Labels.a }}x", HERE, "error rendering the domain template: ", GOOD_HOST),
    (TEMPLATE, "{{ .Name }}", HERE, 'domain name "chat": should be a domain', GOOD_HOST),
    (TEMPLATE, "{{ .Name }}_{{ .Namespace }}.a.b", HERE, "each part must be", GOOD_HOST),
    (TEMPLATE, "A.b", ENGINE, "each part must be", GOOD_HOST),
    (DOMAIN, "Example.com", HERE, '"Example.com" is no domain', "such as example.com"),
    (DOMAIN, "a..b", ENGINE, '"a..b" is no domain', "such as example.com"),
    (DOMAIN, "http://a.b", HERE, "is no domain", "such as example.com"),
    (SCHEME, "https://", HERE, '"https://" is no scheme of a URL', "write http or https"),
    (SCHEME, "1http", HERE, "is no scheme of a URL", "write http or https"),
    (PATH, "{{ .Labels.a }}", HERE, "can't evaluate field Labels", "/{{ .Namespace }}/{{ .Name }}"),
    (PATH, "{{ .Name }}", HERE, "a path starts with /", "/{{ .Namespace }}/{{ .Name }}"),
    (PATH, "http://a/{{ .Name }}", HERE, "contains either a scheme or a host", "write one such as"),
    (PATH, "/%zz", HERE, "invalid URL escape", "write one such as"),
    ("ome.io/ingress-class", "My Class", HERE, "be the name of an IngressClass", "write its name"),
    ("ome.io/ingress-tls-secret", "a_b", HERE, "be the name of a Secret", "write its name"),
    (POOL, "Picker", HERE, "is 'Picker'", "write the name of the endpoint picker's Service"),
    (POOL, "picker:99999", HERE, "is 'picker:99999'", "picker:9002"),
    (
        CLASS,
        "vpa",
        ENGINE,
        "[vpa] is not a supported autoscaler class",
        "use hpa, keda or external",
    ),
    (CLASS, "", ENGINE, "[] is not a supported autoscaler class", "use hpa, keda or external"),
    (UTILIZATION, "65%", ENGINE, "should be a [1-100] integer", "such as 80"),
    (UTILIZATION, "0", ENGINE, "should be a [1-100] integer", "such as 80"),
]


@pytest.mark.parametrize(("name", "value", "where", "reason", "step"), REFUSED)
def test_a_value_that_nothing_can_be_made_from_is_refused(
    name: str, value: str, where: str, reason: str, step: str
) -> None:
    (problem,) = judged({name: value}, where).problems
    assert problem.field == field(name, where)
    assert reason in problem.message
    assert step in problem.message
    assert "\n" not in problem.message
    assert "ConfigMap" not in problem.message, "the value is not there"


OF_KEDA: list[tuple[str, str, str, str]] = [
    ("operator", "less", "invalid KEDA scaling operator", "must be one of"),
    ("threshold", "many", "must be a valid number", "such as 10"),
    ("prometheus.serverAddress", "p:9090", "scheme must be http or https", "write one such as"),
    ("prometheus.metric", "vllm:x", '"vllm:x" cannot be used; known are', "write a query"),
    ("triggers", "cron", "cannot be used; write a JSON list", 'such as [{"type": "cron"'),
    ("triggers", "[" * 99_999, "cannot be used; write a JSON list", 'such as [{"type": "cron"'),
    ("activation-threshold", "x", "cannot be used", "write a number"),
    ("idle-replicas", "1", "cannot be used", "write 0"),
    ("polling-interval", "15s", "cannot be used", "write a whole number"),
    ("cooldown-period", "-1", "cannot be used", "write a whole number"),
    ("initial-cooldown-period", "", "cannot be used", "write a whole number"),
    ("fallback-replicas", "x", "cannot be used", "write a whole number"),
    ("fallback-failure-threshold", "x", "cannot be used", "write a whole number"),
    ("fallback-behavior", "x", "cannot be used", "use one of static"),
    ("advanced", "x", "cannot be used", "as a JSON object"),
]


@pytest.mark.parametrize(("name", "value", "reason", "step"), OF_KEDA)
def test_annotations_of_keda_are_checked_where_they_stand(
    name: str, value: str, reason: str, step: str
) -> None:
    bad, chosen = {f"{KEDA}/{name}": value}, {CLASS: "keda"}
    for where in (HERE, ENGINE):
        (problem,) = judged({**bad, **chosen}, where).problems
        assert problem.field == field(f"{KEDA}/{name}", where)
        assert reason in problem.message
        assert step in problem.message
        assert len(problem.message) < 600
        assert judged(bad, where).problems == (), "nobody reads it"
        enabled = judged(bad, where, engine={"kedaConfig": {"enableKeda": True}})
        assert [item.field for item in enabled.problems] == [problem.field]
        assert judged({**bad, CLASS: "hpa"}, where).problems == ()
    # The class of one component makes what the whole service says count.
    engine = {"annotations": chosen}
    assert [item.field for item in judged(bad, engine=engine).problems] == [field(f"{KEDA}/{name}")]


@pytest.mark.parametrize(
    ("config", "member"),
    [
        ({"scalingOperator": "x"}, "scalingOperator"),
        ({"scalingThreshold": "x"}, "scalingThreshold"),
        ({"promServerAddress": "x"}, "promServerAddress"),
        ({"authModes": "x", "authenticationRef": {"name": "a"}}, "authModes"),
    ],
)
def test_the_configuration_of_a_component_is_checked(config: dict[str, Any], member: str) -> None:
    chosen = {CLASS: "keda"}
    for name in ("engine", "decoder", "router"):
        verdict = judged(chosen, HERE, **{name: {"kedaConfig": config}})
        assert [item.field for item in verdict.problems] == [f"spec.{name}.kedaConfig.{member}"]
        assert judged({}, HERE, **{name: {"kedaConfig": config}}).problems == ()
        own = {"kedaConfig": config, "annotations": {CLASS: "hpa"}}
        assert judged(chosen, HERE, **{name: own}).problems == ()
    whole = judged({}, kedaConfig={**config, "enableKeda": True})
    assert [item.field for item in whole.problems] == [f"spec.kedaConfig.{member}"]


ACCEPTED: list[dict[str, str]] = [
    {TEMPLATE: "{{ .Name }}-{{ .Namespace }}.{{ .IngressDomain }}"},
    {TEMPLATE: ""},
    {DOMAIN: "internal."},
    {DOMAIN: ""},
    {SCHEME: "HTTPS"},
    {SCHEME: ""},
    {PATH: ""},
    {PATH: "/serving/{{ .Namespace }}/{{ .Name }}"},
    {PATH: "/a b?c"},
    {EXTRA: "a.example.com, b.example.com"},
    {POOL: "picker"},
    {POOL: ""},
    {"ome.io/ingress-disable-creation": "false", "ome.io/ingress-class": "nginx"},
    {TYPE: "LoadBalancer", ADDRESS: "10.0.0.9"},
    {
        CLASS: "keda",
        f"{KEDA}/prometheus.metric": "sglang:num_queue_reqs=4,sglang:token_usage=0.8",
        f"{KEDA}/triggers": json.dumps([{"type": "cron", "metadata": {}}]),
        f"{KEDA}/fallback-behavior": "static",
    },
]


@pytest.mark.parametrize("notes", ACCEPTED)
def test_what_is_accepted_without_a_word(notes: dict[str, str]) -> None:
    verdict = judged(notes)
    assert verdict.problems == ()
    assert [text for text in verdict.warnings if "metadata.annotations" in text] == []


def test_a_component_may_ask_for_more_than_all_that_it_requested() -> None:
    assert judged({UTILIZATION: "150"}, ENGINE).problems == ()


# What a value counts as, or that it has no effect.
REMARKS: list[tuple[dict[str, str], str, str]] = [
    ({"ome.io/ingress-disable-creation": "True"}, HERE, '"True" counts as false; write true'),
    ({"ome.io/ingress-disable-istio-virtualhost": ""}, HERE, '"" counts as false; write true'),
    ({EXTRA: "a.example.com,x y,"}, HERE, '"x y" is no domain and is left out'),
    ({TYPE: "loadBalancer"}, HERE, "counts as ClusterIP; use one of ClusterIP, NodePort, Load"),
    ({TYPE: "ExternalName"}, ENGINE, "counts as ClusterIP"),
    ({ADDRESS: "10.0.0.9"}, HERE, "has no effect unless ome.io/service-type is LoadBalancer"),
    ({ADDRESS: "10.0.0.9", TYPE: "NodePort"}, ENGINE, "has no effect unless"),
    ({"ome.io/entrypoint-component": "router"}, HERE, "is read by nothing; requests reach"),
    (
        {TEMPLATE: "{{ .Labels.team }}.example.com"},
        HERE,
        'gives the invalid domain name "<no value>.example.com"',
    ),
    ({TEMPLATE: '{{ index .Labels "a/b" }}.a.b'}, HERE, "waits until the labels and annotations"),
]


@pytest.mark.parametrize(("notes", "where", "text"), REMARKS)
def test_a_value_that_is_taken_for_another_is_remarked(
    notes: dict[str, str], where: str, text: str
) -> None:
    verdict = judged(notes, where)
    assert verdict.problems == ()
    (said,) = [item for item in verdict.warnings if "annotations[" in item]
    assert text in said
    assert "\n" not in said


@pytest.mark.parametrize("chosen", ["hpa", "keda"])
def test_ray_clusters_are_not_scaled(chosen: str) -> None:
    notes = {CLASS: chosen, "ome.io/deploymentMode": "MultiNodeRayVLLM"}
    text = f"spec.engine: autoscaler class {chosen} has no effect in mode MultiNodeRayVLLM"
    assert any(text in item for item in judged(notes).warnings)
    assert not any("has no effect" in item for item in judged({CLASS: chosen}).warnings)


def test_one_cause_is_told_once() -> None:
    verdict = judged({TEMPLATE: "{{ .Name }}", DOMAIN: "A"}, decoder={}, router={})
    assert [item.field for item in verdict.problems] == [field(DOMAIN)]
    verdict = judged({TEMPLATE: "{{ .Name }}"}, decoder={}, router={})
    assert [item.field for item in verdict.problems] == [field(TEMPLATE)]


def test_a_service_without_a_name_yet_is_judged_by_one_like_it() -> None:
    given = service({"model": {"name": "llama"}}, {TEMPLATE: "{{ .Name }}"}, name="")
    given["metadata"]["generateName"] = "chat-"
    (problem,) = validate(review(given), LLAMA).problems
    assert 'domain name "chat-xxxxx"' in problem.message


@pytest.mark.parametrize("name", [TEMPLATE, DOMAIN, PATH, SCHEME, POOL, f"{KEDA}/triggers"])
def test_a_change_of_an_annotation_is_judged(name: str) -> None:
    assert name in _READ
    before = service({"model": {"name": "llama"}}, {CLASS: "keda", name: "A B"})
    untouched = review(before, before)
    assert validate(untouched, LLAMA).problems == ()
    after = service({"model": {"name": "llama"}}, {CLASS: "keda", name: "C D"})
    assert validate(review(after, before), LLAMA).problems
