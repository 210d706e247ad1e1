"""A component that is scaled by its requests: Knative's Service, its scaling and its traffic."""

from __future__ import annotations

from typing import Any

import pytest

from ome.workloads import plan
from tests.workloads.support import by_name, documents, inputs

Json = dict[str, Any]
RUNNER: Json = {"name": "ome-container", "image": "a"}
SCALING = "autoscaling.knative.dev/"
KPA = "kpa.autoscaling.knative.dev"
LATEST: Json = {"latestRevision": True, "percent": 100}


def rendered(engine: Json | None = None, status: Json | None = None, **metadata: Any) -> Json:
    held = documents({"engine": {"runner": RUNNER, "minReplicas": 0, **(engine or {})}}, metadata)
    if status is not None:
        held[0]["status"] = {"components": {"engine": status}}
    return by_name(plan(inputs(held)))["Service/chat-engine"]


def template(engine: Json | None = None, **metadata: Any) -> Json:
    found: Json = rendered(engine, **metadata)["spec"]["template"]
    return found


@pytest.mark.parametrize(
    ("block", "annotations", "expected"),
    [
        ({}, {}, {"min-scale": "0", "class": KPA}),
        ({"maxReplicas": 0}, {}, {"min-scale": "0", "class": KPA}),
        (
            {"maxReplicas": 4, "scaleTarget": 7, "scaleMetric": "rps"},
            {},
            {"min-scale": "0", "max-scale": "4", "target": "7", "metric": "rps", "class": KPA},
        ),
        ({}, {f"{SCALING}class": "mine"}, {"min-scale": "0", "class": "mine"}),
        (
            {},
            {f"{SCALING}min-scale": "5", f"{SCALING}max-scale": "6"},
            {"min-scale": "0", "class": KPA},
        ),
        ({}, {f"{SCALING}window": "60s"}, {"min-scale": "0", "class": KPA, "window": "60s"}),
    ],
)
def test_scaling_is_told_to_the_revision(block: Json, annotations: Json, expected: Json) -> None:
    held = template(block, annotations=annotations)["metadata"]["annotations"]
    found = {
        key.removeprefix(SCALING): value for key, value in held.items() if key.startswith(SCALING)
    }
    assert found == expected


def test_without_a_number_one_pod_stays() -> None:
    held = documents(
        {"engine": {"runner": RUNNER}}, {"annotations": {"ome.io/deploymentMode": "Serverless"}}
    )
    made = by_name(plan(inputs(held)))["Service/chat-engine"]["spec"]["template"]
    assert made["metadata"]["annotations"][f"{SCALING}min-scale"] == "1"


def test_annotations_of_the_service_are_moved_there() -> None:
    moved = {"serving.knative.dev/rollout-duration": "60s"}
    moved["serving.knative.openshift.io/enablePassthrough"] = "true"
    made = rendered(annotations={**moved, "team": "a"})
    assert made["metadata"]["annotations"] == {**moved, "ome.io/rendering": "1"}
    held = made["spec"]["template"]["metadata"]["annotations"]
    assert (held["team"], moved.keys() & held.keys()) == ("a", set())


def test_labels_of_the_revision() -> None:
    visible = {"networking.knative.dev/visibility": "cluster-local"}
    made = rendered(labels={**visible, "team": "a"}, annotations={"ome.io/volcano-queue": "q"})
    assert visible.items() <= made["metadata"]["labels"].items()
    assert "app" not in made["metadata"]["labels"]
    held = made["spec"]["template"]["metadata"]["labels"]
    assert not visible.keys() & held.keys()
    assert (held["team"], held["volcano.sh/queue-name"]) == ("a", "q")


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("networking.ome.io/visibility", "cluster-local"),
        ("networking.knative.dev/visibility", "cluster-local"),
        ("team", None),
    ],
)
def test_knative_keeps_inside_what_either_label_keeps_inside(
    label: str, expected: str | None
) -> None:
    metadata = rendered(labels={label: "cluster-local"})["metadata"]
    assert metadata["labels"].get("networking.knative.dev/visibility") == expected


def test_limits_of_a_request() -> None:
    spec = template({"timeoutSeconds": 90, "containerConcurrency": 3})["spec"]
    assert spec["timeoutSeconds"] == spec["responseStartTimeoutSeconds"] == 90
    assert spec["containerConcurrency"] == 3
    assert not {"timeoutSeconds", "containerConcurrency"} & template()["spec"].keys()


def test_knative_gives_its_own_defaults_to_pods() -> None:
    spec = template()["spec"]
    assert not {"restartPolicy", "dnsPolicy", "schedulerName"} & spec.keys()
    assert not {"imagePullPolicy", "readinessProbe"} & spec["containers"][0].keys()


STABLE = {"latestRolledoutRevision": "chat-engine-00002"}
REST: Json = {"revisionName": "chat-engine-00002", "latestRevision": False, "tag": "prev"}


@pytest.mark.parametrize(
    ("share", "status", "expected"),
    [
        (None, None, [LATEST]),
        (None, STABLE, [LATEST]),
        (10, None, [LATEST]),
        (10, {}, [LATEST]),
        (10, STABLE, [{**LATEST, "percent": 10}, {**REST, "percent": 90}]),
        (0, STABLE, [{**LATEST, "percent": 0}, {**REST, "percent": 100}]),
        (100, STABLE, [LATEST]),
    ],
)
def test_a_canary_shares_the_traffic(
    share: int | None, status: Json | None, expected: list[Json]
) -> None:
    block = {} if share is None else {"canaryTrafficPercent": share}
    assert rendered(block, status)["spec"]["traffic"] == expected


@pytest.mark.parametrize(("wish", "tag"), [("true", "latest"), ("True", None), ("", None)])
def test_the_latest_revision_has_a_tag_where_it_is_asked_for(wish: str, tag: str | None) -> None:
    made = rendered(annotations={"ome.io/enable-tag-routing": wish})
    assert made["spec"]["traffic"][0].get("tag") == tag


def test_a_serverless_component_has_nothing_else_and_no_url_of_ours() -> None:
    held = documents({"engine": {"runner": RUNNER, "minReplicas": 0}})
    (component,) = plan(inputs(held)).components
    assert [item["kind"] for item in component.objects] == ["Service"]
    assert component.url == ""
    (ref,) = component.workloads
    assert (ref.api_version, ref.kind, ref.name) == (
        "serving.knative.dev/v1",
        "Service",
        "chat-engine",
    )
