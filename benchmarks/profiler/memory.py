"""Peak memory against numpy blocks of known size, in a process of its own."""

from __future__ import annotations

import gc
import tempfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path

from kosmos_nb.profiling import ExecutionProfiler

KEPT_BYTES, FREED_BYTES = 100_000_000, 50_000_000
TRUTH_BYTES = KEPT_BYTES + FREED_BYTES
ENGINES = ("kosmos light", "kosmos standard", "kosmos full", "memray", "tracemalloc")


def measure(engine: str) -> dict[str, float]:
    """Return the peak above the start, in bytes, and how far it is off, in percent."""
    import numpy as np

    np.ones(1_000_000).sum()
    kept: list[object] = []

    def work() -> None:
        kept.append(np.ones(KEPT_BYTES // 8))
        freed = np.ones(FREED_BYTES // 8)
        del freed

    gc.collect()
    peak_bytes = _peak_bytes(engine, work)
    return {"peak_bytes": peak_bytes, "off_pct": abs(peak_bytes / TRUTH_BYTES - 1) * 100}


def _peak_bytes(engine: str, work: Callable[[], None]) -> float:
    if engine == "tracemalloc":
        tracemalloc.start()
        work()
        peak_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak_bytes
    if engine == "memray":
        return _memray(work)
    _, profile = ExecutionProfiler(engine.split()[1]).profile_function(work)
    return profile.memory_delta_peak_mb * 1e6


def _memray(work: Callable[[], None]) -> float:
    import memray

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "memray.bin"
        with memray.Tracker(file):
            work()
        return memray.FileReader(file).metadata.peak_memory
