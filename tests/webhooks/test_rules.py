"""What the CRDs' rules refuse the validators refuse too, with a field; the rest they let pass."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ome.api import KINDS
from tests.api.rules import REFUSED, TAKEN, stored_before
from tests.api.schemas import errors, root
from tests.webhooks.objects import CLUSTER_SCOPED, NAMESPACE, cluster, model, review, runtime, told
from tests.webhooks.test_properties import MODULES

LOOKUP = cluster(model(), runtime("other"))


def judged(given: dict[str, Any]) -> Any:
    asked = review(given)
    if given["kind"] not in CLUSTER_SCOPED:
        asked = replace(asked, namespace=NAMESPACE)
    return MODULES[given["kind"]].validate(asked, LOOKUP)


@pytest.mark.parametrize(("given", "field", "text"), REFUSED)
def test_refused_by_both(given: dict[str, Any], field: str, text: str) -> None:
    assert errors(root(given["kind"]), given) == []
    verdict = judged(given)
    (found,) = (problem for problem in verdict.problems if problem.field == field)
    assert text in found.message


@pytest.mark.parametrize("given", TAKEN)
def test_taken_by_both(given: dict[str, Any]) -> None:
    assert errors(root(given["kind"]), given) == []
    problems = [p for p in judged(given).problems if p.field != "spec.model"]
    assert problems == [], told(judged(given))


@pytest.mark.parametrize("kind", ["InferenceService", "ServingRuntime", "BenchmarkJob"])
def test_the_objects_of_the_live_test_are_refused(kind: str) -> None:
    assert judged(stored_before(kind)).problems


def test_every_rule_has_a_message_and_bounded_names() -> None:
    for kind in KINDS:
        for rule in root(kind.KIND).get("x-kubernetes-validations", []):
            assert rule["optionalOldSelf"], "a rule at the root would hold up a finalizer"
            assert "; use " in rule["message"] or ": use " in rule["message"]
