"""CPU time and private memory of this process at one moment."""

from __future__ import annotations

import ctypes
import gc
import resource
import time
from pathlib import Path


def now() -> dict[str, float]:
    """CPU seconds so far; the memory as it is (``unsettled``) and once garbage is gone."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    wall = time.time()
    unsettled = private_dirty()
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    cpu = usage.ru_utime + usage.ru_stime
    return {"cpu": cpu, "wall": wall, "unsettled": unsettled, "memory": private_dirty()}


def private_dirty() -> int:
    """Bytes of pages that only this process has and has written."""
    for line in Path("/proc/self/smaps_rollup").read_text().splitlines():
        if line.startswith("Private_Dirty:"):
            return int(line.split()[1]) * 1024
    return 0
