"""A profile as plain text: for terminals, diffs, nbval, and viewers that show nothing else."""

from collections.abc import Sequence

from kosmos_nb.core import units
from kosmos_nb.history import ProfileResult
from kosmos_nb.reporters import columns
from kosmos_nb.reporters.profile_model import ProfileModel, profile_model
from kosmos_nb.reporters.profile_rows import (
    BottleneckRow,
    ChildRow,
    FunctionRow,
    LineRow,
    SiteRow,
    ThreadRow,
)

MOST_BOTTLENECKS = 5
READING_COLUMNS = 160
MOST_LINES = 14
MOST_FUNCTIONS = 8
MOST_THREADS = 6
MOST_CHILDREN = 5
MOST_SITES = 5
LEAST_SHARE = 0.005


def profile_text(result: ProfileResult) -> str:
    """Return the whole answer of a profile in lines of at most 100 columns."""
    model = profile_model(result)
    parts = [
        _head(model),
        _bottlenecks(model.bottlenecks),
        _lines(model.lines),
        _functions(model.functions),
        _threads(model.threads),
        _children(model.children),
        _sites(model.sites),
        _notes(model),
        columns.wrap(" · ".join(model.foot), hang=2),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part)


def _head(model: ProfileModel) -> list[str]:
    numbers = " · ".join(f"{value} {label}" for value, label in model.big)
    failure = [f"✗ {model.failure}"] if model.failure else []
    # With bottlenecks the same sentences follow at once, with their severity.
    told = () if model.bottlenecks else model.reading
    reading = [line for sentence in told for line in columns.wrap(sentence, hang=2)]
    standing = columns.wrap(model.standing, hang=2) if model.standing else []
    head = [columns.clip(model.title, columns.WIDTH), *columns.wrap(numbers, hang=2)]
    return [*head, *failure, *reading, *standing]


def _bottlenecks(rows: Sequence[BottleneckRow]) -> list[str]:
    lines = []
    wide = max((columns.width(row.share) for row in rows[:MOST_BOTTLENECKS]), default=0)
    for row in rows[:MOST_BOTTLENECKS]:
        named = (
            f"{row.sign.mark} {columns.pad(row.sign.word, 8)}  {columns.pad(row.share, wide, right=True)}  "
        )
        lines += columns.wrap(named + columns.clip(row.reading, READING_COLUMNS), hang=columns.width(named))
    return lines + _left(len(rows) - MOST_BOTTLENECKS, "smaller bottleneck", "result.bottlenecks")


def _lines(rows: Sequence[LineRow]) -> list[str]:
    timed = sorted((row for row in rows if row.bar.wall_s > 0), key=lambda row: (-row.bar.wall_s, row.line))
    if not timed:
        return []
    kept = [row for row in timed if row.bar.share >= LEAST_SHARE][:MOST_LINES] or timed[:1]
    measured = any(row.memory for row in timed)
    head = ["line", "total", "share", "off CPU", *(["memory"] if measured else []), "source"]
    cells = [
        [
            str(row.line),
            row.bar.wall,
            row.bar.percent,
            columns.clip(row.bar.off_cpu, 18),
            *([row.memory] if measured else []),
            columns.clip(row.source.strip() if len(kept) == 1 else row.source, 42 if measured else 48),
        ]
        for row in sorted(kept, key=lambda row: row.line)
    ]
    more = _left(len(timed) - len(kept), "quicker line", "result.lines")
    return columns.grid(head, cells, right=range(len(head) - 1)) + more


def _functions(rows: Sequence[FunctionRow]) -> list[str]:
    kept = [row for row in rows if row.bar.share >= LEAST_SHARE][:MOST_FUNCTIONS] or list(rows[:1])
    if not kept:
        return []
    counted, threaded = any(row.calls for row in kept), any(row.threads > 1 for row in kept)
    head = ["self", "share", "off CPU", "total"]
    head += [*(["calls"] if counted else []), *(["threads"] if threaded else []), "function"]
    cells = [
        [
            row.bar.wall,
            row.bar.percent,
            columns.clip(row.bar.off_cpu, 18),
            units.seconds(row.total_s),
            *([row.calls] if counted else []),
            *([str(row.threads)] if threaded else []),
            columns.clip(f"{row.name}  {row.place}", 34),
        ]
        for row in kept
    ]
    more = _left(len(rows) - len(kept), "more function", "result.functions")
    return columns.grid(head, cells, right=range(len(head) - 1)) + more


def _threads(rows: Sequence[ThreadRow]) -> list[str]:
    if not rows:
        return []
    cells = [
        [row.bar.wall, row.bar.percent, columns.clip(row.bar.off_cpu, 18), columns.clip(row.name, 60)]
        for row in rows[:MOST_THREADS]
    ]
    more = _left(len(rows) - MOST_THREADS, "more thread", "result.tree")
    return columns.grid(["active", "share", "off CPU", "thread"], cells, right=range(3)) + more


def _children(rows: Sequence[ChildRow]) -> list[str]:
    if not rows:
        return []
    head = ["pid", "CPU", "peak memory", "seen for", "child process", ""]
    cells = [
        [row.pid, row.cpu, row.peak, row.wall, columns.clip(row.name, 36), row.state]
        for row in rows[:MOST_CHILDREN]
    ]
    more = _left(len(rows) - MOST_CHILDREN, "more process", "result.children")
    return columns.grid(head, cells, right=range(4)) + more


def _sites(rows: Sequence[SiteRow]) -> list[str]:
    if not rows:
        return []
    head = ["held at the peak", "share", "blocks", "allocated in"]
    cells = [
        [row.peak, row.share, row.blocks, columns.clip(f"{row.name}  {row.place}", 56)]
        for row in rows[:MOST_SITES]
    ]
    more = _left(len(rows) - MOST_SITES, "smaller place", "result.allocation_sites")
    return columns.grid(head, cells, right=range(3)) + more


def _left(count: int, what: str, where: str) -> list[str]:
    if count <= 0:
        return []
    plural = "" if count == 1 else "es" if what.endswith("s") else "s"
    return [f"… and {count} {what}{plural}, in {where}"]


def _notes(model: ProfileModel) -> list[str]:
    return [line for note in model.notes for line in columns.wrap(f"note: {note}", hang=6)]
