"""ome-crd as Helm renders it."""

from __future__ import annotations

import pytest

from ome.api.crds import all_crds
from tests.charts.support import Json, keyed, rendered

pytestmark = [pytest.mark.control_plane, pytest.mark.timeout(120)]

KEEP = {"helm.sh/resource-policy": "keep"}


def crds(given: Json) -> dict[str, Json]:
    return {name: item for (_, name), item in keyed(rendered("ome-crd", given)).items()}


def test_definitions_are_those_of_the_code_and_stay() -> None:
    found = crds({})
    for item in found.values():
        assert item["metadata"].pop("annotations") == KEEP
    assert found == {item["metadata"]["name"]: item for item in all_crds()}


def test_they_need_not_stay() -> None:
    assert all("annotations" not in item["metadata"] for item in crds({"keep": False}).values())


def test_the_minimal_variant_has_free_specs_and_the_same_columns() -> None:
    full = {item["metadata"]["name"]: item for item in all_crds()}
    found = crds({"variant": "minimal"})
    assert found.keys() == full.keys()
    for name, item in found.items():
        assert item["metadata"]["annotations"] == KEEP
        (version,) = item["spec"]["versions"]
        (wanted,) = full[name]["spec"]["versions"]
        schema = version.pop("schema")["openAPIV3Schema"]["properties"]
        assert version == {key: value for key, value in wanted.items() if key != "schema"}
        free = {
            "type": "object",
            "x-kubernetes-preserve-unknown-fields": True,
            "x-kubernetes-map-type": "atomic",
        }
        assert (schema["spec"], schema["status"]) == (free, free)
