"""A profile in the terminal: the answer in a sentence, then lines and functions as tables."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kosmos_nb.core import units
from kosmos_nb.history import MEGABYTE, ChildProcess, FunctionStat, LineStat, ProfileResult

STYLES = {"critical": "bold red", "high": "yellow", "medium": "cyan", "low": "dim"}
_LEAST_SHARE = 0.001
_WORDS = ("source", "function", "child process", "cell", "hypothesis", "role", "model", "call", "")
_LEAST_WORDS = 12
_GAP = 3  # between columns


def print_profile(
    console: Console, profile: ProfileResult, *, name: str, top: int, exit_code: int = 0
) -> None:
    """Print the whole profile.

    Args:
        console: Where to.
        profile: What to print.
        name: What was profiled, as the user called it.
        top: Most rows of each table.
        exit_code: With which what was profiled ended.
    """
    console.print(Text(f"\nProfile of {name}", style="bold"))
    console.print(_numbers(profile))
    if profile.status != "ok":
        console.print(Text(f"✗ {_how_it_ended(profile, exit_code)}", style="red"))
    for found in profile.bottlenecks[:top]:
        console.print(
            Text.assemble((f"{found.severity:<9}", STYLES[found.severity]), found.reading), soft_wrap=True
        )
    if profile.mode != "light" and not profile.samples:
        console.print(Text("Too short for a sample: no line or function can be named.", style="dim"))
    total_s = sum(stat.self_s for stat in profile.function_stats)
    lines = [stat for stat in profile.line_stats if stat.wall_s >= _LEAST_SHARE * total_s]
    functions = [stat for stat in profile.function_stats if stat.self_s >= _LEAST_SHARE * total_s]
    if lines:
        console.print(_lines(lines, top, console.width))
    if functions:
        console.print(_functions(functions, total_s, top, console.width))
    if profile.children:
        console.print(_children(profile.children, top, console.width))
    for note in profile.notes:
        console.print(Text(f"note: {note}", style="dim"), soft_wrap=True)
    console.print(Text(_foot(profile), style="dim"), soft_wrap=True)


def _how_it_ended(profile: ProfileResult, exit_code: int) -> str:
    if profile.exception_type == "SystemExit":
        return f"exited with {exit_code}"
    return f"{profile.status} with {profile.exception_type}" if profile.exception_type else profile.status


def _numbers(profile: ProfileResult) -> Text:
    cores = f" ({profile.cpu_s / profile.wall_s:.2f} cores)" if profile.wall_s > 0.001 else ""
    above = max(0, profile.peak_bytes - profile.rss_start_bytes)
    parts = [
        f"{units.seconds(profile.wall_s)} wall",
        f"{units.seconds(profile.cpu_s)} CPU{cores}",
        f"{units.size(profile.peak_bytes)} peak memory, {units.size(above)} above start",
    ]
    if profile.children:
        count = len(profile.children)
        word = "child process" if count == 1 else "child processes"
        parts.append(f"{count} {word}, {units.seconds(profile.children_cpu_s)} CPU")
    return Text(" · ".join(parts))


def _foot(profile: ProfileResult) -> str:
    share = f" {units.share(profile.overhead_s / profile.wall_s)}" if profile.wall_s > 0.01 else ""
    samples = f" · {units.count(profile.samples)} samples" if profile.samples else ""
    traces = "".join(f" · traced {name}" for name in profile.traces)
    return f"{profile.mode}{samples}{traces} · profiler{share} ({units.seconds(profile.overhead_s)})"


def say(console: Console, text: str, *, style: str = "") -> None:
    """Print text in lines that fit; unlike rich, without breaking a number at its thin spaces."""
    for line in text.splitlines():
        for part in textwrap.wrap(line, console.width, break_on_hyphens=False) or [""]:
            console.print(Text(part, style=style), soft_wrap=True)


def change(value: float, shown: Callable[[float], str]) -> str:
    """Return a change with its sign, put into words by `shown`."""
    return shown(value) if value == 0 else f"{'+' if value > 0 else '−'}{shown(abs(value))}"


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> Table:
    """Return a table in which numbers keep their width; the column of words has what is left."""
    widest = [max(map(len, cells)) for cells in zip(columns, *rows, strict=True)]
    words = next(index for index, name in enumerate(columns) if name in _WORDS)
    room = width - sum(widest) + widest[words] - _GAP * len(columns)
    made = Table(
        title=Text(title, style="bold") if title else None,
        title_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    for index, name in enumerate(columns):
        is_words = index == words
        made.add_column(
            name,
            justify="left" if is_words else "right",
            width=max(_LEAST_WORDS, min(widest[words], room)) if is_words else widest[index],
            overflow="ellipsis",
            no_wrap=True,
        )
    for row in rows:
        made.add_row(*map(Text, row))
    return made


def heading(word: str, shown: int, of: int, *, by: str = "time") -> str:
    """Return a table's title, with how many rows it leaves out."""
    return word if shown == of else f"{word} ({shown} of {of}, by {by})"


def _lines(stats: Sequence[LineStat], top: int, width: int) -> Table:
    kept = sorted(stats, key=lambda stat: (-stat.self_s, -stat.wall_s))[:top]
    has_memory = any(stat.memory_growth_mb is not None for stat in kept)
    columns = ["line", "source", "self", "total", "CPU", *(["memory"] if has_memory else [])]
    rows = []
    for stat in sorted(kept, key=lambda stat: stat.line):
        times = map(units.seconds, (stat.self_s, stat.wall_s, stat.cpu_s))
        row = [str(stat.line), stat.source.strip(), *times]
        if has_memory:
            growth = stat.memory_growth_mb
            row.append("" if growth is None else units.size_change(growth * MEGABYTE))
        rows.append(row)
    return table(heading("Lines", len(kept), len(stats)), columns, rows, width)


def _functions(stats: Sequence[FunctionStat], total_s: float, top: int, width: int) -> Table:
    kept = stats[:top]
    has_calls = any(stat.calls is not None for stat in kept)
    columns = ["function", "self", "%", "total", "CPU", *(["calls"] if has_calls else [])]
    rows = []
    for stat in kept:
        row = [
            f"{stat.name}  {stat.file}:{stat.line}",
            units.seconds(stat.self_s),
            units.share(stat.self_s / total_s) if total_s > 0 else "",
            units.seconds(stat.total_s),
            units.seconds(stat.self_cpu_s),
        ]
        if has_calls:
            capped = "+" if stat.calls_capped else ""
            row.append("" if stat.calls is None else f"{units.count(stat.calls)}{capped}")
        rows.append(row)
    return table(heading("Functions", len(kept), len(stats)), columns, rows, width)


def _children(children: Sequence[ChildProcess], top: int, width: int) -> Table:
    kept = children[:top]
    rows = [
        [
            f"{child.name}{' (still runs)' if child.is_running else ''}",
            str(child.pid),
            units.seconds(child.cpu_s),
            "" if child.peak_bytes is None else units.size(child.peak_bytes),
        ]
        for child in kept
    ]
    title = heading("Child processes", len(kept), len(children), by="CPU")
    return table(title, ["child process", "pid", "CPU", "peak"], rows, width)
