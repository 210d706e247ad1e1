"""Every way of exposing a service against its golden file; ``OME_UPDATE_GOLDEN=1`` writes them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from tests.workloads.exposure.cases import CASES, made

GOLDEN = Path(__file__).resolve().parent / "golden"


@pytest.mark.parametrize("name", CASES)
def test_an_exposure_is_what_it_always_was(name: str) -> None:
    exposure = made(CASES[name])
    header = {
        "condition": [exposure.status, exposure.reason, exposure.message],
        "url": exposure.url,
        "address": exposure.address,
        "routes": [list(route) for route in exposure.routes],
        "dropped": list(exposure.dropped),
    }
    rendered = yaml.safe_dump_all([header, *map(dict, exposure.objects)], width=100)
    golden = GOLDEN / f"{name}.yaml"
    if os.environ.get("OME_UPDATE_GOLDEN"):
        golden.write_text(rendered)
    assert rendered == golden.read_text()


def test_every_golden_has_its_case() -> None:
    assert {path.stem for path in GOLDEN.glob("*.yaml")} == set(CASES)
