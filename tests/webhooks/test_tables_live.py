"""The tables of refusals, remarks, defaults and pods again, through the server that users talk to.

There a schema, its rules and the server's own defaults come before a webhook, and what is judged
went through the server's hands: each row must say and do there what it says and does by itself.
"""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

import anyio.to_thread
import pytest

from ome.kube.compare import contains
from ome.webhooks.pod import default
from tests import cluster
from tests.cluster import Problem
from tests.webhooks import test_inferenceservice_defaulting as defaulting
from tests.webhooks import test_inferenceservice_migration as migration
from tests.webhooks import test_inferenceservice_validation as services
from tests.webhooks.pod import test_agents as agents
from tests.webhooks.rows import Moved, refusals, remarks
from tests.webhooks.support import SETTINGS, PlainLookup, pod, review, weight
from tests.webhooks.test_live import a_place, reaching

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(300)]

SECONDS = 10.0
"""How long a cache may take to know what was just made."""


async def test_each_row_is_true_on_the_server() -> None:
    async with a_place() as place:
        moved = Moved(place.name)
        try:
            await place.register()
            async with place.replica():
                await reaching(place)
                faults = await anyio.to_thread.run_sync(every_fault, moved, place.name)
        finally:
            moved.clean()
        assert not faults, "\n".join(faults)


def every_fault(moved: Moved, namespace: str) -> list[str]:
    """What is not as the tables say, a line each."""
    return [
        *said(moved, namespace),
        *defaulted(moved, namespace),
        *mutated(namespace),
    ]


def said(moved: Moved, namespace: str) -> list[str]:
    faults = []
    for rows, answer in ((refusals, refusal), (remarks, remark)):
        for given, lookup, texts in rows():
            sent, wanted = moved(given, lookup), moved(list(texts), lookup)
            if sent["kind"] == "ClusterServingRuntime":
                sent["metadata"]["labels"] = {"webhook-test": namespace}
            faults += lacking(answer, sent, wanted)
    return faults


def lacking(
    answer: Callable[[dict[str, Any]], str], sent: dict[str, Any], wanted: list[str]
) -> list[str]:
    deadline = time.monotonic() + SECONDS
    while True:
        got = answer(sent)
        missing = [text for text in wanted if text not in got]
        if not missing:
            return []
        if time.monotonic() > deadline:
            return [f"{json.dumps(sent)[:400]}: not {missing} but {got[:600]}"]
        time.sleep(0.5)


def refusal(sent: dict[str, Any]) -> str:
    try:
        cluster.create(sent, dryRun="All", fieldValidation="Ignore")
    except Problem as problem:
        return str(problem.body.get("message"))
    return "taken"


def remark(sent: dict[str, Any]) -> str:
    try:
        said = "\n".join(cluster.warnings(sent))
        return re.sub(r"\\(.)", r"\1", said)
    except Problem as problem:
        return str(problem)


def defaulted(moved: Moved, namespace: str) -> list[str]:
    """Modes under each setting, replica bounds, and what a predictor becomes."""
    faults: list[str] = []
    for config in (None, defaulting.RAW, defaulting.SERVERLESS):
        if config is not None:
            settle(namespace, config["data"])
        for spec, under, mode in defaulting.MODES:
            if under == config and not ("decoder" in spec and "engine" not in spec):
                wanted = {"metadata": {"annotations": {defaulting.MODE: mode}} if mode else {}}
                faults += differs(moved, spec, wanted)
    for name, component, (low, high) in defaulting.REPLICAS:
        bounds = {"minReplicas": low, "maxReplicas": high}
        faults += differs(moved, {"engine": {}, name: component}, {"spec": {name: bounds}})
    for predictor, engine in migration.ENGINES:
        wanted = {"spec": {"engine": engine, "predictor": {}}}
        faults += differs(moved, {"predictor": predictor}, wanted)
    return faults


def differs(moved: Moved, spec: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    given = services.service({**spec, "runtime": {"name": "srt"}})
    sent = moved(given, services.LLAMA)
    expected = moved(wanted, services.LLAMA)

    def stored(sent: dict[str, Any]) -> str:
        found = cluster.create(sent, dryRun="All", fieldValidation="Ignore")
        return "as expected" if contains(found, expected) else json.dumps(found)

    return lacking(stored, sent, ["as expected"])


def settle(namespace: str, data: dict[str, str]) -> None:
    """Write the operator's settings."""
    metadata = {"name": "inferenceservice-config", "namespace": namespace}
    cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})


PODS: list[dict[str, str]] = [
    {},
    agents.INIT,
    {**agents.INIT, **agents.TFEW},
    {**agents.INIT, "ome.io/base-model-format": "TensorRT-LLM"},
    agents.SIDECAR,
    {"rdma.ome.io/auto-inject": "true"},
    {"ome.io/enable-prometheus-scraping": "true", "prometheus.ome.io/port": "9400"},
]
VOLUMES = ("model-empty-dir", "llama-3", "extra")


def mutated(namespace: str) -> list[str]:
    """Pods become what the webhook makes of them, and keep it through the server's hands."""
    settle(namespace, {key: json.dumps(value) for key, value in SETTINGS.items()})
    name = f"{namespace}-tuned"
    held = {**weight(), "apiVersion": "ome.io/v1beta1", "metadata": {"name": name}}
    held["spec"] |= {"baseModelRef": {"name": "any"}, "modelType": "LoRA", "hyperParameters": {}}
    cluster.create(held)
    try:
        lookup = PlainLookup(SETTINGS, {name: held})
        faults: list[str] = []
        for notes in (*PODS, {"ome.io/inject-fine-tuned-adapter": name, **agents.INIT}):
            sent = pod(notes, volumes=[{"name": each, "emptyDir": {}} for each in VOLUMES])
            sent["metadata"]["namespace"] = namespace
            expected = default(review(sent, namespace=namespace), lookup)
            faults += lacking(Made(expected), sent, ["as expected"])
        return faults
    finally:
        cluster.delete("finetunedweights", name, wait=0)


class Made:
    """What the server makes of a pod, against what it should be."""

    def __init__(self, expected: dict[str, Any]) -> None:
        self._expected = expected

    def __call__(self, sent: dict[str, Any]) -> str:
        try:
            found = cluster.create(sent, dryRun="All")
        except Problem as problem:
            return str(problem)
        same = contains(found, self._expected) and order(found) == order(self._expected)
        return "as expected" if same else json.dumps(found)


def order(found: dict[str, Any]) -> list[str]:
    """The containers of a pod, those that run first first."""
    spec = found["spec"]
    return [
        item["name"] for field in ("initContainers", "containers") for item in spec.get(field) or ()
    ]
