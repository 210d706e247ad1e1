"""The catalogue on an API server: strict, and without a warning.

Run by `hack/test --control-plane`, which brings helm and kubectl.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.catalogue.test_helm import RUNTIMES, rendered, run

pytestmark = [pytest.mark.control_plane, pytest.mark.timeout(120)]


def test_the_server_takes_everything() -> None:
    """One server-side dry run of all objects: strict, and without a warning."""
    found = rendered({"vendors": ["*"]})
    listed: Any = {"apiVersion": "v1", "kind": "List", "items": list(found.values())}
    arguments = ("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-")
    # A manager of its own: a catalogue that is installed there is no conflict.
    done = run(
        "kubectl",
        *arguments,
        "--field-manager=ome-catalogue-test",
        "--force-conflicts",
        given=json.dumps(listed),
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == len(found)


def test_the_server_would_refuse_an_unknown_field() -> None:
    item = json.loads(json.dumps(RUNTIMES["sglang-llama-1gpu"]))
    item["spec"]["engineConfig"]["hostNetwrok"] = True
    arguments = ("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-")
    done = run("kubectl", *arguments, given=json.dumps(item))
    assert done.returncode != 0
    assert "hostNetwrok" in done.stderr
