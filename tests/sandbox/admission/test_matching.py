"""Rules, scope and selectors, without any webhook called."""

from __future__ import annotations

from typing import Any

import pytest

from ome.kube.resource import Resource
from ome.kube.resources import CONFIGMAPS, CRDS, DEPLOYMENTS, NAMESPACES, NODES, PODS
from ome.sandbox.admission.configuration import Webhook
from ome.sandbox.admission.equivalents import NoEquivalents
from ome.sandbox.admission.matching import is_exempt, matched_resource, selected
from ome.sandbox.refusal import Refused
from tests.sandbox.admission.support import EVERYTHING, Cluster, configmap, webhook, write


def wants(rule: dict[str, Any], **given: Any) -> bool:
    entry = Webhook.of(webhook("w", {}, rules=[{**EVERYTHING, **rule}]))
    return matched_resource(entry, write(**given), NoEquivalents()) is not None


@pytest.mark.parametrize(
    ("pattern", "resource", "subresource", "matches"),
    [
        ("pods", PODS, "", True),
        ("pods", PODS, "status", False),
        ("pods", CONFIGMAPS, "", False),
        ("pods/status", PODS, "status", True),
        ("pods/status", PODS, "", False),
        ("pods/*", PODS, "status", True),
        ("pods/*", PODS, "", True),
        ("*/scale", DEPLOYMENTS, "scale", True),
        ("*/scale", DEPLOYMENTS, "", False),
        ("*", PODS, "", True),
        ("*", PODS, "status", False),
        ("*/*", PODS, "status", True),
        ("*/*", PODS, "", True),
    ],
)
def test_resources(pattern: str, resource: Resource, subresource: str, matches: bool) -> None:
    assert wants({"resources": [pattern]}, resource=resource, subresource=subresource) is matches


@pytest.mark.parametrize(
    ("rule", "matches"),
    [
        ({"operations": ["CREATE"]}, True),
        ({"operations": ["UPDATE", "DELETE"]}, False),
        ({"apiGroups": [""]}, True),
        ({"apiGroups": ["apps"]}, False),
        ({"apiVersions": ["v1"]}, True),
        ({"apiVersions": ["v2"]}, False),
        ({"resources": ["secrets", "configmaps"]}, True),
        ({"resources": []}, False),
    ],
)
def test_the_other_parts_of_a_rule(rule: dict[str, Any], matches: bool) -> None:
    assert wants(rule) is matches


@pytest.mark.parametrize(
    ("scope", "resource", "namespace", "matches"),
    [
        ("*", PODS, "prod", True),
        ("Namespaced", PODS, "prod", True),
        ("Cluster", PODS, "prod", False),
        ("Namespaced", NODES, "", False),
        ("Cluster", NODES, "", True),
        ("Namespaced", NAMESPACES, "prod", False),
        ("Cluster", NAMESPACES, "prod", True),
    ],
)
def test_scope(scope: str, resource: Resource, namespace: str, matches: bool) -> None:
    assert wants({"scope": scope}, resource=resource, namespace=namespace) is matches


def chosen(selector: dict[str, Any], **given: Any) -> bool:
    entry = Webhook.of(webhook("w", {}, namespaceSelector=selector))
    return selected(entry, write(**given), Cluster().namespace)


GOLD = {"matchLabels": {"tier": "gold"}}
LEAD = {"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["gold"]}]}


def namespace(**labels: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n", "labels": labels}}


def test_a_namespace_selector_looks_at_the_namespace_of_the_object() -> None:
    assert chosen(GOLD)
    assert not chosen(LEAD)


def test_a_namespace_selector_does_not_concern_cluster_scoped_objects() -> None:
    assert chosen(GOLD, resource=NODES, namespace="", name="n1")
    assert chosen(LEAD, resource=NODES, namespace="", name="n1")


def test_a_namespace_is_selected_by_its_own_labels() -> None:
    new = {"resource": NAMESPACES, "namespace": "", "name": "new"}
    assert chosen(GOLD, **new, object=namespace(tier="gold"))
    assert not chosen(GOLD, **new, object=namespace())
    # A deletion has no object: the labels are those of the namespace that still exists.
    known = {"resource": NAMESPACES, "namespace": "", "name": "prod", "operation": "DELETE"}
    assert chosen(GOLD, **known, object=None, old_object=namespace())


def test_a_selector_needs_the_namespace_and_an_empty_one_does_not() -> None:
    assert chosen({}, namespace="gone")
    with pytest.raises(Refused, match='namespaces "gone" not found') as caught:
        chosen(GOLD, namespace="gone")
    assert caught.value.code == 404


@pytest.mark.parametrize(
    ("new", "old", "matches"),
    [
        ("x", None, True),
        ("y", None, False),
        ("y", "x", True),
        ("x", "y", True),
        (None, "x", True),
        (None, None, False),
    ],
)
def test_an_object_selector_looks_at_both_states(
    new: str | None, old: str | None, matches: bool
) -> None:
    entry = Webhook.of(webhook("w", {}, objectSelector={"matchLabels": {"app": "x"}}))
    states = [
        None if app is None else {**configmap(), "metadata": {"labels": {"app": app}}}
        for app in (new, old)
    ]
    attributes = write(object=states[0], old_object=states[1])
    assert selected(entry, attributes, Cluster().namespace) is matches


def test_what_has_no_metadata_is_selected_by_no_labels() -> None:
    absent = {"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}
    entry = Webhook.of(webhook("w", {}, objectSelector=absent))
    assert not selected(entry, write(object={"stdin": True}), Cluster().namespace)


def test_only_configurations_of_webhooks_are_exempt() -> None:
    group = "admissionregistration.k8s.io"
    kind = Resource(group, "v1", "ValidatingWebhookConfiguration", "", namespaced=False)
    for plural in ("validatingwebhookconfigurations", "mutatingadmissionpolicies"):
        resource = Resource(group, "v1", kind.kind, plural, namespaced=False)
        assert is_exempt(write(resource=resource))
    assert not is_exempt(write(resource=CRDS))
