"""Where a model is, where it is not, and when it will be, from what nodes report."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ome.cli.why.facts import Facts, Target
from ome.cli.why.model import model_story, seconds_left
from ome.cli.why.story import NodeProgress, Story, size, span
from ome.clock import rfc3339
from ome.controllers.resources import CLUSTER_BASE_MODELS, FINE_TUNED_WEIGHTS
from ome.kube.resource import ObjectKey

NOW = 1_800_000_000.0
GB = 10**9


def model(**spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "llama", "creationTimestamp": rfc3339(NOW - 600)},
        "spec": {"storage": {"storageUri": "hf://a/b", "path": "/raid/llama", **spec}},
    }


def entry(status: str, **more: Any) -> dict[str, Any]:
    return {"name": "llama", "status": status, **more}


def fetching(done: int, total: int, rate: float, heard: float = 0) -> dict[str, Any]:
    progress = {
        "phase": "downloading",
        "totalBytes": total,
        "completedBytes": done,
        "speedBytesPerSec": rate,
        "lastUpdated": rfc3339(NOW - heard),
    }
    return entry("Updating", progress=progress)


def facts(
    said: dict[str, dict[str, Any] | None],
    document: dict[str, Any] | None = None,
    labels: dict[str, dict[str, str]] | None = None,
) -> Facts:
    """Nodes and what each says; None for an agent that says nothing of this model."""
    target = Target(CLUSTER_BASE_MODELS, ObjectKey("", "llama"), document or model())
    found = Facts(target, NOW)
    for node, what in said.items():
        data = {} if what is None else {"clusterbasemodel.llama": json.dumps(what)}
        found.config_maps.append({"metadata": {"name": node}, "data": data})
        found.nodes.append({"metadata": {"name": node, "labels": (labels or {}).get(node, {})}})
    return found


def test_ready_downloading_waiting_and_failed_are_told_apart() -> None:
    error = {"reason": "StorageCredentialsNotFound", "message": "no Secret hf-token"}
    story = model_story(
        facts(
            {
                "a": entry("Ready"),
                "b": fetching(40 * GB, 100 * GB, 0.5 * GB),
                "c": fetching(90 * GB, 100 * GB, 0.5 * GB),
                "d": entry("Updating"),
                "e": entry("Failed", error=error),
                "f": entry("Failed", error=error),
                "g": None,
            }
        )
    )
    # 60 + 10 + 100 GB are left, at 1 GB/s together.
    assert story.answer == (
        "is ready on 1 node, downloading on 2 (done in about 3 min), waiting on 1 for a turn or a"
        " first report, failed on 2, not begun on 1"
    )
    assert story.seconds_left == 170
    assert [item.node for item in story.downloads] == ["b", "c"]
    assert [item.seconds_left for item in story.downloads] == [120, 20]
    assert story.troubles == ["e, f: StorageCredentialsNotFound: no Secret hf-token"]
    assert not story.well
    assert dict(story.facts)["size"] == "100 GB; all nodes together fetch 1.0 GB/s"
    assert story.document()["downloads"][0] == {
        "node": "b",
        "phase": "downloading",
        "completed": 40 * GB,
        "total": 100 * GB,
        "rate": 0.5 * GB,
        "secondsLeft": 120,
    }


def test_a_download_that_is_not_heard_of_is_a_trouble() -> None:
    story = model_story(facts({"a": fetching(1, 10, 5, heard=600)}))
    assert story.answer == "is ready on 0 nodes, downloading on 1 (at no known rate)"
    assert story.troubles == ["a: no news of its download for 10 min; see the log of its agent"]
    assert story.seconds_left is None


def test_a_report_is_carried_on_to_now() -> None:
    (download,) = model_story(facts({"a": fetching(10, 100, 2, heard=20)})).downloads
    assert (download.completed, download.seconds_left) == (50, 25)
    (download,) = model_story(facts({"a": fetching(90, 100, 2, heard=20)})).downloads
    assert (download.completed, download.seconds_left) == (100, 0)


def test_nodes_that_are_not_meant_are_not_missed() -> None:
    document = model(nodeSelector={"gpu": "h100"})
    labels = {"a": {"gpu": "h100"}, "b": {"gpu": "a10"}}
    story = model_story(facts({"a": entry("Ready"), "b": None}, document, labels))
    assert story.answer == "is ready on 1 node"
    assert story.well
    assert dict(story.facts)["not asked"] == "1 node that spec.storage does not select"


def test_a_selector_that_selects_nothing_is_named() -> None:
    story = model_story(facts({"a": None}, model(nodeSelector={"gpu": "none"})))
    assert story.troubles == [
        "spec.storage.nodeSelector selects none of 1 node; correct it, or label nodes"
    ]


def test_without_agents_that_is_what_is_asked() -> None:
    (trouble,) = model_story(facts({})).troubles
    assert "is an agent running" in trouble


def test_a_model_that_is_switched_off_wants_no_agent() -> None:
    document = model()
    document["spec"]["disabled"] = True
    (trouble,) = model_story(facts({"a": None}, document)).troubles
    assert trouble.startswith("spec.disabled is true")


def test_a_model_on_its_way_out_says_which_nodes_still_have_it() -> None:
    document = model()
    document["metadata"]["deletionTimestamp"] = rfc3339(NOW - 60)
    story = model_story(facts({"b": entry("Ready"), "a": fetching(1, 2, 1.0), "c": None}, document))
    (trouble,) = story.troubles
    assert "is being deleted and waits for 2 nodes to remove the files (a, b)" in trouble
    assert 'ome.io/force-delete: "true"' in trouble


def test_what_could_not_be_read_is_no_trouble_of_the_model() -> None:
    found = facts({})
    found.complete = False
    found.notes.append("nodes could not be read: forbidden")
    story = model_story(found)
    assert story.troubles == []
    assert story.notes == ["nodes could not be read: forbidden"]


def weight_story(document: dict[str, Any], said: dict[str, Any] | None) -> Story:
    found = facts({"a": None}, document)
    found.target = Target(FINE_TUNED_WEIGHTS, ObjectKey("", "llama"), document)
    if said:
        found.config_maps[0]["data"] = {"finetunedweight.llama": json.dumps(said)}
    return model_story(found)


def test_a_weight_is_where_its_nodes_say_or_with_its_pods() -> None:
    assert weight_story(model(), entry("Ready")).answer == "is ready on 1 node"
    assert not weight_story(model(), None).well
    bare = model(path="", storageUri="oci://n/a/b/c/o/d")
    ready = {"type": "Ready", "status": "True"}
    bare["status"] = {"conditions": [ready]}
    told = weight_story(bare, None)
    assert told.well
    assert told.answer == "is for pods only, and ready: those that serve it fetch it"


def test_a_weight_without_its_base_model_is_in_trouble_where_it_is_too() -> None:
    document = model()
    lost = {"type": "Ready", "status": "False", "reason": "BaseModelNotFound", "message": "no m"}
    document["status"] = {"conditions": [lost]}
    assert weight_story(document, entry("Ready")).troubles == ["no m"]


def test_a_model_on_a_claim_is_told_by_its_condition() -> None:
    document = model(storageUri="pvc://claim/llama")
    document["status"] = {
        "conditions": [
            {"type": "Ready", "status": "False", "reason": "PVCNotFound", "message": "PVC claim"}
        ]
    }
    story = model_story(facts({"a": None}, document))
    assert story.answer == "is on a persistent volume claim, and not ready"
    assert "not asked" not in dict(story.facts)
    assert story.troubles == ["PVCNotFound: PVC claim"]


@pytest.mark.parametrize(
    ("downloads", "queued", "expected"),
    [
        ([], 0, 0.0),
        ([], 3, None),
        ([(0, 100, 10)], 0, 10.0),
        ([(0, 100, 10), (90, 100, 10)], 0, 10.0),
        ([(0, 100, 10), (0, 100, 10)], 2, 20.0),
        ([(0, 100, 1), (99, 100, 99)], 0, 100.0),
        ([(0, 100, 0)], 1, None),
    ],
)
def test_eta(downloads: list[tuple[int, int, float]], queued: int, expected: float | None) -> None:
    items = [
        NodeProgress("n", "downloading", done, total, rate, (total - done) / rate if rate else None)
        for done, total, rate in downloads
    ]
    assert seconds_left(items, queued) == expected


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (89, "89 s"), (600, "10 min"), (5400, "1 h 30 min"), (7200, "2 h"),
     (200_000, "2 d 7 h"), (-3, "0 s")],
)  # fmt: skip
def test_spans(seconds: float, text: str) -> None:
    assert span(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (140 * GB, "140 GB"), (2.5e12, "2.5 TB")],
)
def test_sizes(count: float, text: str) -> None:
    assert size(count) == text
