# ruff: noqa: E501 - tables of data read better in one line
"""Records made up for tests of views, histories and faces: plausible, and never shown as real."""

from __future__ import annotations

import dataclasses
import math

from kosmos_nb.history import (
    THREAD_FILE,
    AllocationSite,
    Bottleneck,
    CallNode,
    ChildProcess,
    Environment,
    FunctionStat,
    Hypothesis,
    HypothesisState,
    InputData,
    LineStat,
    MemorySnapshot,
    ProfileResult,
    Progress,
    Run,
    RunSnapshot,
    Verdict,
    VerdictName,
)

STARTED_US = 1_760_000_000_000_000
CELL = "/tmp/ipykernel_4242/1234567890.py"
CODE = """%%kosmos_profile
df = pd.read_parquet(path)
df = df.dropna(subset=["price"])
df["t"] = df.text.apply(clean)
df.groupby("city").price.median()
"""


def profile(**changes: object) -> ProfileResult:
    """Return a profile of a cell of five lines; `changes` replace fields."""
    lines = CODE.splitlines()
    times = {2: (0.61, 0.31, 62), 3: (0.18, 0.18, 18), 4: (4.86, 4.83, 486), 5: (0.27, 0.26, 27)}
    result = ProfileResult(
        id="0193a41c-7b2e-7c3d-8a41-5be2c9d09f2e",
        kind="cell",
        mode="standard",
        status="ok",
        started_at_us=STARTED_US,
        wall_s=5.92,
        cpu_s=5.71,
        user_s=5.31,
        system_s=0.40,
        main_thread_cpu_s=5.58,
        rss_start_bytes=822_000_000,
        rss_end_bytes=1_040_000_000,
        peak_bytes=1_240_000_000,
        peak_method="VmHWM",
        minor_faults=84_210,
        voluntary_switches=312,
        involuntary_switches=41,
        read_bytes=212_000_000,
        written_bytes=4096,
        gc_runs=14,
        gc_s=0.021,
        overhead_s=0.0355,
        samples=593,
        interval_s=0.01,
        code=CODE,
        code_hash="c0de" * 16,
        label="clean the texts",
        execution_count=12,
        host="host",
        python="3.11.9",
        tree=tree(),
        function_stats=functions(),
        line_stats=tuple(
            LineStat(line=n, source=lines[n - 1], wall_s=w, cpu_s=c, samples=s) for n, (w, c, s) in times.items()
        ),
        bottlenecks=(
            Bottleneck(
                kind="line", name=lines[3], file=CELL, line=4, share=0.82, wall_s=4.86, cpu_s=4.83,
                severity="critical", reading="82 % of the time is in line 4: computing, one thread.",
            ),
            Bottleneck(
                kind="function", name="clean", file=CELL, line=3, share=0.64, wall_s=3.79, cpu_s=3.77,
                severity="critical", reading="64 % is in clean() itself.",
            ),
        ),
        memory_snapshots=tuple(
            MemorySnapshot(timestamp=i * 0.1, current_mb=822 + 400 * math.sin(i / 25) ** 2, peak_mb=1240)
            for i in range(60)
        ),
    )  # fmt: skip
    return dataclasses.replace(result, **changes)


def functions() -> tuple[FunctionStat, ...]:
    """Return five functions, most self time first."""
    rows = [
        ("clean", CELL, 3, 3.79, 4.61, 3.77, 379),
        ("sub", "/usr/lib/python3.11/re/__init__.py", 179, 0.82, 0.82, 0.82, 82),
        ("read_table", "/opt/env/site-packages/pyarrow/parquet/core.py", 1768, 0.58, 0.61, 0.29, 58),
        ("<module>", CELL, 1, 0.31, 5.92, 0.31, 31),
        ("GroupBy.median", "/opt/env/site-packages/pandas/core/groupby/groupby.py", 2266, 0.2, 0.26, 0.2, 20),
    ]
    return tuple(
        FunctionStat(
            name=name,
            file=file,
            line=line,
            self_s=own,
            total_s=total,
            self_cpu_s=cpu,
            total_cpu_s=cpu,
            samples=n,
        )
        for name, file, line, own, total, cpu, n in rows
    )


