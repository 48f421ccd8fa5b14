"""A profile as plain text: for terminals, diffs, nbval, and viewers that show nothing else."""

from collections.abc import Sequence

from kosmos_nb.core import units
from kosmos_nb.history import ProfileResult
from kosmos_nb.reporters import columns
from kosmos_nb.reporters.profile_model import (
    Bar,
    FunctionRow,
    LineRow,
    ProfileModel,
    profile_model,
)

MOST_LINES = 14
MOST_FUNCTIONS = 8
LEAST_SHARE = 0.005


def profile_text(result: ProfileResult) -> str:
    """Return the whole answer of a profile in lines of at most 100 columns."""
    model = profile_model(result)
    parts = [_head(model), _lines(model.lines), _functions(model.functions), _notes(model)]
    parts.append(columns.wrap(" · ".join(model.foot), hang=2))
    return "\n\n".join("\n".join(part) for part in parts if part)


def _head(model: ProfileModel) -> list[str]:
    numbers = " · ".join(f"{value} {label}" for value, label in model.big)
    failure = [f"✗ {model.failure}"] if model.failure else []
    reading = [line for sentence in model.reading for line in columns.wrap(sentence, hang=2)]
    return [columns.clip(model.title, columns.WIDTH), *columns.wrap(numbers, hang=2), *failure, *reading]


def _times(bar: Bar) -> list[str]:
    waiting = bar.wall_s - bar.cpu_s
    return [units.seconds(bar.wall_s), units.share(bar.share), units.seconds(waiting) if waiting > 0 else "0"]


def _lines(rows: Sequence[LineRow]) -> list[str]:
    if not rows:
        return []
    hottest = sorted(rows, key=lambda row: (-row.bar.wall_s, row.line))
    kept = [row for row in hottest if row.bar.share >= LEAST_SHARE][:MOST_LINES] or hottest[:1]
    measured = any(row.memory for row in rows)
    head = ["line", "total", "share", "off CPU", *(["memory"] if measured else []), "source"]
    cells = [
        [str(row.line), *_times(row.bar), *([row.memory] if measured else []), columns.clip(row.source, 56)]
        for row in sorted(kept, key=lambda row: row.line)
    ]
    left = len(rows) - len(kept)
    more = [f"… and {left} quicker line{'' if left == 1 else 's'}, in result.lines"] if left else []
    return columns.grid(head, cells, right=range(len(head) - 1)) + more


def _functions(rows: Sequence[FunctionRow]) -> list[str]:
    if not rows:
        return []
    kept = [row for row in rows if row.bar.share >= LEAST_SHARE][:MOST_FUNCTIONS] or list(rows[:1])
    counted = any(row.calls for row in kept)
    head = ["self", "share", "off CPU", "total", *(["calls"] if counted else []), "function"]
    cells = [
        [
            *_times(row.bar),
            units.seconds(row.total_s),
            *([row.calls] if counted else []),
            columns.clip(f"{row.name}  {row.place}", 48),
        ]
        for row in kept
    ]
    left = len(rows) - len(kept)
    more = [f"… and {left} more function{'' if left == 1 else 's'}, in result.functions"] if left else []
    return columns.grid(head, cells, right=range(len(head) - 1)) + more


def _notes(model: ProfileModel) -> list[str]:
    return [line for note in model.notes for line in columns.wrap(f"note: {note}", hang=6)]
