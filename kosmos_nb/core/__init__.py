"""What every room stands on: errors, clock, ids, units, the renderer registry.

Imports the standard library only, so that it costs nothing to load.
"""

from kosmos_nb.core.clock import Clock, SystemClock
from kosmos_nb.core.errors import (
    ConfigError,
    ExecutionError,
    FileThereError,
    HistoryError,
    KosmosError,
    MissingExtraError,
    ProfilingError,
    QueryError,
    ResearchError,
    SandboxUnavailableError,
    TaskCancelledError,
    TaskTimeoutError,
    WorkerDiedError,
)
from kosmos_nb.core.ids import uuid7, uuid7s

__all__ = [
    "Clock",
    "ConfigError",
    "ExecutionError",
    "FileThereError",
    "HistoryError",
    "KosmosError",
    "MissingExtraError",
    "ProfilingError",
    "QueryError",
    "ResearchError",
    "SandboxUnavailableError",
    "SystemClock",
    "TaskCancelledError",
    "TaskTimeoutError",
    "WorkerDiedError",
    "uuid7",
    "uuid7s",
]
