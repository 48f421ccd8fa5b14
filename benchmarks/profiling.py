"""What a profile adds to an empty cell, the save not counted."""

from __future__ import annotations

import gc
import statistics
import time
from typing import Any

from benchmarks.harness import Figure
from kosmos_nb.magics.profile import PARSER
from kosmos_nb.profiling import CellHook, CellOptions
from tests.kernel import running_kernel

ROUNDS = 300
FIRST_CELLS, KERNELS = 10, 3


def figures() -> list[Figure]:
    """Measure in an IPython shell of this process, cells with and without the magic in turn."""
    return [
        _added("light", bar_ms=0.5),
        _added("standard", bar_ms=None),
        _first_cells(),
    ]


def _added(mode: str, *, bar_ms: float | None) -> Figure:
    from IPython.core.interactiveshell import InteractiveShell  # noqa: PLC0415 - IPython, only for this figure

    shell: Any = InteractiveShell.instance()
    kept: list[object] = []

    def read(line: str) -> CellOptions | None:
        # The magic keeps what it has read; here every cell pays for its line.
        options = PARSER.check(line)
        return None if options is None else CellOptions(mode=options.mode)

    hook = CellHook(
        shell,
        magic="kosmos_profile",
        read=read,
        always=lambda _source: None,
        finish=lambda profile, _options: kept.append(profile),
        complain=print,
    )
    hook.install()
    plain, profiled = "pass", f"%%kosmos_profile --mode {mode}\npass"
    try:
        for _ in range(20):
            shell.run_cell(plain)
            shell.run_cell(profiled)
        gc.collect()
        differences = []
        for turn in range(ROUNDS):
            first, second = (plain, profiled) if turn % 2 else (profiled, plain)
            times = {}
            for cell in (first, second):
                began_s = time.perf_counter()
                shell.run_cell(cell)
                times[cell] = time.perf_counter() - began_s
            differences.append(times[profiled] - times[plain])
    finally:
        hook.uninstall()
    return Figure(
        f"a profile in {mode} mode adds to an empty cell",
        statistics.median(differences) * 1e3,
        bar_ms,
        "ms",
        note=f"median of {ROUNDS} paired differences, wall, without the save and the display",
    )


def _first_cells() -> Figure:
    """Measure the cells right after loading, while the history is being made in the background."""
    costs_ms = []
    for _ in range(KERNELS):
        with running_kernel(load=True) as kernel:
            for _ in range(FIRST_CELLS):
                kernel.run("%%kosmos_profile --mode light --quiet -o p\n1")
                costs_ms.append(float(kernel.value("p.overhead_s * 1e3")))
    return Figure(
        name="light mode in the first cells of a kernel, a new history",
        value=statistics.median(costs_ms),
        bar=0.5,
        unit="ms",
        note=f"as it measures itself; median of {len(costs_ms)} cells, the largest {max(costs_ms):.2f} ms",
    )
