"""A notebook that says what a cell costs, remembers it, and tests hypotheses about your data.

In a notebook: `%load_ext kosmos_nb`, then `%%kosmos_profile`, `%kosmos_screen`,
`%kosmos_research`, `%%kosmos_sql` and `%kosmos_history`. Importing this package is cheap; each name is loaded
when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from kosmos_nb.core import parts, render

if TYPE_CHECKING:
    from kosmos_nb.core.errors import KosmosError
    from kosmos_nb.execution import (
        CodeExecutor,
        CodeResult,
        ExperimentResult,
        ExperimentTask,
        ParallelExperimentExecutor,
    )
    from kosmos_nb.history import (
        Bottleneck,
        History,
        MemorySnapshot,
        ProfileDiff,
        ProfileResult,
        compare,
    )
    from kosmos_nb.inquiry import ResearchRun
    from kosmos_nb.profiling import ExecutionProfiler, ProfilingMode
    from kosmos_nb.runtime import last, research, screen

__version__ = "0.1.0"

__all__ = [
    "Bottleneck",
    "CodeExecutor",
    "CodeResult",
    "ExecutionProfiler",
    "ExperimentResult",
    "ExperimentTask",
    "History",
    "KosmosError",
    "MemorySnapshot",
    "ParallelExperimentExecutor",
    "ProfileDiff",
    "ProfileResult",
    "ProfilingMode",
    "ResearchRun",
    "compare",
    "last",
    "load_ipython_extension",
    "research",
    "screen",
    "unload_ipython_extension",
]

_HOMES = {
    "Bottleneck": "history",
    "CodeExecutor": "execution",
    "CodeResult": "execution",
    "ExecutionProfiler": "profiling",
    "ExperimentResult": "execution",
    "ExperimentTask": "execution",
    "History": "history",
    "KosmosError": "core",
    "MemorySnapshot": "history",
    "ParallelExperimentExecutor": "execution",
    "ProfileDiff": "history",
    "ProfileResult": "history",
    "ProfilingMode": "profiling",
    "ResearchRun": "inquiry",
    "compare": "history",
    "last": "runtime",
    "research": "runtime",
    "screen": "runtime",
}


def load_ipython_extension(shell: Any) -> None:
    """Add the magics to an IPython shell; called by `%load_ext kosmos_nb`."""
    from kosmos_nb import magics  # noqa: PLC0415 - workers and scripts import this package too

    magics.load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Take everything out of the shell again; called by `%unload_ext kosmos_nb`."""
    from kosmos_nb import magics  # noqa: PLC0415

    magics.unload(shell)


def _fill_renderers() -> None:
    from kosmos_nb.runtime import fill_renderers  # noqa: PLC0415

    fill_renderers()


def _introduce_rooms() -> None:
    from kosmos_nb.runtime import introduce_rooms  # noqa: PLC0415

    introduce_rooms()


render.set_filler(_fill_renderers)
parts.set_filler(_introduce_rooms)


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'kosmos_nb' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"kosmos_nb.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
