"""Which version of a group comes first, whatever order it was declared in."""

from __future__ import annotations

import random

import pytest

from ome.sandbox.apiserver.kinds import Kinds, custom_kinds, version_rank

ORDER = [
    "v10",
    "v2",
    "v1",
    "v11beta2",
    "v10beta3",
    "v3beta1",
    "v12alpha1",
    "v11alpha2",
    "a",
    "foo1",
]


@pytest.mark.parametrize("seed", range(3))
def test_stable_versions_come_before_beta_and_alpha(seed: int) -> None:
    mixed = list(ORDER)
    random.Random(seed).shuffle(mixed)
    assert sorted(mixed, key=version_rank) == ORDER


def test_the_stored_version_is_not_the_first_one_for_that() -> None:
    crd = {
        "metadata": {"name": "xs.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"kind": "X", "plural": "xs"},
            "versions": [
                {"name": "v1alpha3", "served": True, "storage": True},
                {"name": "v1beta1", "served": True, "storage": False},
            ],
        },
    }
    kinds = Kinds()
    kinds.set_custom("example.com", "xs", custom_kinds(crd))
    assert kinds.versions()["example.com"] == ["v1beta1", "v1alpha3"]
