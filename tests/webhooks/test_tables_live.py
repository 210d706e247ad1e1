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
from tests.webhooks.objects import LLAMA, service
from tests.webhooks.pod import test_agents as agents
from tests.webhooks.rows import Moved, refusals, remarks
from tests.webhooks.support import SETTINGS, PlainLookup, pod, review, weight
from tests.webhooks.test_live import a_place, reaching

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(300)]


async def test_each_row_is_true_on_the_server() -> None:
    async with a_place() as place:
        moved, faults = Moved(place.name), Faults()
        try:
            await place.register()
            async with place.replica():
                await reaching(place)
                for check in (said, defaulted, mutated):
                    await anyio.to_thread.run_sync(check, faults, moved, place.name)
        finally:
            moved.clean()
        assert not faults.found, "\n".join(faults.found)


class Faults:
    """What is not as the tables say, a line each.

    A cache may take a while to know what was just made, but not again and again.
    """

    def __init__(self) -> None:
        self.found: list[str] = []

    def check(
        self, answer: Callable[[dict[str, Any]], str], sent: dict[str, Any], wanted: list[str]
    ) -> None:
        """Ask until all that is wanted is in the answer."""
        deadline = time.monotonic() + (1 if self.found else 20)
        while True:
            got = answer(sent)
            missing = [text for text in wanted if text not in got]
            if not missing:
                return
            if time.monotonic() > deadline:
                self.found.append(f"{json.dumps(sent)[:400]}: not {missing} but {got[:600]}")
                return
            time.sleep(0.5)


def said(faults: Faults, moved: Moved, namespace: str) -> None:
    """Refusals and remarks."""
    for rows, answer in ((refusals, refusal), (remarks, remark)):
        for given, lookup, texts in rows():
            sent, wanted = moved(given, lookup), moved(list(texts), lookup)
            if sent["kind"] == "ClusterServingRuntime":
                sent["metadata"]["labels"] = {"webhook-test": namespace}
            faults.check(answer, sent, wanted)


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


def defaulted(faults: Faults, moved: Moved, namespace: str) -> None:
    """Modes under each setting, replica bounds, and what a predictor becomes."""

    def check(spec: dict[str, Any], stored: Callable[[dict[str, Any]], str], wanted: str) -> None:
        given = service({**spec, "runtime": {"name": "srt"}})
        faults.check(stored, moved(given, LLAMA), [wanted])

    for config in (None, defaulting.RAW, defaulting.SERVERLESS):
        if config is not None:
            settle(namespace, config["data"])
        for spec, under, mode in defaulting.MODES:
            if under == config and not ("decoder" in spec and "engine" not in spec):
                check(spec, mode_of, f"mode {mode}")
    for name, component, (low, high) in defaulting.REPLICAS:
        bounds = {"minReplicas": low, "maxReplicas": high}
        check({"engine": {}, name: component}, Holding({"spec": {name: bounds}}), HELD)
    for predictor, engine in migration.ENGINES:
        expected = moved({"spec": {"engine": engine, "predictor": {}}}, LLAMA)
        check({"predictor": predictor}, Holding(expected), HELD)


def mode_of(sent: dict[str, Any]) -> str:
    found = cluster.create(sent, dryRun="All")
    return f"mode {(found['metadata'].get('annotations') or {}).get(defaulting.MODE)}"


HELD = "as expected"


class Holding:
    """What the server makes of an object, against what must be in it."""

    def __init__(self, expected: dict[str, Any]) -> None:
        self._expected = expected

    def __call__(self, sent: dict[str, Any]) -> str:
        try:
            found = cluster.create(sent, dryRun="All", fieldValidation="Ignore")
        except Problem as problem:
            return str(problem)
        same = contains(found, self._expected) and order(found) == order(self._expected)
        return HELD if same else json.dumps(found)


def order(found: dict[str, Any]) -> list[str]:
    """The containers of a pod, those that run first first."""
    spec = found["spec"]
    held = [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
    return [item["name"] for item in held]


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


def mutated(faults: Faults, moved: Moved, namespace: str) -> None:
    """Pods become what the webhook makes of them, and keep it through the server's hands."""
    settle(namespace, {key: json.dumps(value) for key, value in SETTINGS.items()})
    name = f"{namespace}-tuned"
    held = {**weight(), "apiVersion": "ome.io/v1beta1", "metadata": {"name": name}}
    held["spec"] |= {"baseModelRef": {"name": "any"}, "modelType": "LoRA", "hyperParameters": {}}
    cluster.create(held)
    try:
        lookup = PlainLookup(SETTINGS, {name: held})
        for notes in (*PODS, {"ome.io/inject-fine-tuned-adapter": name, **agents.INIT}):
            sent = pod(notes, volumes=[{"name": each, "emptyDir": {}} for each in VOLUMES])
            sent["metadata"]["namespace"] = namespace
            expected = default(review(sent, namespace=namespace), lookup)
            faults.check(Holding(expected), sent, [HELD])
    finally:
        cluster.delete("finetunedweights", name, wait=0)
