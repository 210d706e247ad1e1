"""What a write may touch."""

from __future__ import annotations

from typing import Any

import pytest

from ome.sandbox import builtin

POD = ("", "Pod")
DEPLOYMENT = ("apps", "Deployment")


def deployment(**metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "a", "generation": 1, **metadata},
        "spec": {"replicas": 1},
        "status": {"replicas": 1},
    }


def test_a_new_object_has_no_status_whatever_was_sent() -> None:
    document = deployment()
    builtin.prepare_create(DEPLOYMENT, document)
    assert document["status"] == {}


def test_a_new_node_brings_its_status() -> None:
    node: dict[str, Any] = {"metadata": {"name": "a"}, "status": {"capacity": {"cpu": "1"}}}
    builtin.prepare_create(("", "Node"), node)
    assert node["status"]["capacity"] == {"cpu": "1"}


def test_the_status_has_a_writer_of_its_own() -> None:
    old, new = deployment(), deployment()
    new["spec"], new["status"] = {"replicas": 2}, {"replicas": 2}
    builtin.prepare_update(DEPLOYMENT, new, old, "")
    assert (new["spec"], new["status"]) == ({"replicas": 2}, {"replicas": 1})
    new["status"] = {"replicas": 2}
    builtin.prepare_update(DEPLOYMENT, new, old, "status")
    assert (new["spec"], new["status"]) == ({"replicas": 1}, {"replicas": 2})


def test_a_status_cannot_be_brought_by_who_may_not_write_it() -> None:
    old, new = deployment(), deployment()
    del old["status"]
    builtin.prepare_update(DEPLOYMENT, new, old, "")
    assert "status" not in new


def test_a_pods_class_of_service_stays_when_a_status_is_silent() -> None:
    old = {"metadata": {"name": "a"}, "spec": {}, "status": {"qosClass": "Burstable"}}
    for status in ({"phase": None}, None):
        new: dict[str, Any] = {"metadata": {"name": "a"}, "spec": {}, "status": status}
        builtin.prepare_update(POD, new, old, "status")
        assert new["status"]["qosClass"] == "Burstable"


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        ({"spec": {"replicas": 2}}, True),
        ({"status": {"replicas": 2}}, False),
        ({"metadata": {"name": "a", "labels": {"a": "b"}}}, False),
        ({"metadata": {"name": "a", "annotations": {"a": "b"}}}, True),
        ({"metadata": {"name": "a", "annotations": {}}}, False),
    ],
)
def test_what_counts_as_a_generation(change: dict[str, Any], counts: bool) -> None:
    old = deployment()
    assert builtin.bumps_generation(DEPLOYMENT, old, {**old, **change}) is counts


def test_annotations_of_others_do_not_count_and_some_kinds_have_no_generation() -> None:
    old = deployment()
    new = {**old, "metadata": {"name": "a", "annotations": {"a": "b"}}}
    assert not builtin.bumps_generation(("apps", "StatefulSet"), old, new)
    assert not builtin.bumps_generation(("", "ConfigMap"), {"data": {}}, {"data": {"a": "b"}})


def test_a_job_selects_its_pods_by_its_uid() -> None:
    job: dict[str, Any] = {
        "metadata": {"name": "a", "uid": "u", "labels": {"own": "x"}},
        "spec": None,
    }
    builtin.prepare_create(("batch", "Job"), job)
    spec = job["spec"]
    labels = spec["template"]["metadata"]["labels"]
    assert spec["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": "u"}}
    assert labels["batch.kubernetes.io/job-name"] == "a"
    assert job["metadata"]["labels"] == {"own": "x"}


def test_the_users_own_selector_of_a_job_stays() -> None:
    spec = {"manualSelector": True, "selector": {"matchLabels": {"a": "b"}}}
    job: dict[str, Any] = {"metadata": {"name": "a", "uid": "u"}, "spec": spec}
    builtin.prepare_create(("batch", "Job"), job)
    assert job["spec"]["selector"] == {"matchLabels": {"a": "b"}}
    assert "labels" not in job["metadata"]
