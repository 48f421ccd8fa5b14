"""What `%load_ext kosmos_nb` adds to IPython's start."""

from __future__ import annotations

import compileall
import os
import statistics
import subprocess
import sys
from pathlib import Path

import kosmos_nb
from benchmarks.harness import Figure

ROUNDS = 9
BAR_MS = 150.0

_START = """
import time
from IPython.terminal.interactiveshell import TerminalInteractiveShell as Shell
shell = Shell.instance()
{load}
shell.run_cell("x = 1")
print(time.process_time())
"""


def figures() -> list[Figure]:
    """Start fresh processes in turn, with and without the extension, byte-compiled."""
    compileall.compile_dir(str(Path(kosmos_nb.__file__).parent), quiet=2)
    for load in ("", _LOAD):  # read the files from disk once before it counts
        _cpu_s(load)
    differences = []
    for turn in range(ROUNDS):
        order = ("", _LOAD) if turn % 2 else (_LOAD, "")
        spent = {load: _cpu_s(load) for load in order}
        differences.append(spent[_LOAD] - spent[""])
    return [
        Figure(
            "%load_ext kosmos_nb adds CPU to IPython's start",
            statistics.median(differences) * 1e3,
            BAR_MS,
            "ms",
            note=f"median of {ROUNDS} paired differences, fresh processes",
        )
    ]


_LOAD = 'shell.run_line_magic("load_ext", "kosmos_nb")'


def _cpu_s(load: str) -> float:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-c", _START.format(load=load)],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    return float(done.stdout.split()[-1])
