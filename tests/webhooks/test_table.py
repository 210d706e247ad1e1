"""The registrations: a contract with manifests and dashboards in the field."""

from __future__ import annotations

from typing import Any

import pytest

from ome.webhooks.table import TABLE, client_config, configurations, routes

NAMES = {
    "/mutate-ome-io-v1beta1-inferenceservice": "inferenceservice.ome-webhook-server.defaulter",
    "/mutate-pods": "inferenceservice.ome-webhook-server.pod-mutator",
    "/validate-ome-io-v1beta1-inferenceservice": "inferenceservice.ome-webhook-server.validator",
    "/validate-ome-io-v1beta1-clusterservingruntime": (
        "clusterservingruntime.ome-webhook-server.validator"
    ),
    "/validate-ome-io-v1beta1-servingruntime": "servingruntime.ome-webhook-server.validator",
    "/validate-ome-io-v1beta1-benchmarkjob": "benchmarkjob.ome-webhook-server.validator",
}


def webhooks(**options: Any) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """(configuration, webhook) by path."""
    return {
        webhook["clientConfig"]["service"]["path"]: (document, webhook)
        for document in configurations(client_config("ome"), **options)
        for webhook in document["webhooks"]
    }


def test_the_paths_and_names_are_those_of_the_field() -> None:
    assert {path: webhook["name"] for path, (_, webhook) in webhooks().items()} == NAMES


def test_what_is_registered_is_served_and_the_other_way_round() -> None:
    assert {route.path for route in routes()} == set(webhooks())
    for route in routes():
        assert (route.default is None) is not (route.validate is None)
        assert (route.default is not None) is route.path.startswith("/mutate")


def test_a_benchmark_that_passes_is_told_so_and_no_other_kind() -> None:
    said = {route.path: route.passed for route in routes() if route.passed}
    assert said == {"/validate-ome-io-v1beta1-benchmarkjob": "Validation passed"}


def test_there_are_five_configurations_one_of_them_mutating() -> None:
    found = [
        (item["kind"], item["metadata"]["name"]) for item in configurations(client_config("o"))
    ]
    validating = "ValidatingWebhookConfiguration"
    assert sorted(found) == [
        ("MutatingWebhookConfiguration", "inferenceservice.ome.io"),
        (validating, "benchmarkjob.ome.io"),
        (validating, "clusterservingruntime.ome.io"),
        (validating, "inferenceservice.ome.io"),
        (validating, "servingruntime.ome.io"),
    ]


@pytest.mark.parametrize("entry", TABLE, ids=lambda entry: entry.path)
def test_every_webhook_fails_closed_without_side_effects(entry: Any) -> None:
    _, webhook = webhooks()[entry.path]
    assert webhook["failurePolicy"] == "Fail"
    assert webhook["sideEffects"] == "None"
    assert webhook["admissionReviewVersions"] == ["v1", "v1beta1"]
    (rule,) = webhook["rules"]
    assert "DELETE" not in rule["operations"]
    assert not any("/" in resource for resource in rule["resources"])
    assert webhook["clientConfig"] == {
        "service": {
            "name": "ome-webhook-server-service",
            "namespace": "ome",
            "path": entry.path,
            "port": 443,
        }
    }


def test_only_pods_of_services_are_sent_and_again_when_others_changed_them() -> None:
    _, webhook = webhooks()["/mutate-pods"]
    assert webhook["rules"] == [
        {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    ]
    assert webhook["reinvocationPolicy"] == "IfNeeded"
    assert webhook["namespaceSelector"] == {
        "matchExpressions": [{"key": "control-plane", "operator": "DoesNotExist"}]
    }
    assert webhook["objectSelector"] == {
        "matchExpressions": [{"key": "ome.io/inferenceservice", "operator": "Exists"}]
    }
    (condition,) = webhook["matchConditions"]
    assert '"ome.io/inferenceservice" in object.metadata.labels' in condition["expression"]


def test_a_scope_joins_the_selectors_that_are_there() -> None:
    scope = {"matchLabels": {"team": "a"}}
    found = webhooks(namespaces=scope, prefix="second.")
    pods = found["/mutate-pods"][1]["namespaceSelector"]
    assert pods["matchLabels"] == {"team": "a"}
    assert pods["matchExpressions"][0]["key"] == "control-plane"
    document, webhook = found["/validate-ome-io-v1beta1-benchmarkjob"]
    assert webhook["namespaceSelector"] == scope
    assert document["metadata"]["name"] == "second.benchmarkjob.ome.io"


def test_cert_manager_is_told_by_an_annotation_or_not_at_all() -> None:
    for document, _ in webhooks(cert_manager="ome/serving-cert").values():
        assert document["metadata"]["annotations"] == {
            "cert-manager.io/inject-ca-from": "ome/serving-cert"
        }
    assert all("annotations" not in document["metadata"] for document, _ in webhooks().values())
