"""The arguments of a pod, as a process on this machine gets them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ome.sandbox.realbenchmarks.mapping import Here, words_here
from tests.workloads.benchmark.support import at_service, job, made
from tests.workloads.benchmark.test_tool import cases

HERE = Here("http://127.0.0.1:9", Path("/sandbox/tokenizer"), Path("/sandbox/claims"))


def pod_of(target: Any = None, **spec: Any) -> dict[str, Any]:
    template = made(job(**spec), target)["spec"]["template"]
    return {"metadata": template["metadata"], "spec": template["spec"]}


def args(pod: dict[str, Any]) -> list[str]:
    return list(pod["spec"]["containers"][0]["args"])


def test_addresses_and_paths_are_those_of_this_machine() -> None:
    pod = pod_of(
        at_service(),
        outputLocation={"storageUri": "pvc://results/a/b"},
        dataset={"storageUri": "pvc://data/x.csv"},
    )
    before, after = args(pod), words_here(pod, {}, HERE)
    changed = {
        before[at - 1]: word
        for at, word in enumerate(after)
        if word != before[at]
    }  # fmt: skip
    assert changed == {
        "--api-base": "http://127.0.0.1:9",
        "--model-tokenizer": "/sandbox/tokenizer",
        "--experiment-base-dir": "/sandbox/claims/results/a/b",
        "--dataset-path": "/sandbox/claims/data/x.csv",
    }


@pytest.mark.parametrize("name", cases())
def test_all_else_is_word_for_word_that_of_the_pod(name: str) -> None:
    given = ["benchmark", *cases()[name]]
    pod = {"spec": {"containers": [{"args": given}]}}
    mapped = words_here(pod, {}, HERE)
    assert len(mapped) == len(given)
    differing = {given[at - 1] for at in range(1, len(given)) if mapped[at] != given[at]}
    assert differing <= {"--api-base", "--model-tokenizer"}


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://localhost/v1", "http://[::1]:2"])
def test_an_address_of_this_machine_stays(url: str) -> None:
    pod = pod_of(endpoint={"endpoint": {"url": url, "apiFormat": "openai"}})
    assert words_here(pod, {}, HERE)[4] == url


def test_variables_are_expanded_as_a_kubelet_does() -> None:
    pod = {"spec": {"containers": [{"args": ["$(A)-$(B)", "$$(A)", "$A", "$(A"]}]}}
    assert words_here(pod, {"A": "1"}, HERE) == ["1-$(B)", "$(A)", "$A", "$(A"]
