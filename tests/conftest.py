from __future__ import annotations

import os

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of the real control plane run only where one is up."""
    if os.environ.get("OME_CONTROL_PLANE_DIR"):
        return
    skip = pytest.mark.skip(reason="needs a real control plane: hack/test --control-plane")
    for item in items:
        if item.get_closest_marker("control_plane"):
            item.add_marker(skip)
