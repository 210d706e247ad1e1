"""Defaults, pruning, refusals, strict field validation, tables, discovery."""

from __future__ import annotations

import pytest

from tests.contract.harness import CONFIGMAPS, TABLE, WIDGETS, Api, configmap, widget

pytestmark = pytest.mark.cluster


async def test_defaults_are_filled_and_unknown_fields_pruned(api: Api) -> None:
    created = await api.create(
        WIDGETS, widget("w", unknown=1, free={"any": {"thing": [1]}}), fieldValidation="Ignore"
    )
    assert created.body["spec"] == {
        "size": 1,
        "color": "green",
        "free": {"any": {"thing": [1]}},
    }


async def test_an_unknown_field_is_a_warning_by_default(api: Api) -> None:
    created = await api.create(WIDGETS, widget("w", unknown=1), fieldValidation="Warn")
    assert created.status == 201
    assert any(
        'unknown field "spec.unknown"' in warning.replace("\\", "") for warning in created.warnings
    )


async def test_an_unknown_field_is_refused_when_strict(api: Api) -> None:
    refused = await api.create(WIDGETS, widget("w", unknown=1), fieldValidation="Strict")
    assert (refused.status, refused.reason) == (400, "BadRequest")
    assert 'unknown field "spec.unknown"' in refused.message


@pytest.mark.parametrize(
    ("spec", "field", "text"),
    [
        ({"size": -1}, "spec.size", "should be greater than or equal to 0"),
        ({"size": "x"}, "spec.size", "must be of type integer"),
        ({"color": "blue"}, "spec.color", 'supported values: "red", "green"'),
        ({"parts": [{"count": 1}]}, "spec.parts[0].name", "Required value"),
        ({"parts": [{"name": "a"}, {"name": "a"}]}, "spec.parts[1]", "Duplicate value"),
    ],
)
async def test_refusals_name_field_and_rule(
    api: Api, spec: dict[str, object], field: str, text: str
) -> None:
    refused = await api.create(WIDGETS, widget("w", **spec))
    assert (refused.status, refused.reason) == (422, "Invalid")
    causes = {cause["field"]: cause["message"] for cause in refused.body["details"]["causes"]}
    assert text in causes[field] or text in refused.message


async def test_a_required_field_is_named(api: Api) -> None:
    body = widget("w")
    body["spec"] = {}
    refused = await api.create(WIDGETS, body)
    assert refused.message == ('Widget.contract.ome.io "w" is invalid: spec.size: Required value')


async def test_a_bad_name_is_refused(api: Api) -> None:
    refused = await api.create(CONFIGMAPS, configmap("Not_A_Name"))
    assert refused.status == 422
    assert refused.body["details"]["causes"][0]["field"] == "metadata.name"


async def test_tables_have_the_printer_columns(api: Api) -> None:
    await api.create(WIDGETS, widget("w", size=7))
    table = await api.send("GET", WIDGETS, accept=TABLE)
    assert table.body["kind"] == "Table"
    assert [column["name"] for column in table.body["columnDefinitions"]] == [
        "Name",
        "Size",
        "Color",
    ]
    assert table.body["rows"][0]["cells"] == ["w", 7, "green"]


async def test_discovery_lists_what_is_served(api: Api) -> None:
    found = await api.get("/apis/contract.ome.io/v1")
    resources = {entry["name"]: entry for entry in found.body["resources"]}
    assert resources["widgets"]["kind"] == "Widget"
    assert resources["widgets"]["namespaced"] is True
    assert resources["widgets"]["shortNames"] == ["wd"]
    assert {"widgets/status", "widgets/scale"} <= resources.keys()


async def test_a_group_that_is_not_served_is_not_found(api: Api) -> None:
    assert (await api.get("/apis/none.ome.io/v1")).status == 404


async def test_aggregated_discovery(api: Api) -> None:
    found = await api.send(
        "GET",
        "/apis",
        accept="application/json;v=v2;g=apidiscovery.k8s.io;as=APIGroupDiscoveryList",
    )
    groups = {item["metadata"]["name"] for item in found.body["items"]}
    assert {"apps", "policy", "autoscaling"} <= groups


async def test_version_names_major_and_minor(api: Api) -> None:
    version = (await api.get("/version")).body
    assert version["gitVersion"].startswith("v1.")
    assert int(version["minor"].rstrip("+")) >= 30
