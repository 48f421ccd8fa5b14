"""What a profile adds to an empty cell, the save and the display not counted."""

from __future__ import annotations

import gc
import statistics
import time
from typing import Any

ROUNDS = 300
WARM_UP = 40
FIRST_CELLS, KERNELS = 10, 3
BARS_MS = {"light": 0.3, "standard": 0.6, "full": 1.5}


def measure(rounds: int = ROUNDS) -> dict[str, Any]:
    """Return milliseconds by mode (medians of paired differences), and of a new kernel's first cells."""
    added = {mode: _added_ms(mode, rounds) for mode in BARS_MS}
    return {
        "added_ms": {mode: wall_ms for mode, (wall_ms, _) in added.items()},
        "added_cpu_ms": {mode: cpu_ms for mode, (_, cpu_ms) in added.items()},
        "rounds": rounds,
        "first_ms": first_cells_ms(),
    }


def _added_ms(mode: str, rounds: int) -> tuple[float, float]:
    """Return wall and CPU of the thread."""
    from IPython.core.interactiveshell import InteractiveShell

    from kosmos_nb.config import Kosmos
    from kosmos_nb.magics.profile import ProfileMagics

    shell: Any = InteractiveShell.instance()
    hook = ProfileMagics(shell, Kosmos(parent=shell)).hook
    hook._finish = lambda _profile, _options: None  # the save and the display
    hook.install()
    plain, profiled = "pass", f"%%kosmos_profile --mode {mode}\npass"
    try:
        for _ in range(WARM_UP):
            shell.run_cell(plain)
            shell.run_cell(profiled)
        gc.collect()
        differences = []
        for turn in range(rounds):
            first, second = (plain, profiled) if turn % 2 else (profiled, plain)
            times = {}
            for cell in (first, second):
                wall_s, cpu_s = time.perf_counter(), time.thread_time()
                shell.run_cell(cell)
                times[cell] = (time.perf_counter() - wall_s, time.thread_time() - cpu_s)
            differences.append([times[profiled][at] - times[plain][at] for at in (0, 1)])
    finally:
        hook.uninstall()
    wall_ms, cpu_ms = (statistics.median(one[at] for one in differences) * 1e3 for at in (0, 1))
    return wall_ms, cpu_ms


def first_cells_ms() -> list[float]:
    """Return what light mode costs by its own clock in the first cells after loading, with a new history."""
    from tests.kernel import running_kernel

    costs_ms = []
    for _ in range(KERNELS):
        with running_kernel(load=True) as kernel:
            for _ in range(FIRST_CELLS):
                kernel.run("%%kosmos_profile --mode light --quiet -o p\n1")
                costs_ms.append(float(kernel.value("p.overhead_s * 1e3")))
    return costs_ms
