"""The tables of benchmarks/README.md, out of the results."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from benchmarks.harness import markdown_table
from benchmarks.profiler import ratios, roster
from benchmarks.profiler.accuracy import worst
from benchmarks.profiler.bars import bound
from benchmarks.profiler.overhead import paired
from benchmarks.profiler.results import Results
from benchmarks.profiler.truths import TRUTHS


def markdown(many: Sequence[Results]) -> str:
    """Return all tables, for each Python in turn."""
    return "\n\n".join(section for results in many for section in _sections(results)) + "\n"


def _sections(results: Results) -> Iterable[str]:
    yield f"#### Python {results.python}"
    load = f"load {results.load[0]:.1f} before, {results.load[1]:.1f} after"
    yield f"{results.about}; {load}."
    for about in dict.fromkeys(results.earlier.values()):
        parts = ", ".join(part for part, run in results.earlier.items() if run == about)
        yield f"From an earlier run ({about}): {parts}."
    if results.absent:
        yield "Absent: " + "; ".join(f"{name} ({why})" for name, why in results.absent.items()) + "."
    if results.runs:
        yield "Overhead: time with over time without, median of paired runs, and its 95 % bounds."
        yield overhead(results)
        yield "By workload, CPU:"
        yield by_workload(results)
    if results.judged:
        yield (
            "Off the truth, in percentage points: median of the rounds (largest). "
            "'–': it has no way to report this."
        )
        yield accuracy(results)
    if results.unit:
        yield "Unit costs, least of many:"
        yield units(results)
    if results.memory:
        yield "Peak memory of numpy blocks, 100 MB kept and 50 MB freed:"
        yield memory(results)


def overhead(results: Results) -> str:
    """Return geometric means by engine."""
    rows = []
    for engine in roster.ENGINES[1:]:
        cpu = paired(results.runs, engine, "cpu_s")
        if cpu:
            wall = paired(results.runs, engine, "wall_s")
            running = paired(results.runs, engine, "running_cpu_s")
            by_units = bound(results, engine) if engine in roster.OURS else None
            mean = ratios.geometric(list(cpu.values()))
            rows.append(
                (
                    engine,
                    str(mean),
                    str(ratios.geometric(list(wall.values()))),
                    f"{ratios.geometric(list(running.values())).value:.3f}" if running else "",
                    f"{by_units:.3f}" if by_units else "",
                    str(mean.rounds),
                )
            )
    headings = ("engine", "CPU", "wall", "CPU while it runs", "from unit costs", "rounds")
    return markdown_table(headings, rows)


def by_workload(results: Results) -> str:
    """Return the median CPU ratio of each workload."""
    ratios_of = {engine: paired(results.runs, engine, "cpu_s") for engine in roster.ENGINES[1:]}
    engines = [engine for engine in roster.ENGINES[1:] if ratios_of[engine]]
    names = list(ratios_of[engines[0]]) if engines else []
    rows = [(name, *(_median(ratios_of[engine].get(name)) for engine in engines)) for name in names]
    return markdown_table(("workload", *engines), rows)


def _median(values: Sequence[float] | None) -> str:
    return f"{statistics.median(values):.2f}" if values else ""


def accuracy(results: Results) -> str:
    """Return the error of each engine at each truth."""
    found = {engine: worst(results.judged, engine) for engine in roster.ENGINES}
    engines = [engine for engine in roster.ENGINES if found[engine]]
    rows = []
    for truth in TRUTHS:
        if not any(truth.name in found[engine] for engine in engines):
            continue
        cells = []
        for engine in engines:
            at = found[engine].get(truth.name)
            cells.append(f"{at[0]:.1f} ({at[1]:.1f})" if at else "–")
        rows.append((truth.name, *cells))
    counts = [str(max(at[3] for at in found[engine].values())) for engine in engines]
    return markdown_table(("truth", *engines), [*rows, ("rounds", *counts)])


def units(results: Results) -> str:
    """Return the unit costs, one a row."""
    unit, rows = results.unit, []
    for key, said in (
        ("python_call_ns", "a Python call"), ("c_call_ns", "a C call"), ("line_ns", "a line"),
        ("counted_call_ns", "a counted call (3.12 and newer)"),
    ):  # fmt: skip
        rows += [(f"{said}, {engine}", f"{value:.1f} ns") for engine, value in unit[key].items()]
    for mode, depths in unit["sample_us"].items():
        rows += [
            (f"a sample at depth {depth}, a hundred in a row, {mode}", f"{value:.1f} µs")
            for depth, value in depths.items()
        ]
    for mode, cost in unit["sampling"].items():
        said = f"{cost['us']:.0f} µs, {cost['share']:.2%} of the time".replace("%", " %")
        rows.append((f"a sample as it comes among other work, all included, {mode}", said))
    for mode, cost_ms in unit["session_ms"].items():
        rows.append((f"start, stop and result of nothing, {mode}", f"{cost_ms:.3f} ms"))
    for many, found in unit["helper"].items():
        if found:
            cost = f"{found['look_us']:.0f} µs, {found['cpu_per_s'] * 100:.2f} % of the time"
            rows.append((f"a look of the second thread at {many} other threads", cost))
    return markdown_table(("what", "cost"), rows)


def memory(results: Results) -> str:
    """Return peaks by engine."""
    rows = [
        (engine, f"{at['peak_bytes'] / 1e6:.1f} MB", f"{at['off_pct']:.2f} %")
        if "off_pct" in at
        else (engine, "absent", str(at.get("absent", "")))
        for engine, at in results.memory.items()
    ]
    return markdown_table(("engine", "peak", "off"), rows)
