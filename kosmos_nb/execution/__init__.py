"""Running things outside the kernel: one pool of worker processes.

`ParallelExperimentExecutor` is a `concurrent.futures.Executor` whose workers are processes of
their own session with one BLAS thread each; `CodeExecutor` runs code in one of its own. The
names load when they are first used, so that a worker process, which lives in this package too,
imports only its own side.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kosmos_nb.execution.code import CodeExecutor, CodeResult
    from kosmos_nb.execution.pool import ParallelExperimentExecutor
    from kosmos_nb.execution.task import ExperimentResult, ExperimentTask, PoolSnapshot

__all__ = [
    "CodeExecutor",
    "CodeResult",
    "ExperimentResult",
    "ExperimentTask",
    "ParallelExperimentExecutor",
    "PoolSnapshot",
]

_HOMES = {
    "CodeExecutor": "kosmos_nb.execution.code",
    "CodeResult": "kosmos_nb.execution.code",
    "ExperimentResult": "kosmos_nb.execution.task",
    "ExperimentTask": "kosmos_nb.execution.task",
    "ParallelExperimentExecutor": "kosmos_nb.execution.pool",
    "PoolSnapshot": "kosmos_nb.execution.task",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