def node(name: str, own: float, *children: CallNode, line: int = 1, file: str = CELL) -> CallNode:
    """Return a frame whose total is its own time and that of its children."""
    total = own + sum(child.total_s for child in children)
    return CallNode(
        name=name, file=file, line=line, self_s=own, total_s=total, self_cpu_s=own * 0.98,
        samples=int(own * 100), children=children,
    )  # fmt: skip


def tree() -> CallNode:
    """Return a small call tree of 5.92 seconds."""
    pandas = "/opt/env/site-packages/pandas/core/series.py"
    cleaned = node(
        "clean", 3.79, node("sub", 0.82, line=179, file="/usr/lib/python3.11/re/__init__.py"), line=3
    )
    applied = node("Series.apply", 0.05, node("SeriesApply.apply", 0.2, cleaned, file=pandas), file=pandas)
    read = node("read_parquet", 0.03, node("read_table", 0.58, line=1768, file="/opt/env/pyarrow/core.py"))
    return node("<module>", 0.19, applied, read, node("GroupBy.median", 0.26, line=2266))


def big_profile(lines: int = 2000, functions: int = 1500, depth: int = 300) -> ProfileResult:
    """Return a profile with very many and very long lines, functions and frames."""
    deep = node("leaf", 0.01)
    for i in range(depth):
        deep = node(f"frame_{i}_" + "x" * 150, 0.001, deep, node(f"side_{i}", 0.002), line=i)
    many = tuple(
        FunctionStat(
            name=f"Some.very.long.qualified_{'name' * 20}_{i}", file="/opt/" + "folder/" * 30 + f"m{i}.py", line=i,
            self_s=1 / (i + 1), total_s=2 / (i + 1), self_cpu_s=0.5 / (i + 1), total_cpu_s=1 / (i + 1), samples=i,
        )
        for i in range(functions)
    )  # fmt: skip
    rows = tuple(
        LineStat(
            line=i + 1, source=f"value_{i} = \"<é>&''\" + " * 40, wall_s=i % 17 * 0.1, cpu_s=0.1, samples=i
        )
        for i in range(lines)
    )
    return profile(
        line_stats=rows, function_stats=many, tree=deep, wall_s=20.0, notes=("a note " * 200,) * 50
    )


def failed_profile() -> ProfileResult:
    """Return the profile of a cell that raised, in light mode."""
    return profile(
        status="failed", exception_type="ValueError", mode="light", samples=0, interval_s=None, tree=None,
        function_stats=(), line_stats=(), bottlenecks=(), memory_snapshots=(), wall_s=0.0421, cpu_s=0.041,
        overhead_s=0.0001, notes=("peak memory was polled: /proc/self/clear_refs is not writable",), label=None,
    )  # fmt: skip


def full_profile(**changes: object) -> ProfileResult:
    """Return a profile in full mode with both traces on: every field of it says something."""
    base = profile()
    counted = {"clean": (10_000, True), "<module>": (1, False)}
    stats = []
    for stat in base.function_stats:
        calls, is_capped = counted.get(stat.name, (None, False))
        stats.append(
            dataclasses.replace(
                stat, calls=calls, calls_capped=is_capped, self_error_s=0.2 * math.sqrt(stat.self_s),
                self_lock_s=0.02 if stat.name == "read_table" else 0.0,
            )
        )  # fmt: skip
    grown = {2: 190.4, 3: -12.5, 4: 41.0, 5: 0.0}
    own = {2: 0.61, 3: 0.18, 4: 4.86, 5: 0.27}
    filled: dict[str, object] = {
        "mode": "full",
        "interval_s": 0.005,
        "samples": 1186,
        "overhead_s": 0.198,
        "function_stats": tuple(stats),
        "line_stats": tuple(
            dataclasses.replace(
                line, memory_growth_mb=grown[line.line], self_s=own[line.line], error_s=0.2 * math.sqrt(line.wall_s),
                lock_s=0.02 if line.line == 2 else 0.0,
            )
            for line in base.line_stats
        ),
        "bottlenecks": tuple(dataclasses.replace(one, share_error=0.024) for one in base.bottlenecks),
        "memory_snapshots": tuple(
            dataclasses.replace(one, cpu_s=one.timestamp * 0.96, allocated_mb=one.current_mb - 700)
            for one in base.memory_snapshots
        ),
        "children": children(),
        "children_cpu_s": 7.4,
        "traces": ("calls", "memory"),
        "heap_peak_bytes": 318_400_000,
        "allocation_sites": allocation_sites(),
        "inputs": (InputData(name="df", kind="pandas.DataFrame", rows=342, columns=8),),
        "environment": Environment(
            host_class="x86_64, 8 cores, 16 GB", system="Linux 6.1", packages=("numpy 2.4.0", "pandas 3.0.2"),
        ),
        "is_warm": True,
        "notes": ("Call counting changes timings: about 60 ns a call.",),
    }  # fmt: skip
    return dataclasses.replace(base, **(filled | changes))


