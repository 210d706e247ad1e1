"""A status, and what it says is wrong, from the reports alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ome.controllers.basemodel.aggregate import Aggregate, ModelReports
from ome.controllers.basemodel.problems import (
    Problem,
    one_line,
    problem_of_uri,
    problems,
    said_in,
)
from ome.controllers.basemodel.status import (
    compute_status,
    condition,
    same_status,
    write_interval,
)

KEY = "clusterbasemodel.m"
URI = "hf://example/m"


def reports(**nodes: dict[str, Any] | str) -> ModelReports:
    aggregate = Aggregate()
    for node, said in nodes.items():
        aggregate.node(node, True)
        entry = {"name": "m", "status": said} if isinstance(said, str) else {"name": "m", **said}
        aggregate.config_map(node, {KEY: json.dumps(entry)})
    return aggregate.reports(KEY)


def failed(reason: str, message: str, status: str = "Failed") -> dict[str, Any]:
    return {"status": status, "error": {"reason": reason, "message": message}}


def computed(
    held: ModelReports, stored: dict[str, Any] | None = None, uri: str = URI, wall: str = "t1"
) -> dict[str, Any]:
    return compute_status(stored or {}, held, problems(held, uri), wall=wall)


def ready(status: dict[str, Any]) -> dict[str, Any]:
    held = condition(status, "Ready")
    assert held is not None
    return held


def test_one_ready_node_is_enough() -> None:
    status = computed(reports(b="Ready", a="Ready", c="Failed", d="Updating"))
    assert status["state"] == "Ready"
    assert (status["nodesReady"], status["nodesFailed"]) == (["a", "b"], ["c"])
    message = "ready on 2 nodes, failed on 1 node, updating on 1 node"
    assert (ready(status)["reason"], ready(status)["message"]) == ("NodesReady", message)


def test_lists_are_in_the_order_of_bytes() -> None:
    status = computed(reports(n10="Ready", n2="Ready", N3="Ready"))
    assert status["nodesReady"] == ["N3", "n10", "n2"]


def test_a_failure_says_how_many_where_what_and_the_next_step() -> None:
    held = reports(
        n2=failed("disk_full", "no space\nleft on device"),
        n3=failed("rate_limited", "another text"),
        n1=failed("rate_limited", "429 Too Many Requests"),
    )
    status = computed(held)
    assert status["state"] == "Failed"
    assert ready(status)["reason"] == "RateLimited"
    assert ready(status)["message"] == (
        "2 nodes failed to download, first n1: 429 Too Many Requests; check"
        " spec.storage.storageUri and the agent's log on that node"
    )
    degraded = condition(status, "Degraded")
    assert degraded is not None
    assert degraded["message"].endswith(
        "; DiskFull: 1 node failed to download, first n2: no space left on device; check"
        " spec.storage.storageUri and the agent's log on that node"
    )


@pytest.mark.parametrize(
    ("said", "reason", "event"),
    [
        ("disk_full", "DiskFull", "ModelDownloadFailed"),
        ("unauthorized", "Unauthorized", "ModelDownloadFailed"),
        ("md5_verification_error", "Md5VerificationError", "ModelDownloadFailed"),
        ("GatedRepo", "GatedRepo", "ModelDownloadFailed"),
        ("", "ModelDownloadFailed", "ModelDownloadFailed"),
        ("no word", "ModelDownloadFailed", "ModelDownloadFailed"),
        ("5xx", "ModelDownloadFailed", "ModelDownloadFailed"),
        ("x_", "ModelDownloadFailed", "ModelDownloadFailed"),
        ("StorageCredentialsNotFound", "StorageCredentialsNotFound", "StorageCredentialsNotFound"),
    ],
)
def test_what_an_agent_calls_a_failure_is_the_reason_of_the_condition(
    said: str, reason: str, event: str
) -> None:
    (found,) = problems(reports(n1=failed(said, "text")), URI)
    assert (found.reason, found.event, found.fails) == (reason, event, True)


def test_every_reason_is_told_the_one_that_fails_most_first() -> None:
    held = reports(
        n1=failed("StorageCredentialsNotFound", "Secret hub of namespace ome not found"),
        n2=failed("StorageCredentialsNotFound", "Secret hub of namespace ome not found"),
        n3="Failed",
        n4=failed("ConfigParseFailed", "config.json: not JSON", "Ready"),
    )
    found = problems(held, URI)
    assert [problem.reason for problem in found] == [
        "StorageCredentialsNotFound",
        "ModelDownloadFailed",
        "ConfigParseFailed",
    ]
    assert found[0].text.startswith(
        "2 nodes found no credentials, first n1: Secret hub of namespace ome not found; create"
    )
    assert "the agent gave no reason" in found[1].text
    assert 'ome.io/skip-config-parsing: "true"' in found[2].text
    status = computed(held)
    assert ready(status)["status"] == "True"
    degraded = condition(status, "Degraded")
    assert degraded is not None
    assert degraded["reason"] == "StorageCredentialsNotFound"
    for problem in found:
        assert said_in(degraded, problem)


def test_a_model_that_is_switched_off_is_not_said_to_want_an_agent() -> None:
    status = compute_status({}, reports(), [], wall="t1", disabled=True)
    assert (status["state"], ready(status)["reason"]) == ("In_Transit", "InTransit")
    # Admission only warns where a runtime is named, and of weights.
    assert ready(status)["message"] == (
        "spec.disabled is true, so no node fetches it and services that name it are not Ready; set"
        " it to false to have it fetched"
    )
    status = compute_status({}, reports(a="Updating"), [], wall="t1", disabled=True)
    assert ready(status)["message"].startswith("updating on 1 node; spec.disabled is true")
    status = compute_status({}, reports(a="Ready"), [], wall="t1", disabled=True)
    assert ready(status)["message"] == "ready on 1 node"


def test_a_problem_beside_ready_does_not_make_the_model_unready() -> None:
    status = computed(reports(n1=failed("ConfigParseFailed", "not JSON", "Ready")))
    assert (ready(status)["status"], ready(status)["reason"]) == ("True", "NodesReady")


def test_an_entry_without_error_that_updates_is_no_problem() -> None:
    assert problems(reports(n1="Updating", n2="Ready", n3={}), URI) == []


@pytest.mark.parametrize("uri", ["", "example/m", "ftp://x/y", "hf://", "HF://x/y", "://x"])
def test_a_storage_uri_that_is_none(uri: str) -> None:
    status = computed(ModelReports(), uri=uri)
    assert status["state"] == "In_Transit"
    assert ready(status)["reason"] == "InvalidStorageURI"
    assert "spec.storage.storageUri" in ready(status)["message"]
    assert "hf://" in ready(status)["message"]


@pytest.mark.parametrize(
    "uri",
    [
        "hf://org/name",
        "oci://n/ns/b/bucket/o/name",
        "oci://bucket/name",
        "pvc://claim/name",
        "s3://bucket/name",
        "gs://bucket/name",
        "az://account/container/name",
        "github://owner/name",
        "local:///a/name",
        "vendor://vendor/models/name",
    ],
)
def test_known_schemes(uri: str) -> None:
    assert problem_of_uri(uri) == ""


def test_nothing_changes_when_nothing_changed() -> None:
    held = reports(n1="Ready", n2=failed("x", "y"))
    first = computed(held)
    assert computed(held, first, wall="t2") == first
    assert same_status(first, {**first, "nodesFailed": first["nodesFailed"], "x": []})
    assert not same_status(first, {**first, "nodesReady": []})


def test_the_time_of_a_condition_moves_with_its_status_only() -> None:
    first = computed(reports(n1="Updating"))
    second = computed(reports(n1="Updating", n2="Updating"), first, wall="t2")
    assert ready(second)["lastTransitionTime"] == "t1"
    assert ready(second)["message"] == "updating on 2 nodes"
    third = computed(reports(n1="Ready"), second, wall="t3")
    assert ready(third)["lastTransitionTime"] == "t3"


def test_a_stored_condition_without_its_members_is_mended() -> None:
    stored = {"conditions": [{"type": "Ready", "status": "True"}, {"status": "True"}]}
    assert ready(computed(reports(n1="Ready"), stored))["lastTransitionTime"] == "t1"


def test_counts_that_differ_by_a_digit_are_told_apart() -> None:
    thirteen = Problem("ModelDownloadFailed", "13 nodes failed, first n1: x")
    three = Problem("ModelDownloadFailed", "3 nodes failed, first n1: x")
    stored = {"status": "True", "reason": "ModelDownloadFailed", "message": thirteen.text}
    assert said_in(stored, thirteen)
    assert not said_in(stored, three)
    assert not said_in({**stored, "status": "False"}, thirteen)
    assert not said_in(None, thirteen)


def test_reasons_that_nodes_make_up_fit_into_a_condition() -> None:
    said = {f"n{number}": failed(f"r{number}_{'x' * 80}", "x" * 999) for number in range(200)}
    status = computed(reports(**said, last=failed("y" * 2000, "too long a word")))
    degraded = condition(status, "Degraded")
    assert degraded is not None
    assert len(degraded["message"]) < 32768
    assert degraded["message"].endswith("; and 181 more")
    assert len(degraded["reason"]) < 1024


def test_a_reason_without_end_is_none() -> None:
    status = computed(reports(a=failed("y" * 2000, "too long a word")))
    assert ready(status)["reason"] == "ModelDownloadFailed"


def test_long_texts_of_others_are_cut() -> None:
    assert len(one_line("x " * 1000)) == 400


@pytest.mark.parametrize(("names", "seconds"), [(0, 1.0), (999, 1.0), (1500, 1.5), (5000, 5.0)])
def test_the_interval_grows_with_the_names(names: int, seconds: float) -> None:
    half = [f"n{number}" for number in range(names)]
    assert write_interval({"nodesReady": half[::2], "nodesFailed": half[1::2]}) == seconds
