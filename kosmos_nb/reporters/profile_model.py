"""What a profile says, as plain words and rows: the one source of its text, HTML and widget."""

from __future__ import annotations

import math
from dataclasses import dataclass

from kosmos_nb.core import units
from kosmos_nb.history import ProfileResult
from kosmos_nb.reporters.markup import clean
from kosmos_nb.reporters.places import NAME_CHARACTERS, short_id
from kosmos_nb.reporters.profile_rows import (
    BottleneckRow,
    ChildRow,
    FunctionRow,
    LineRow,
    SiteRow,
    ThreadRow,
    TreeRow,
    bottleneck_rows,
    child_rows,
    function_rows,
    line_rows,
    sentence,
    site_rows,
    thread_rows,
    tree_rows,
)

MOST_NOTES = 8
NOTE_CHARACTERS = 240
SHORT_S = 0.02
SHARE_WORTH_TELLING = 0.01


@dataclass(frozen=True, slots=True)
class ProfileModel:
    """All that the views of a profile show.

    Attributes:
        title: What was profiled.
        failure: What went wrong, empty where nothing did.
        big: The headline numbers: value, label.
        reading: One or two sentences, the answer first.
        standing: How the run stands among the earlier ones, empty where that is not known.
        bottlenecks: Rows, the largest first.
        lines, functions, tree: Rows; lines in order of the cell, functions by self time.
        threads: Rows; empty where the code's own thread was alone.
        children, sites: Child processes by CPU; who held memory at the peak of the heap.
        facts: Clocks, memory, I/O: name, value.
        foot: The fine print.
        notes: What could not be measured, and why.
    """

    title: str
    failure: str
    big: tuple[tuple[str, str], ...]
    reading: tuple[str, ...]
    standing: str
    bottlenecks: tuple[BottleneckRow, ...]
    lines: tuple[LineRow, ...]
    functions: tuple[FunctionRow, ...]
    tree: tuple[TreeRow, ...]
    threads: tuple[ThreadRow, ...]
    children: tuple[ChildRow, ...]
    sites: tuple[SiteRow, ...]
    facts: tuple[tuple[str, str], ...]
    foot: tuple[str, ...]
    notes: tuple[str, ...]


def profile_model(result: ProfileResult) -> ProfileModel:
    """Return what the views of `result` show."""
    return ProfileModel(
        title=_title(result),
        failure=_failure(result),
        big=big_numbers(result),
        reading=_reading(result),
        standing=_standing(result),
        bottlenecks=bottleneck_rows(result.bottlenecks),
        lines=line_rows(result),
        functions=function_rows(result),
        tree=tree_rows(result),
        threads=thread_rows(result),
        children=child_rows(result.children),
        sites=site_rows(result),
        facts=_facts(result),
        foot=_foot(result),
        notes=tuple(clean(note, NOTE_CHARACTERS) for note in result.notes[:MOST_NOTES]),
    )


def _standing(result: ProfileResult) -> str:
    standing = result.standing
    if standing is None or (standing.state == "first" and standing.before_edit_s is None):
        return ""
    sign = "▲ " if standing.is_notable else ""
    return sign + clean(str(standing), NOTE_CHARACTERS)


def _title(result: ProfileResult) -> str:
    experiment = (
        f", experiment {clean(result.experiment_id, NAME_CHARACTERS)}" if result.experiment_id else ""
    )
    return f"Profile of {subject_of(result)}{experiment}"


def subject_of(result: ProfileResult) -> str:
    """Return what was profiled: `cell [12] “clean the texts”`."""
    count = f" [{result.execution_count}]" if result.execution_count is not None else ""
    label = f" “{clean(result.label, NAME_CHARACTERS)}”" if result.label else ""
    return f"{result.kind}{count}{label}"


def _failure(result: ProfileResult) -> str:
    if result.status == "ok":
        return ""
    kind = f" with {clean(result.exception_type, NAME_CHARACTERS)}" if result.exception_type else ""
    return f"{result.status}{kind} after {units.seconds(result.wall_s)}"