def threads_profile(**changes: object) -> ProfileResult:
    """Return a profile of 2 seconds with two other threads, one of which mostly waits for the GIL."""
    name = "ThreadPoolExecutor.map"
    here = node(
        "<module>", 0.1, node(name, 1.9, line=575, file="/usr/lib/python3.11/concurrent/futures/_base.py")
    )
    work = node("work", 1.2, node("hashed", 0.6, line=9), line=4)
    slow = node("work", 1.8, line=4)
    others = tuple(
        node(f"worker_{i}", 0.0, one, line=0, file=THREAD_FILE) for i, one in enumerate((work, slow))
    )
    whole = node("<module>", 0.1, *here.children, *others)
    rows = [
        ("work", 4, 3.0, 3.6, 1.9, 0.9, 0.0, 2),
        (name, 575, 1.9, 1.9, 0.0, 0.0, 0.0, 1),
        ("hashed", 9, 0.6, 0.6, 0.6, 0.0, 0.0, 1),
        ("<module>", 1, 0.1, 2.0, 0.1, 0.0, 0.0, 1),
    ]
    filled: dict[str, object] = {
        "code": "%%kosmos_profile\nwith ThreadPoolExecutor(2) as pool:\n    list(pool.map(work, range(2)))\n",
        "label": None, "wall_s": 2.0, "cpu_s": 2.6, "user_s": 2.5, "system_s": 0.1, "main_thread_cpu_s": 0.1,
        "samples": 560, "overhead_s": 0.02, "tree": whole, "function_stats": _timed(rows),
        "line_stats": (
            LineStat(
                line=3, source="    list(pool.map(work, range(2)))", wall_s=1.9, cpu_s=0.0, samples=190, self_s=1.9,
                error_s=0.02, lock_s=1.7,
            ),
        ),
        "bottlenecks": (
            Bottleneck(
                kind="function", name="work", file=CELL, line=4, share=0.54, wall_s=3.0, cpu_s=1.9,
                severity="critical", reading="54 % in work(), 2 threads that wait for the GIL.", share_error=0.03,
            ),
        ),
        "memory_snapshots": moments(2.0, cores=1.3),
    }  # fmt: skip
    return profile(**(filled | changes))


def asyncio_profile(**changes: object) -> ProfileResult:
    """Return a profile of 1.5 seconds of two coroutines, which mostly await."""
    fetched = node(
        "fetch", 0.9, node("json.loads", 0.15, line=299, file="/usr/lib/python3.11/json/__init__.py")
    )
    whole = node("<module>", 0.05, node("main", 0.0, fetched, node("save", 0.4, line=12), line=2))
    rows = [
        ("fetch", 5, 0.9, 1.05, 0.02, 0.0, 0.88, 1),
        ("save", 12, 0.4, 0.4, 0.38, 0.0, 0.0, 1),
        ("json.loads", 299, 0.15, 0.15, 0.15, 0.0, 0.0, 1),
        ("<module>", 1, 0.05, 1.5, 0.05, 0.0, 0.0, 1),
        ("main", 2, 0.0, 1.45, 0.0, 0.0, 0.0, 1),
    ]
    filled: dict[str, object] = {
        "code": "%%kosmos_profile\nawait main()\n", "label": None, "wall_s": 1.5, "cpu_s": 0.6, "user_s": 0.55,
        "system_s": 0.05, "main_thread_cpu_s": 0.6, "samples": 150, "overhead_s": 0.008, "tree": whole,
        "function_stats": _timed(rows),
        "line_stats": (
            LineStat(
                line=2, source="await main()", wall_s=1.45, cpu_s=0.55, samples=145, self_s=1.45, error_s=0.01,
                await_s=0.88,
            ),
        ),
        "bottlenecks": (
            Bottleneck(
                kind="function", name="fetch", file=CELL, line=5, share=0.6, wall_s=0.9, cpu_s=0.02,
                severity="critical", reading="60 % in fetch(), awaiting.", share_error=0.06,
            ),
        ),
        "memory_snapshots": moments(1.5, cores=0.4),
    }  # fmt: skip
    return profile(**(filled | changes))


