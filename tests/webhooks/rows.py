"""The tables of refusals and remarks as rows for a server, under names of a test's own."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from tests import cluster
from tests.webhooks import test_benchmarkjob as jobs
from tests.webhooks import test_inferenceservice_exposure as exposure
from tests.webhooks import test_inferenceservice_refusals as refused
from tests.webhooks import test_inferenceservice_remarks as remarked
from tests.webhooks import test_servingruntime as runtimes
from tests.webhooks.objects import FULL, LLAMA, NAMESPACE, Cluster, runtime, service

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["EMPTY", "Moved", "Row", "refusals", "remarks"]

PLURALS = {
    "BaseModel": "basemodels",
    "ClusterBaseModel": "clusterbasemodels",
    "ServingRuntime": "servingruntimes",
    "ClusterServingRuntime": "clusterservingruntimes",
}
Row = tuple[dict[str, Any], Cluster, tuple[str, ...]]
"""An object, what the cluster holds, and what the answer must say."""
EMPTY = Cluster()


def refusals() -> Iterator[Row]:
    for given, *texts in refused.REFUSALS:
        yield given, LLAMA, (*texts,)
    for lookup, *texts in refused.UNSUPPORTED:
        # A value of a wrong type does not get past the schema of a model.
        if "cannot be read" not in texts[1]:
            yield service(FULL), lookup, (*texts,)
    for name, value, where, *texts in exposure.REFUSED:
        given = exposure.noted({name: value}, where)
        yield given, LLAMA, (exposure.field(name, where), *texts)
    for given, field, *texts in jobs.REFUSALS:
        # A text of several lines is not repeated by a rule.
        if not any("\n" in text for text in texts):
            yield given, EMPTY, (_whole(field), *texts)
    for kind in runtimes.KINDS:
        for spec, *texts in runtimes.TOPOLOGY:
            yield runtime(kind=kind, **spec), EMPTY, (*texts,)
        for entries, found in runtimes.PRIORITIES:
            if found:  # which format it is a rule cannot say
                given = runtime(kind=kind, supportedModelFormats=entries)
                said = ("spec.supportedModelFormats", "different priorities assigned for ")
                yield given, EMPTY, said
        required = {"acceleratorClasses": ["no-such-class"]}
        given = runtime(kind=kind, acceleratorRequirements=required)
        field = "spec.acceleratorRequirements.acceleratorClasses"
        yield given, EMPTY, (field, "[no-such-class]", "create the AcceleratorClass objects first")


def _whole(field: str) -> str:
    """The list or map that a rule of the schema names, where a webhook names what is in it."""
    return ".".join(field.partition("[")[0].split(".")[:2])


def remarks() -> Iterator[Row]:
    for given, lookup, text in remarked.REMARKS:
        # Weights have short names there, and are everybody's.
        if all(item["kind"] in PLURALS for item in lookup.planted):
            yield given, lookup, (text,)
    for notes, where, text in exposure.REMARKS:
        yield exposure.noted(notes, where), LLAMA, (text,)
    for given, text in jobs.REMARKS:
        yield given, EMPTY, (text,)
    for kind in runtimes.KINDS:
        for spec, text in runtimes.REMARKS:
            yield runtime(kind=kind, **spec), EMPTY, (text,)


class Moved:
    """Rows under names of their own, on a server that others use too."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._marks: dict[int, str] = {}
        self._planted: list[dict[str, Any]] = []

    def __call__(self, value: Any, lookup: Cluster) -> Any:
        mark = self._marks.get(id(lookup)) or self._plant(lookup)
        return self._renamed(value, mark)

    def _renamed(self, value: Any, mark: str) -> Any:
        text = json.dumps(value)
        for name in ("llama", "srt"):
            text = text.replace(name, f"{name}-{mark}")
        text = text.replace("LlamaForCausalLM", f"Llama{mark}")
        return json.loads(text.replace(NAMESPACE, self._namespace))

    def _plant(self, lookup: Cluster) -> str:
        mark = self._marks[id(lookup)] = uuid.uuid4().hex[:6]
        for item in lookup.planted:
            made = self._renamed(item, mark)
            cluster.create(made)
            self._planted.append(made)
        return mark

    def clean(self) -> None:
        for item in self._planted:
            held = item["metadata"]
            cluster.delete(PLURALS[item["kind"]], held["name"], held.get("namespace", ""), wait=0)
