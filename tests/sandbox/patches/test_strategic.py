"""Strategic merge patches, against what a real API server made of them."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ome.api.openapi.view import schema_for
from ome.sandbox.patches import strategic_patch
from ome.sandbox.refusal import Refused
from tests.sandbox.patches.record import PATCHES, RECORDED

SCHEMA = schema_for("io.k8s.api.apps.v1.Deployment")
FIRST, *ROWS = (json.loads(line) for line in RECORDED.read_text().splitlines())
BASE = FIRST["base"]


def assert_within(ours: Any, theirs: Any, path: str) -> None:
    """All that we have is there, in this order; the server may have added defaults."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name in ours.keys() - theirs.keys():
            # What the server's types do not keep, it drops after the patch.
            assert ours[name] in ({}, []), f"{path}.{name} should not be there"
        for name in ours.keys() & theirs.keys():
            assert_within(ours[name], theirs[name], f"{path}.{name}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, item in enumerate(ours):
            assert_within(item, theirs[index], f"{path}[{index}]")
    else:
        assert ours == theirs, path


@pytest.mark.parametrize("row", ROWS, ids=lambda row: json.dumps(row["patch"])[:100])
def test_as_the_real_server(row: dict[str, Any]) -> None:
    if row["status"] in (400, 500):
        with pytest.raises(Refused) as refused:
            strategic_patch(BASE, row["patch"], SCHEMA)
        assert (refused.value.code, refused.value.message) == (row["status"], row["given"])
        return
    base, patch = deepcopy(BASE), deepcopy(row["patch"])
    patched = strategic_patch(base, patch, SCHEMA)
    assert (base, patch) == (BASE, row["patch"]), "the arguments are left alone"
    if row["status"] == 422:
        assert patched["spec"]["template"]["spec"]["containers"] == []
    else:
        assert_within(patched, row["given"], "")


def test_every_patch_is_recorded() -> None:
    assert [row["patch"] for row in ROWS] == PATCHES


def test_the_object_itself_as_patch_changes_nothing() -> None:
    assert strategic_patch(BASE, BASE, SCHEMA) == BASE


NAMES = st.sampled_from("abcde")
ITEMS = st.lists(
    st.fixed_dictionaries({"name": NAMES}, optional={"image": NAMES}),
    unique_by=lambda item: item["name"],
    max_size=5,
)


def pod(containers: Any, **more: Any) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {"containers": containers, **more}}}}


@given(ITEMS, ITEMS)
def test_lists_merge_like_maps(before: list[Any], after: list[Any]) -> None:
    result = strategic_patch(pod(before), pod(after), SCHEMA)
    merged: dict[str, dict[str, Any]] = {}
    for item in (*before, *after):
        merged.setdefault(item["name"], {}).update(item)
    containers = result["spec"]["template"]["spec"]["containers"]
    assert {item["name"]: item for item in containers} == merged
    names = [item["name"] for item in after]
    assert [item["name"] for item in containers if item["name"] in names] == names


@given(ITEMS, ITEMS)
def test_what_kubectl_sends_leads_to_what_was_wanted(before: list[Any], after: list[Any]) -> None:
    names = [item["name"] for item in after]
    gone = [
        {"name": item["name"], "$patch": "delete"} for item in before if item["name"] not in names
    ]
    order = {"$setElementOrder/containers": [{"name": name} for name in names]}
    result = strategic_patch(pod(before), pod([*after, *gone], **order), SCHEMA)
    containers = result["spec"]["template"]["spec"]["containers"]
    assert [item["name"] for item in containers] == names


@given(st.lists(NAMES, unique=True), st.lists(NAMES, unique=True))
def test_lists_of_texts_merge_like_sets(before: list[str], after: list[str]) -> None:
    old, patch = ({"metadata": {"finalizers": names}} for names in (before, after))
    merged = strategic_patch(old, patch, SCHEMA)["metadata"]["finalizers"]
    assert sorted(merged) == sorted({*before, *after})
    drop = {"metadata": {"$deleteFromPrimitiveList/finalizers": after}}
    kept = strategic_patch(old, drop, SCHEMA)["metadata"]["finalizers"]
    assert kept == [name for name in before if name not in after]
