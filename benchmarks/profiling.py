"""What a profile adds to an empty cell, the save not counted."""

from __future__ import annotations

import gc
import statistics
import time
from typing import Any

from benchmarks.harness import Figure
from kosmos_nb.magics.profile import PARSER
from kosmos_nb.profiling import CellHook, CellOptions

ROUNDS = 300


def figures() -> list[Figure]:
    """Measure in an IPython shell of this process, cells with and without the magic in turn."""
    return [
        _added("light", bar_ms=0.5),
        _added("standard", bar_ms=None),
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
