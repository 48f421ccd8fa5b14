"""What was measured and done, kept.

The records that the rooms exchange, and `History`, which keeps them. SQLAlchemy, Alembic,
DuckDB, Arrow and pandas are imported when a call first needs them, not here.
"""

from kosmos_nb.history.history import History, HistoryWarning
from kosmos_nb.history.records import (
    ENDED,
    MEGABYTE,
    Bottleneck,
    CallNode,
    Experiment,
    Family,
    FunctionStat,
    Hypothesis,
    HypothesisState,
    LineStat,
    MemorySnapshot,
    ModeName,
    ProfileKind,
    ProfileResult,
    Progress,
    Run,
    RunSnapshot,
    RunStatus,
    Severity,
    Status,
    Verdict,
    VerdictName,
)

__all__ = [
    "ENDED",
    "MEGABYTE",
    "Bottleneck",
    "CallNode",
    "Experiment",
    "Family",
    "FunctionStat",
    "History",
    "HistoryWarning",
    "Hypothesis",
    "HypothesisState",
    "LineStat",
    "MemorySnapshot",
    "ModeName",
    "ProfileKind",
    "ProfileResult",
    "Progress",
    "Run",
    "RunSnapshot",
    "RunStatus",
    "Severity",
    "Status",
    "Verdict",
    "VerdictName",
]