def edited_profile() -> ProfileResult:
    """Return `profile()` after an edit: one line inserted, `clean` faster, a new function slow."""
    lines = [*CODE.splitlines()[:3], 'df = df.sort_values("city")', *CODE.splitlines()[3:]]
    pandas = "/opt/env/site-packages/pandas/core/series.py"
    cleaned = node(
        "clean", 1.4, node("sub", 0.8, line=179, file="/usr/lib/python3.11/re/__init__.py"), line=4
    )
    applied = node("Series.apply", 0.05, node("SeriesApply.apply", 0.2, cleaned, file=pandas), file=pandas)
    read = node("read_parquet", 0.03, node("read_table", 0.58, line=1768, file="/opt/env/pyarrow/core.py"))
    ordered = node(
        "DataFrame.sort_values", 0.9, line=7064, file="/opt/env/site-packages/pandas/core/frame.py"
    )
    whole = node("<module>", 0.19, applied, ordered, read, node("GroupBy.median", 0.26, line=2266))
    slow = FunctionStat(
        name="DataFrame.sort_values", file="/opt/env/site-packages/pandas/core/frame.py", line=7064, self_s=0.9,
        total_s=0.9, self_cpu_s=0.88, total_cpu_s=0.88, samples=90, self_error_s=0.1,
    )  # fmt: skip
    stats = [
        dataclasses.replace(
            stat, line=4, self_s=1.4, total_s=2.2, self_cpu_s=1.38, total_cpu_s=2.18, samples=140
        )
        if stat.name == "clean"
        else stat
        for stat in functions()
    ]
    times = {2: (0.61, 62), 3: (0.18, 18), 4: (0.9, 90), 5: (2.45, 245), 6: (0.27, 27)}
    return profile(
        id="0193a41c-ffff-7c3d-8a41-5be2c9d09f2e", wall_s=4.41, cpu_s=4.3, samples=441, overhead_s=0.026,
        code="\n".join(lines) + "\n", code_hash="beef" * 16, tree=whole,
        started_at_us=STARTED_US + 60_000_000, execution_count=13,
        function_stats=tuple(sorted([*stats, slow], key=lambda stat: -stat.self_s)),
        line_stats=tuple(
            LineStat(line=n, source=lines[n - 1], wall_s=w, cpu_s=w, samples=s, self_s=w, error_s=0.05)
            for n, (w, s) in times.items()
        ),
        bottlenecks=(
            Bottleneck(
                kind="line", name=lines[4], file=CELL, line=5, share=0.56, wall_s=2.45, cpu_s=2.45,
                severity="critical", reading="56 % of the time is in line 5: computing, one thread.",
            ),
        ),
    )  # fmt: skip


def moments(wall_s: float, cores: float, step_s: float = 0.1) -> tuple[MemorySnapshot, ...]:
    """Return one moment each tenth of a second, with steady CPU and slowly growing memory."""
    return tuple(
        MemorySnapshot(timestamp=i * step_s, current_mb=200 + i, peak_mb=200 + i, cpu_s=i * step_s * cores)
        for i in range(round(wall_s / step_s) + 1)
    )


def _timed(rows: list[tuple[str, int, float, float, float, float, float, int]]) -> tuple[FunctionStat, ...]:
    return tuple(
        FunctionStat(
            name=name, file=CELL, line=line, self_s=own, total_s=total, self_cpu_s=cpu, total_cpu_s=cpu,
            samples=round(own * 100), self_error_s=0.2 * math.sqrt(own) * 0.1, self_lock_s=lock, self_await_s=waits,
            threads=threads,
        )
        for name, line, own, total, cpu, lock, waits, threads in rows
    )  # fmt: skip


