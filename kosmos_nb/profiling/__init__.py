"""Measuring what a cell, an expression, a function or a block costs.

Samplers, not tracers: a tracer costs call-heavy code two to ten times its time, and blames the
wrong functions. `CellHook` and `CodeProfiler` need IPython and are loaded when first asked for, so
that worker processes do without.
"""

from typing import TYPE_CHECKING, Any

from kosmos_nb.profiling.modes import ProfilingMode, check_traces
from kosmos_nb.profiling.profiler import ExecutionProfiler
from kosmos_nb.profiling.session import ProfileSession

if TYPE_CHECKING:
    from kosmos_nb.profiling.cell import CellHook, CellOptions
    from kosmos_nb.profiling.code import CodeProfiler

__all__ = [
    "CellHook",
    "CellOptions",
    "CodeProfiler",
    "ExecutionProfiler",
    "ProfileSession",
    "ProfilingMode",
    "check_traces",
]


def __getattr__(name: str) -> Any:
    if name in ("CellHook", "CellOptions"):
        from kosmos_nb.profiling import cell  # noqa: PLC0415 - imports IPython

        return getattr(cell, name)
    if name == "CodeProfiler":
        from kosmos_nb.profiling.code import CodeProfiler  # noqa: PLC0415 - imports IPython

        return CodeProfiler
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