def big_numbers(result: ProfileResult) -> tuple[tuple[str, str], ...]:
    """Return wall time, CPU time and peak memory as value and label; no memory where it was not measured."""
    cores = f", {result.cpu_s / result.wall_s:.2f} cores" if result.wall_s > 0.001 else ""
    if result.children_cpu_s > SHARE_WORTH_TELLING * result.wall_s:
        cores += f"; children {units.seconds(result.children_cpu_s)}"
    numbers = [(units.seconds(result.wall_s), "wall"), (units.seconds(result.cpu_s), f"CPU{cores}")]
    if result.peak_bytes > 0:
        above = units.size_change(max(0, result.peak_bytes - result.rss_start_bytes))
        kept = units.size_change(result.rss_end_bytes - result.rss_start_bytes)
        numbers.append((units.size(result.peak_bytes), f"peak memory, {above}; {kept} kept"))
    return tuple(numbers)


def _reading(result: ProfileResult) -> tuple[str, ...]:
    """Return the largest bottleneck and, of the other kind (line or function), the largest."""
    told = [one for one in result.bottlenecks if one.reading]
    if told:
        others = [one for one in told if one.kind != told[0].kind]
        return tuple(sentence(one.reading) for one in (told[0], *others[:1]))
    if result.mode == "light":
        return ("Clocks and memory only; --mode standard also says which lines and functions took the time.",)
    if result.samples == 0:
        return ("Too short for a sample: no line or function can be named.",)
    return (f"No single line or function took more than {result.threshold_pct:g} % of the time.",)


def _facts(result: ProfileResult) -> tuple[tuple[str, str], ...]:
    other_s = max(0.0, result.cpu_s - result.main_thread_cpu_s)
    facts = [
        ("CPU, user and system", f"{units.seconds(result.user_s)} + {units.seconds(result.system_s)}"),
        (
            "CPU of the cell's thread, of others",
            f"{units.seconds(result.main_thread_cpu_s)}, {units.seconds(other_s)}",
        ),
        *_memory_facts(result),
        (
            "page faults from memory, from disk",
            f"{units.count(result.minor_faults)}, {units.count(result.major_faults)}",
        ),
        (
            "context switches, waiting and forced",
            f"{units.count(result.voluntary_switches)}, {units.count(result.involuntary_switches)}",
        ),
        ("garbage collections", f"{units.count(result.gc_runs)} in {units.seconds(result.gc_s)}"),
    ]
    if result.read_bytes is not None and result.written_bytes is not None:
        facts.append(
            ("read, written", f"{units.size(result.read_bytes)}, {units.size(result.written_bytes)}")
        )
    if result.children or result.children_cpu_s > 0:
        facts.append(("CPU of child processes", units.seconds(result.children_cpu_s)))
    where = [
        clean(text, 60) for text in (f"Python {result.python}" if result.python else "", result.host) if text
    ]
    return (*facts, ("ran on", ", ".join(where))) if where else tuple(facts)


def _memory_facts(result: ProfileResult) -> list[tuple[str, str]]:
    if result.peak_bytes <= 0:
        return []
    facts = [
        (
            "memory before and after",
            f"{units.size(result.rss_start_bytes)} → {units.size(result.rss_end_bytes)}",
        ),
        ("peak found by", clean(result.peak_method, 40)),
    ]
    if result.heap_peak_bytes is not None:
        facts.append(("peak of what the cell allocated", units.size(result.heap_peak_bytes)))
    return facts


def _foot(result: ProfileResult) -> tuple[str, ...]:
    sampled = ""
    if result.samples:
        every = f" every {units.seconds(result.interval_s)}" if result.interval_s else ""
        sampled = f"{units.count(result.samples)} sample{'' if result.samples == 1 else 's'}{every}"
    traced = f"traced {' and '.join(clean(name, 20) for name in result.traces)}" if result.traces else ""
    identity = f"id {short_id(clean(result.id, 40))}"
    return tuple(part for part in (result.mode, traced, sampled, _cost(result), identity) if part)


def _cost(result: ProfileResult) -> str:
    ratio = result.overhead_s / result.wall_s if result.wall_s > 0 else math.inf
    share = units.share(ratio) if ratio < 10 else "over 1000 %"
    spent = units.seconds(result.overhead_s)
    # Of a short cell a share would only frighten: the profiler's fixed cost is a millisecond or so.
    return f"profiler {spent}" if result.wall_s < SHORT_S else f"profiler {share} ({spent})"
