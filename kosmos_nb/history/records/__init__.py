"""What was measured and done, as frozen values: the words that the rooms exchange.

Seconds, bytes and dollars throughout; stamps are UTC microseconds since 1970. Records do not
draw themselves: `to_html` and the notebook's displays ask the renderer registry in `core`.
"""

from kosmos_nb.history.records.base import Drawn, Status
from kosmos_nb.history.records.diff import Change, DiffNode, ProfileDiff
from kosmos_nb.history.records.environment import Environment
from kosmos_nb.history.records.llm_call import LlmCall
from kosmos_nb.history.records.parts import (
    THREAD_FILE,
    AllocationSite,
    Bottleneck,
    CallNode,
    ChildProcess,
    FunctionStat,
    InputData,
    LineStat,
    MemorySnapshot,
    ModeName,
    ProfileKind,
    Severity,
)
from kosmos_nb.history.records.plain import json_text, walk
from kosmos_nb.history.records.profile import MEGABYTE, PROFILE_ENDINGS, ProfileResult
from kosmos_nb.history.records.run import (
    ENDED,
    TESTED,
    Experiment,
    Family,
    Hypothesis,
    HypothesisState,
    Progress,
    Run,
    RunSnapshot,
    RunStatus,
    Sign,
    Verdict,
    VerdictName,
)
from kosmos_nb.history.records.saving import check_target, write_file
from kosmos_nb.history.records.screen import ColumnSketch, Notice, Rank, Screening
from kosmos_nb.history.records.standing import Standing
from kosmos_nb.history.records.upkeep import Damage, Erased, Salvaged, Verified, Watch

__all__ = [
    "ENDED",
    "MEGABYTE",
    "PROFILE_ENDINGS",
    "TESTED",
    "THREAD_FILE",
    "AllocationSite",
    "Bottleneck",
    "CallNode",
    "Change",
    "ChildProcess",
    "ColumnSketch",
    "Damage",
    "DiffNode",
    "Drawn",
    "Environment",
    "Erased",
    "Experiment",
    "Family",
    "FunctionStat",
    "Hypothesis",
    "HypothesisState",
    "InputData",
    "LineStat",
    "LlmCall",
    "MemorySnapshot",
    "ModeName",
    "Notice",
    "ProfileDiff",
    "ProfileKind",
    "ProfileResult",
    "Progress",
    "Rank",
    "Run",
    "RunSnapshot",
    "RunStatus",
    "Salvaged",
    "Screening",
    "Severity",
    "Sign",
    "Standing",
    "Status",
    "Verdict",
    "VerdictName",
    "Verified",
    "Watch",
    "check_target",
    "json_text",
    "walk",
    "write_file",
]
