"""What holds for every kind and every object: no crash, no change of the input, one fixed point."""

from __future__ import annotations

import contextlib
import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ome.errors import OmeError
from ome.webhooks import (
    acceleratorclass,
    basemodel,
    benchmarkjob,
    finetunedweight,
    inferenceservice,
    servingruntime,
)
from ome.webhooks.registry import Undecodable
from tests.api.mutations import mutated
from tests.api.schemas import errors, root
from tests.api.test_agreement import documents
from tests.support.tiers import examples
from tests.webhooks.objects import CLUSTER_SCOPED, NAMESPACE, cluster, model, review, runtime

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

MODULES: dict[str, Any] = {
    "InferenceService": inferenceservice,
    "ServingRuntime": servingruntime,
    "ClusterServingRuntime": servingruntime,
    "BaseModel": basemodel,
    "ClusterBaseModel": basemodel,
    "FineTunedWeight": finetunedweight,
    "BenchmarkJob": benchmarkjob,
    "AcceleratorClass": acceleratorclass,
}
KNOWN = cluster(model("a"), model("Bc"), runtime("a"), runtime("b", "ServingRuntime"))
SETTINGS = settings(
    max_examples=examples(60),
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


def manifests(kind: str, spec: SearchStrategy[Any]) -> SearchStrategy[dict[str, Any]]:
    metadata = {"name": st.sampled_from(["a", "", "A.b"])}
    if kind not in CLUSTER_SCOPED:
        metadata["namespace"] = st.just(NAMESPACE)
    notes = st.dictionaries(
        st.sampled_from(["ome.io/deploymentMode", "ome.io/autoscalerClass", "other"]),
        st.sampled_from(["keda", "", "hpa"]),
    )
    return st.fixed_dictionaries(
        {
            "kind": st.just(kind),
            "metadata": st.fixed_dictionaries(metadata, optional={"annotations": notes}),
            "spec": spec,
        }
    )


@pytest.mark.parametrize("kind", MODULES)
def test_defaulting_twice_is_defaulting_once(kind: str) -> None:
    schema = root(kind)["properties"]["spec"]
    module = MODULES[kind]

    @SETTINGS
    @given(manifests(kind, documents(schema)))
    def check(manifest: dict[str, Any]) -> None:
        before = copy.deepcopy(manifest)
        try:
            once = module.default(review(manifest), KNOWN)
        except OmeError:
            return
        assert manifest == before
        assert errors(schema, once["spec"]) == []
        assert module.default(review(once), KNOWN) == once
        kept = copy.deepcopy(once)
        verdict = module.validate(review(once), KNOWN)
        assert once == kept
        assert module.validate(review(once, once), KNOWN).problems == ()
        for text in (*verdict.warnings, *(problem.message for problem in verdict.problems)):
            assert text
            assert len(text) > 20

    check()


@pytest.mark.parametrize("kind", MODULES)
def test_no_object_is_too_odd_to_be_judged(kind: str) -> None:
    """Whatever breaks the schema is refused by field, never by a crash."""
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {"spec": root(kind)["properties"]["spec"]},
    }
    module = MODULES[kind]
    valid = st.fixed_dictionaries({"spec": documents(schema["properties"]["spec"])})

    @SETTINGS
    @given(mutated(valid, schema, lambda path, inner: True))
    def check(changed: tuple[dict[str, Any], Any]) -> None:
        manifest = {"kind": kind, "metadata": {"name": "a"}, **changed[0]}
        try:
            once = module.default(review(manifest), KNOWN)
        except OmeError:
            return
        for old in (None, manifest):
            with contextlib.suppress(Undecodable):
                module.validate(review(once, old), KNOWN)

    check()


@pytest.mark.parametrize("kind", MODULES)
@pytest.mark.parametrize("body", [{}, {"spec": None}, {"spec": []}, {"metadata": [], "spec": {}}])
def test_bare_objects(kind: str, body: dict[str, Any]) -> None:
    module = MODULES[kind]
    held = {"kind": kind, **body}
    asked = replace(review({**held, "metadata": {}}), object=held)
    with contextlib.suppress(Undecodable):
        module.validate(asked, KNOWN)
    assert module.default(asked, KNOWN)["kind"] == kind
