"""The public face as a user would write it; mypy reads this file, nothing runs it."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from kosmos_nb import (
    Bottleneck,
    CodeExecutor,
    CodeResult,
    ExecutionProfiler,
    ExperimentResult,
    ExperimentTask,
    History,
    MemorySnapshot,
    ParallelExperimentExecutor,
    ProfileDiff,
    ProfileResult,
    ProfilingMode,
    ResearchRun,
    compare,
    last,
    research,
    screen,
)


def square(value: int) -> int:
    return value * value


profiler = ExecutionProfiler(
    mode=ProfilingMode.STANDARD, bottleneck_threshold=5.0, enable_memory_tracking=True
)
value, profile = profiler.profile_function(square, 3)
number: int = value
with profiler.profile_context():
    square(4)
result: ProfileResult = profiler.get_result()
seconds: float = result.execution_time + result.cpu_time + result.memory_peak_mb + result.profiler_overhead_ms
found: Sequence[Bottleneck] = result.bottlenecks
memory: Sequence[MemorySnapshot] = result.memory_snapshots
functions: pd.DataFrame = result.functions
again: ProfileResult = ProfileResult.from_json(result.to_json())
written: Path = result.save("cell.speedscope.json", overwrite=True)
folded: str = result.to_collapsed()
course: pd.DataFrame = result.timeline
diff: ProfileDiff = compare(again, result)
slower: float = diff.functions[0].change_s

experiment: ProfileResult = profiler.profile_experiment("exp_123", "x = 1", {"y": 2})
ran: CodeResult = CodeExecutor(enable_profiling=True, sandbox="none").execute("x = 1", returns=["x"])
cost: ProfileResult | None = ran.profile_result

run: ResearchRun = research(pd.DataFrame({"a": [1, 2], "b": [2, 1]}), "What goes with a?", target="a", seed=1)
own: ResearchRun = research(
    pd.DataFrame({"a": [1, 2], "b": [2, 1]}), hypotheses=["a ~ b"], control="b", allow=["order"], split=True
)
odd: list[str] = [notice.sentence for notice in screen(pd.DataFrame({"a": [1]}), unit="a").notices]
verdicts: pd.DataFrame = run.result(timeout=60).verdicts
report: str = run.report()
run.cancel()

with ParallelExperimentExecutor(max_workers=2) as pool:
    results: list[ExperimentResult] = pool.execute_batch([ExperimentTask("e1", square, (2,))])

with History() as history:
    profile_id: str = history.save(last())
    rows: pd.DataFrame = history.sql("SELECT count(*) FROM executions WHERE mode = ?", ["light"])
    newest: pd.DataFrame = history.last(20)
    back: ProfileResult = history.profile(profile_id)
    is_sound: bool = history.verify().is_sound
    copied: list[int] = [one.copied for one in history.salvage()]
    gone: int = history.erase(before="2026-01-31", dry_run=True).profiles
