"""``ome crds``: the CustomResourceDefinitions as YAML."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ome.api.crds import all_crds, render
from ome.cli.goflags import parse

if TYPE_CHECKING:
    from collections.abc import Sequence


def run(words: Sequence[str]) -> int:
    """Print them all."""
    parse("ome crds", (), words)
    sys.stdout.write(render(all_crds()))
    return 0
