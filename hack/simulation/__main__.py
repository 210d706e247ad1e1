"""The command line of `hack/sim`."""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from .defects import DEFECTS
from .furnishing import settle
from .misfortunes import MISFORTUNES
from .verdict import judged
from .weather import REQUEST_FAULTS, WATCH_FAULTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .verdict import Verdict

_KINDS = (*REQUEST_FAULTS, *WATCH_FAULTS, *MISFORTUNES)
_TAIL = 60
_MANY = 20
"""So many seeds must meet every kind of fault."""


def main(words: Sequence[str]) -> int:
    """Run seeds; 0 when nothing was found (with a defect: when it was found)."""
    wanted = _parser().parse_args(words)
    if os.environ.get("PYTHONHASHSEED") != "0":
        # The order of sets of texts is part of what a seed must replay.
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, "-m", "simulation", *words])
    seeds = wanted.seeds or range(wanted.seed, wanted.seed + 1)
    run = partial(judged, hours=wanted.hours, defect=wanted.defect)
    faults: Counter[str] = Counter()
    failed = []
    for verdict in _verdicts(run, seeds, wanted.jobs):
        faults += verdict.faults
        _tell(verdict, wanted.hours, wanted.defect, verbose=wanted.verbose)
        if verdict.problems:
            failed.append(verdict.seed)
            if wanted.defect:
                return _found(wanted.defect, verdict.seed, wanted.hours)
    if wanted.defect:
        print(f"NOT FOUND: {wanted.defect} ({DEFECTS[wanted.defect][3]}) in {len(seeds)} seeds")
        return 1
    missing = _counted(faults) if len(seeds) >= _MANY else []
    if failed:
        print(f"FAILED: {len(failed)} of {len(seeds)} seeds: {', '.join(map(str, failed))}")
    elif not missing:
        print(f"{len(seeds)} seeds of {wanted.hours:g} h: nothing found")
    return 1 if failed or missing else 0


def _found(defect: str, seed: int, hours: float) -> int:
    """Something is wrong with a defect planted: it is a find if nothing is without."""
    sound = judged(seed, hours)
    _tell(sound, hours, "", verbose=False)
    if sound.problems:
        print(f"FAILED: seed {seed} finds something without {defect} as well")
        return 1
    print(f"found {defect} with seed {seed}; without it nothing is wrong")
    return 0


def _verdicts(run: partial[Verdict], seeds: Sequence[int], jobs: int) -> Iterator[Verdict]:
    if jobs == 1 or len(seeds) == 1:
        settle()
        yield from map(run, seeds)
        return
    with ProcessPoolExecutor(jobs, initializer=settle) as pool:
        try:
            yield from pool.map(run, seeds)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _tell(verdict: Verdict, hours: float, defect: str, *, verbose: bool) -> None:
    state = "FAILED" if verdict.problems else "ok"
    print(
        f"seed {verdict.seed:<5} {state:6} {verdict.virtual / 3600:5.2f} h in"
        f" {verdict.cpu:5.1f} CPU-s, {verdict.faults.total():5} faults, {verdict.digest[:16]}",
        flush=True,
    )
    if not verdict.problems:
        return
    if not defect or verbose:
        print("\n".join(verdict.history[-(4_000 if verbose else _TAIL) :]))
    for problem in verdict.problems[:20]:
        print(f"  {problem}")
    planted = f" --defect {defect}" if defect else ""
    print(f"  replay: hack/sim --seed {verdict.seed} --hours {hours:g}{planted} --verbose")


def _counted(faults: Counter[str]) -> list[str]:
    """Print how often each kind of fault happened; gives those that did not."""
    print("faults:")
    for kind in _KINDS:
        print(f"  {kind:16} {faults[kind]:7}")
    missing = [kind for kind in _KINDS if not faults[kind]]
    if missing:
        print(f"FAILED: these faults never happened: {', '.join(missing)}")
    return missing


def _range(text: str) -> range:
    first, _, last = text.partition("-")
    try:
        return range(int(first), int(last or first) + 1)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: expected A-B, such as 1-30") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "hack/sim",
        description="A cluster's life in virtual time, with faults drawn from a seed.",
        epilog="docs/simulation.md says what is simulated and checked.",
    )
    parser.add_argument("--seed", type=int, default=1, help="one seed (default 1)")
    parser.add_argument("--seeds", type=_range, metavar="A-B", help="all seeds from A to B")
    parser.add_argument("--hours", type=float, default=1.0, help="simulated hours of each seed")
    parser.add_argument("--jobs", type=int, default=1, help="seeds that run beside each other")
    parser.add_argument("--verbose", action="store_true", help="the whole history of a failure")
    parser.add_argument("--defect", choices=sorted(DEFECTS), default="", help="plant this one")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
