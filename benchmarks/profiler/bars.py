"""The figures that have a bar, out of the results.

Where the control (nothing against nothing) cannot tell a bar from 1, a ratio decides nothing: then
the figure is what the unit costs add up to, and says so.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from benchmarks.harness import Figure
from benchmarks.profiler import ratios, roster
from benchmarks.profiler.accuracy import BAR_POINTS, worst
from benchmarks.profiler.fixed import BARS_MS
from benchmarks.profiler.memory import ENGINES as MEMORY_ENGINES
from benchmarks.profiler.overhead import paired
from benchmarks.profiler.results import Results

GEOMETRIC = {roster.LIGHT: 1.01, roster.STANDARD: 1.03, roster.FULL: 1.08}
SINGLE = {roster.LIGHT: 1.05, roster.STANDARD: 1.08, roster.FULL: 1.15}
COUNTING = 0.01  # full mode's budget for counting calls, Python 3.12 and newer
CLOCKS = {"cpu_s": "CPU", "wall_s": "wall"}


def figures(results: Results) -> list[Figure]:
    """Return every figure of a run, named with its Python."""
    made = [*_overhead(results), *_fixed(results), *_accuracy(results), *_coverage(results)]
    made += [*_memory(results), *_own_memory(results)]
    at = f"Python {results.short_python}: "
    return [Figure(at + one.name, one.value, one.bar, one.unit, one.better, one.note) for one in made]


def _overhead(results: Results) -> Iterator[Figure]:
    if not results.runs:
        return
    for engine, bar in GEOMETRIC.items():
        for clock, said in CLOCKS.items():
            by_workload = paired(results.runs, engine, clock)
            control = paired(results.runs, roster.AGAIN, clock)
            if not by_workload:
                continue
            here = ratios.geometric(list(by_workload.values()))
            nothing = ratios.geometric(list(control.values()))
            yield _ratio(
                f"{engine}, {said} ratio, geometric mean of {len(by_workload)}",
                bar, here, nothing, bound(results, engine),
            )  # fmt: skip
            name, single, single_control = _most(by_workload, control)
            yield _ratio(
                f"{engine}, {said} ratio, worst single: {name}",
                SINGLE[engine], single, single_control, bound(results, engine, name),
            )  # fmt: skip


def _ratio(name: str, bar: float, here: ratios.Ratio, nothing: ratios.Ratio, derived: float | None) -> Figure:
    how = f"95 % upper bound of {here.value:.3f}, {here.rounds} pairs; A/A {nothing}"
    reaches = max(nothing.high, 2 - nothing.low)  # on either side of 1
    if reaches <= bar or derived is None:
        return Figure(name, here.high, bar, "×", note=how)
    return Figure(
        name, derived, bar, "×",
        note=f"from unit costs, as the control is {nothing}; measured: {here}",
    )  # fmt: skip


def _most(
    by_workload: dict[str, list[float]], control: dict[str, list[float]]
) -> tuple[str, ratios.Ratio, ratios.Ratio]:
    singles = {name: ratios.one(values) for name, values in by_workload.items()}
    name = max(singles, key=lambda one: singles[one].high)
    return name, singles[name], ratios.one(control[name])


def bound(results: Results, engine: str, workload: str | None = None) -> float | None:
    """Return what an engine can cost by its unit costs: sampling, and start, stop and result.

    Sampling is that among other work, the second thread's part included. Start, stop and
    result are measured at the real workloads, apart from the work: the difference between the CPU of
    the whole call and of the session.
    """
    runs = [run for run in results.runs if run.engine == engine and workload in (None, run.workload)]
    if not runs or not results.unit:
        return None
    apart = statistics.median((run.cpu_s - (run.running_cpu_s or 0.0)) / run.cpu_s for run in runs)
    if engine == roster.LIGHT:
        return 1 + apart
    mode = engine.split()[1]
    sampling = results.unit["sampling"][mode]["share"]
    counting = COUNTING if engine == roster.FULL and results.short_python != "3.11" else 0.0
    return 1 + apart + sampling + counting


def _fixed(results: Results) -> Iterator[Figure]:
    for mode, value_ms in results.fixed.get("added_ms", {}).items():
        yield Figure(
            f"a profile in {mode} mode adds to an empty cell", value_ms, BARS_MS[mode], "ms",
            note=f"median of {results.fixed['rounds']} paired differences, wall, without save and display; "
            f"CPU {results.fixed['added_cpu_ms'][mode]:.2f} ms",
        )  # fmt: skip
    if first := results.fixed.get("first_ms"):
        yield Figure(
            "light mode in the first cells of a kernel, a new history", statistics.median(first), 0.5, "ms",
            note=f"as it measures itself; median of {len(first)} cells, the largest {max(first):.2f} ms",
        )  # fmt: skip


def _accuracy(results: Results) -> Iterator[Figure]:
    for engine in (roster.STANDARD, roster.FULL):
        for truth, (median, most, lean, rounds) in worst(results.judged, engine).items():
            yield Figure(
                f"{engine}, off the truth: {truth}", median, BAR_POINTS, "points",
                note=f"median of {rounds}, at most {most:.1f}; first part {lean:+.1f} on average",
            )  # fmt: skip


def _coverage(results: Results) -> Iterator[Figure]:
    for engine in (roster.STANDARD, roster.FULL):
        runs = [one for one in results.judged if one.engine == engine]
        held, judged = (sum(one.within[at] for one in runs) for at in (0, 1))
        if judged:
            yield Figure(
                f"{engine}, self times whose ± held the truth", held / judged * 100, None, "%",
                "higher", f"{held} of {judged}; 95 % is what it says",
            )  # fmt: skip


def _memory(results: Results) -> Iterator[Figure]:
    for engine in MEMORY_ENGINES:
        found = results.memory.get(engine, {})
        if "off_pct" in found:
            bar = 2.0 if engine in roster.OURS else None
            yield Figure(
                f"{engine}, peak of numpy blocks off", found["off_pct"], bar, "%",
                note="100 MB kept and 50 MB freed",
            )  # fmt: skip


def _own_memory(results: Results) -> Iterator[Figure]:
    for name, found in results.own_memory.items():
        yield Figure(
            f"the profiler's own memory, 10 minutes, {name}", found["with_result_bytes"] / 1e6, 10.0, "MB",
            note=f"{found['samples']:,} samples: {found['sampled_bytes'] / 1e6:.1f} MB, "
            "the rest while the result is made; resident memory",
        )  # fmt: skip
