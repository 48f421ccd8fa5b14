"""Measuring what a cell, an expression, a function or a block costs.

Samplers, not tracers: a tracer costs call-heavy code two to ten times its time, and blames the
wrong functions. What needs IPython, or only the command line asks for, is loaded when it is first
used, so that worker processes do without.
"""

import importlib
from typing import TYPE_CHECKING, Any

from kosmos_nb.profiling.modes import ProfilingMode, check_traces
from kosmos_nb.profiling.profiler import ExecutionProfiler
from kosmos_nb.profiling.session import ProfileSession

if TYPE_CHECKING:
    from kosmos_nb.profiling.cell import CellHook, CellOptions
    from kosmos_nb.profiling.code import CodeProfiler
    from kosmos_nb.profiling.notebook import READY, startup_line
    from kosmos_nb.profiling.script import ScriptOrder

__all__ = [
    "READY",
    "CellHook",
    "CellOptions",
    "CodeProfiler",
    "ExecutionProfiler",
    "ProfileSession",
    "ProfilingMode",
    "ScriptOrder",
    "check_traces",
    "startup_line",
]

_HOMES = {
    "READY": "notebook",
    "CellHook": "cell",
    "CellOptions": "cell",
    "CodeProfiler": "code",
    "ScriptOrder": "script",
    "startup_line": "notebook",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
