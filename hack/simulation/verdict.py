"""One seed: the quiet run of its script, then the run with faults, and what came of it."""

from __future__ import annotations

import gc
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .defects import planted
from .scene import drawn
from .script import written
from .world import Run, played

if TYPE_CHECKING:
    from collections import Counter

__all__ = ["Verdict", "judged"]


@dataclass(frozen=True)
class Verdict:
    """What one seed came to."""

    seed: int
    problems: list[str]
    faults: Counter[str]
    digest: str
    """Of everything that happened in the run with faults."""
    history: list[str] = field(repr=False)
    """Its lines, if anything is wrong."""
    cpu: float
    virtual: float


def judged(seed: int, hours: float, defect: str = "") -> Verdict:
    """Run one seed; ``defect`` names what is planted in the run with faults."""
    began = time.process_time()
    gc.collect()  # of the last seed; while one runs little is looked for
    seconds = hours * 3600.0
    scene = drawn(random.Random(f"{seed}/scene"))
    script = written(random.Random(f"{seed}/script"), scene, seconds)
    quiet = played(Run(seed, scene, script, seconds))
    problems = [f"in the quiet run: {problem}" for problem in quiet.history.problems]
    run, virtual = quiet, quiet.seconds
    if not problems:
        with planted(defect):
            run = played(Run(seed, scene, script, seconds, quiet.state))
        problems, virtual = run.history.problems, virtual + run.seconds
    history = run.history
    return Verdict(
        seed,
        problems,
        history.faults,
        history.digest(),
        list(history.tail()) if problems else [],
        time.process_time() - began,
        virtual,
    )
