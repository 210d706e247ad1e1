"""Amounts that a schema takes, and no pod."""

from __future__ import annotations

import pytest

from ome.workloads import plan
from tests.workloads.support import load


@pytest.mark.parametrize("amount", ["9" * 5000, "-1", "1e1000", ".5", "0"])
def test_gpus_that_cannot_be_counted_are_passed_on(amount: str) -> None:
    inputs = load("minimal")
    assert inputs.runtime is not None
    config = inputs.runtime.spec.engine_config
    assert config is not None
    assert config.runner is not None
    config.runner["resources"] = {"limits": {"nvidia.com/gpu": amount}}
    assert plan(inputs).components
