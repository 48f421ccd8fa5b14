"""A run as plain text: question, answer, verdicts, legend and cost."""

from kosmos_nb.core import units
from kosmos_nb.history import RunSnapshot
from kosmos_nb.reporters import columns
from kosmos_nb.reporters.run_model import RunModel, RunRow, run_model

MOST_ROWS = 60
INDENT = 16


def run_text(snapshot: RunSnapshot) -> str:
    """Return a run in lines of at most 100 columns; of long runs the first 60 rows."""
    model = run_model(snapshot, MOST_ROWS)
    parts = [_head(model), _rows(model), _fine_print(model)]
    return "\n\n".join("\n".join(part) for part in parts if part)


def shown(model: RunModel, rows: int) -> str:
    """Say how many rows are shown, in which order, and where all of them are."""
    every = f"showing {rows} of {model.total}" if rows < model.total else f"all {model.total}"
    where = "; all in run.verdicts" if rows < model.total else ""
    return f"{every}, {model.order}{where}"


def _head(model: RunModel) -> list[str]:
    counts = " · ".join(f"{word} {number}" for _, word, number in model.counts)
    progress = f"{model.done} of {model.total} tested · {model.status}" if model.running else model.status
    error = [f"✗ {model.error}"] if model.error else []
    lines = [model.question, model.data, f"{progress} · {counts}" if counts else progress, *error]
    return [part for line in (*lines, model.answer) if line for part in columns.wrap(line, hang=2)]


def _rows(model: RunModel) -> list[str]:
    kept = model.rows
    if not kept:
        return []
    wide = [max(columns.width(cell) for cell in cells) for cells in zip(*map(_numbers, kept), strict=True)]
    text, group = columns.wrap(shown(model, len(kept)), hang=2), None
    for row in kept:
        if row.group != group and model.groups[0] != model.groups[1]:
            text += ["", f"{model.groups[row.group]}:"]
        group = row.group
        text += _row(row, wide)
    return text


def _numbers(row: RunRow) -> tuple[str, ...]:
    effect = " ".join(part for part in (row.effect_text, row.interval_text) if part)
    n = f"n {units.count(row.n)}" if row.n else ""
    return (
        effect,
        f"p {row.p}" if row.p else "",
        f"corrected {row.p_adj}" if row.p_adj else "",
        n,
        columns.clip(row.raw_text, 28),
    )


def _row(row: RunRow, wide: list[int]) -> list[str]:
    """Return a row: verdict and statement, then its numbers under those above, then why."""
    verdict = " ".join(part for part in (row.sign.mark, row.sign.word, row.detail) if part)
    lines = columns.wrap(f"{columns.pad(verdict, INDENT - 1)} {row.id} {row.statement}", hang=INDENT)
    numbers = [columns.pad(cell, width) for cell, width in zip(_numbers(row), wide, strict=True)]
    if any(cell.strip() for cell in numbers):
        line = (" " * INDENT + "  ".join(numbers)).rstrip()
        lines += [line] if columns.width(line) <= columns.WIDTH else columns.wrap(line.strip(), indent=INDENT)
    caveats = f"caveats: {', '.join(row.caveats)}" if row.caveats else ""
    why = " · ".join(part for part in (caveats, row.reason) if part)
    return lines + (columns.wrap(why, indent=INDENT) if why else [])


def _fine_print(model: RunModel) -> list[str]:
    meanings = [f"{code}: {meaning}" for code, meaning in model.caveats if meaning]
    cost = "cost: " + " · ".join(f"{name} {value}" for name, value in model.cost)
    notes = [f"note: {note}" for note in model.notes]
    legend = "; ".join(model.legend)
    lines = [
        f"caveats: {'; '.join(meanings)}" if meanings else "",
        legend,
        *notes,
        cost,
        " · ".join(model.foot),
    ]
    return [part for line in lines if line for part in columns.wrap(line, hang=2)]