def old_profile(**changes: object) -> ProfileResult:
    """Return a profile as version 1 took it: no errors, no waiting, no CPU over time."""
    root = CallNode(
        name="<module>", file="In[12]", line=1, self_s=2.13, total_s=5.92, self_cpu_s=1.9, samples=214,
        children=(
            CallNode(name="clean", file="In[12]", line=3, self_s=3.79, total_s=3.79, self_cpu_s=3.77, samples=379),
        ),
    )  # fmt: skip
    filled: dict[str, object] = {
        "code": "clean(df)",
        "cell_id": "b7",
        "notes": ("polled", "thread"),
        "tree": root,
        "function_stats": (dataclasses.replace(functions()[0], file="In[12]"),),
        "line_stats": (LineStat(line=4, source="clean(df)", wall_s=4.86, cpu_s=4.83, samples=486),),
        "bottlenecks": (
            Bottleneck(
                kind="line", name="clean(df)", file="In[12]", line=4, share=0.82, wall_s=4.86, cpu_s=4.83,
                severity="critical", reading="82 % is in line 4.",
            ),
        ),
        "memory_snapshots": (
            MemorySnapshot(timestamp=0.0, current_mb=822.0, peak_mb=822.0),
            MemorySnapshot(timestamp=0.5, current_mb=900.0, peak_mb=910.0),
        ),
    }  # fmt: skip
    return profile(**(filled | changes))


def children() -> tuple[ChildProcess, ...]:
    """Return three child processes, most CPU first."""
    return (
        ChildProcess(
            pid=5021, name="python3.11", cpu_s=4.9, peak_bytes=210_000_000, wall_s=5.1, is_running=True
        ),
        ChildProcess(
            pid=5022, name="python3.11", cpu_s=2.2, peak_bytes=198_500_000, wall_s=5.0, is_running=True
        ),
        ChildProcess(pid=5040, name="gzip <é>", cpu_s=0.2, peak_bytes=None, wall_s=0.25, is_running=False),
    )


def allocation_sites() -> tuple[AllocationSite, ...]:
    """Return four lines that held memory at the peak, most first."""
    rows = [
        ("read_table", "/opt/env/site-packages/pyarrow/parquet/core.py", 1793, 212_000_000, 14),
        ("clean", CELL, 4, 81_300_000, 412_000),
        ("<module>", CELL, 3, 20_000_000, 2),
        ("GroupBy.median", "/opt/env/site-packages/pandas/core/groupby/groupby.py", 2270, 1_200_000, 9),
    ]
    return tuple(
        AllocationSite(name=name, file=file, line=line, peak_bytes=size, peak_blocks=blocks, cell_line=2)
        for name, file, line, size, blocks in rows
    )


def run(**changes: object) -> Run:
    """Return a run over the penguins; `changes` replace fields."""
    made = Run(
        id="0193a41d-02aa-7f00-9d11-c0ffee00d1ce",
        question="What drives flipper length?",
        target="flipper_length_mm",
        status="done",
        started_at_us=STARTED_US,
        data_name="penguins",
        data_hash="9b1f0d2c" * 8,
        n_rows=344,
        n_columns=8,
        seed=0,
        alpha=0.05,
        smallest=0.1,
        workers=2,
        wall_s=3.41,
        cpu_s=4.9,
        peak_bytes=412_000_000,
        slowest_step="H3 flipper_length_mm differs by species",
        slowest_step_s=0.61,
        notes=("2 rows without any measurement were left out.",),
        versions={"python": "3.11.9", "pandas": "2.2.3", "scipy": "1.14.1"},
    )
    return dataclasses.replace(made, **changes)


Outcome = tuple[str, str, str, VerdictName, str, float | None, float, float | None, str, tuple[str, ...], str]

# x, y, family, verdict, metric, effect, half interval, raw, unit, caveats, reason
OUTCOMES: tuple[Outcome, ...] = (
    ("body_mass_g", "flipper_length_mm", "association", "supported", "Spearman rho", 0.84, 0.03, 0.0152, "mm/g", (),
     "holds within every species, sex and island"),
    ("species", "flipper_length_mm", "group_difference", "supported", "epsilon²", 0.74, 0.04, 27.2, "mm", (),
     "highest in Gentoo, lowest in Adelie"),
    ("sex", "flipper_length_mm", "group_difference", "supported", "Cliff's delta", 0.29, 0.11, 7.1, "mm",
     ("missing",), "male − female; 11 rows without sex were left out"),
    ("bill_depth_mm", "flipper_length_mm", "association", "inconclusive", "Spearman rho", -0.52, 0.08, -4.2, "mm/mm",
     ("simpson", "confounded"), "overall it falls, within each species it rises"),
    ("bill_length_mm", "flipper_length_mm", "association", "supported", "Spearman rho", 0.67, 0.06, 1.69, "mm/mm",
     (), "holds within every species"),
    ("year", "flipper_length_mm", "association", "inconclusive", "Spearman rho", 0.17, 0.1, 2.9, "mm per year",
     ("borderline", "few_per_level"), "n = 342 can exclude effects above 0.17, not 0.1"),
    ("island", "flipper_length_mm", "group_difference", "inconclusive", "epsilon²", 0.36, 0.07, None, "",
     ("confounded",), "nearly all of it goes with species"),
    ("sex", "year", "category_association", "refuted", "Cramér's V", 0.01, 0.05, None, "", (),
     "equivalent to zero: the interval lies within ±0.1"),
    ("species", "island", "category_association", "supported", "Cramér's V", 0.66, 0.05, None, "", (), "chi-square"),
    ("rowid", "body_mass_g", "association", "not_testable", "", None, 0.0, None, "", ("id_like",),
     "rowid looks like an identifier"),
)  # fmt: skip


