"""An edit by hand: what of it becomes ours, and what stays the editor's."""

from __future__ import annotations

from typing import Any

import pytest

from ome.kube.managed_fields import reclaimed


def entry(manager: str, operation: str, fields: dict[str, Any], **extra: str) -> dict[str, Any]:
    return {"manager": manager, "operation": operation, "fieldsV1": fields, **extra}


OURS = entry("ours", "Apply", {"f:spec": {"f:ports": {'k:{"port":8080}': {}}}})


def test_what_an_editor_put_into_the_spec_becomes_ours() -> None:
    edit = entry(
        "kubectl-edit",
        "Update",
        {
            "f:metadata": {"f:annotations": {"f:note": {}}},
            "f:spec": {"f:ports": {'k:{"port":9999}': {}}, "f:replicas": {}},
        },
    )
    kept, ours = reclaimed([OURS, edit], "ours")
    assert ours["fieldsV1"] == {
        "f:spec": {"f:ports": {'k:{"port":8080}': {}, 'k:{"port":9999}': {}}}
    }
    assert kept["fieldsV1"] == {"f:metadata": {"f:annotations": {"f:note": {}}}}


@pytest.mark.parametrize(
    "other",
    [
        entry("kube-controller-manager", "Update", {"f:spec": {"f:x": {}}}),
        entry("hpa", "Update", {"f:spec": {"f:replicas": {}}}, subresource="scale"),
        entry("them", "Apply", {"f:spec": {"f:x": {}}}),
        entry("kubectl-annotate", "Update", {"f:metadata": {"f:annotations": {"f:a": {}}}}),
    ],
)
def test_what_is_not_an_edit_of_the_spec_stays(other: dict[str, Any]) -> None:
    assert reclaimed([OURS, other], "ours") == [OURS, other]


def test_nothing_is_taken_before_we_applied_anything() -> None:
    edit = entry("kubectl-edit", "Update", {"f:spec": {"f:x": {}}})
    assert reclaimed([edit], "ours") == [edit]