def progress(number: int, outcome: Outcome) -> Progress:
    """Return a judged hypothesis."""
    x, y, family, verdict, metric, effect, half, raw, unit, caveats, reason = outcome
    statement = (
        f"{y} is associated with {x}" if family == "association" else f"{y} differs between the levels of {x}"
    )
    hypothesis = Hypothesis(id=f"H{number}", statement=statement, family=family, x=x, y=y)
    directed = metric in ("Spearman rho", "Cliff's delta") and effect is not None
    judged = Verdict(
        hypothesis_id=hypothesis.id, statement=statement, family=family, x=x, y=y, verdict=verdict,
        p=None if effect is None else max(1e-30, 0.9 * math.exp(-60 * abs(effect))),
        p_adj=None if effect is None else max(1e-29, 0.95 * math.exp(-55 * abs(effect))),
        effect=effect, effect_metric=metric,
        ci_low=None if effect is None else effect - half, ci_high=None if effect is None else effect + half,
        sign=("+" if effect > 0 else "-") if directed else "", n=0 if effect is None else 342,
        caveats=caveats, effect_raw=raw, unit=unit, m=5, reason=reason,
    )  # fmt: skip
    return Progress(
        hypothesis=hypothesis, state="verdict", wall_s=0.12, effect=effect, ci_low=judged.ci_low,
        ci_high=judged.ci_high, verdict=judged,
    )  # fmt: skip


def done_run(**changes: object) -> RunSnapshot:
    """Return an ended run of ten hypotheses; `changes` replace fields of its `Run`."""
    judged = tuple(progress(i + 1, outcome) for i, outcome in enumerate(OUTCOMES))
    return RunSnapshot(run=run(**changes), progress=judged, seq=100)


def live_run(seq: int = 7, done: int = 4) -> RunSnapshot:
    """Return the same run under way: `done` verdicts, then every earlier state."""
    rest: tuple[HypothesisState, ...] = ("running", "measured", "analysed", "running")
    parts = []
    for i, one in enumerate(done_run().progress):
        if i < done:
            parts.append(one)
            continue
        state = rest[i - done] if i - done < len(rest) else "queued"
        seen = (
            one
            if state in ("measured", "analysed")
            else dataclasses.replace(one, effect=None, ci_low=None, ci_high=None)
        )
        parts.append(
            dataclasses.replace(seen, state=state, verdict=None, wall_s=0.4 if state == "running" else None)
        )
    return RunSnapshot(
        run=run(status="running", wall_s=1.2),
        progress=tuple(parts),
        seq=seq,
        step="testing with 2 workers",
        eta_s=4.0,
    )


def big_run(rows: int = 780) -> RunSnapshot:
    """Return an ended run of many hypotheses with long names and every caveat length."""
    parts = []
    for i in range(rows):
        x, y, *rest = OUTCOMES[i % len(OUTCOMES)]
        effect = None if rest[3] is None else math.sin(i) * 0.9
        long = (f"{x}_{'long_' * 8}{i}", y if i % 3 else f"other_{i}", *rest[:3], effect, *rest[4:])
        parts.append(progress(i + 1, long))  # type: ignore[arg-type]
    return RunSnapshot(
        run=run(n_rows=48_211, n_columns=40, notes=("some columns were left out: " + "é" * 900,) * 30),
        progress=tuple(parts),
        seq=9000,
    )
