"""Two profiles side by side as plain text."""

from collections.abc import Sequence

from kosmos_nb.history import ProfileDiff
from kosmos_nb.reporters import columns
from kosmos_nb.reporters.diff_model import ChangeRow, DiffModel, diff_model

MOST = 12


def diff_text(diff: ProfileDiff) -> str:
    """Return the whole difference in lines of at most 100 columns."""
    model = diff_model(diff)
    parts = [
        _head(model),
        columns.grid(["", "before", "after", "change"], model.numbers, right=(1, 2, 3)),
        _changes(model.functions, "function", "diff.functions"),
        _changes(model.lines, "line", "diff.lines"),
        [line for note in model.notes for line in columns.wrap(f"note: {note}", hang=6)],
        columns.wrap(" · ".join(model.foot), hang=2),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part)


def _head(model: DiffModel) -> list[str]:
    told = [columns.clip(model.title, columns.WIDTH), columns.clip(model.headline, columns.WIDTH)]
    return [*told, *columns.wrap(model.reading, hang=2)]


def _changes(rows: Sequence[ChangeRow], what: str, where: str) -> list[str]:
    kept = largest(rows, MOST)
    if not kept:
        return []
    cells = [
        [f"{row.mark} {row.clear}", row.before, row.after, row.change,
         columns.clip(f"{row.name}  {row.place}" if what == "function" else f"{row.place}  {row.name}", 40)]
        for row in kept
    ]  # fmt: skip
    left = len(rows) - len(kept)
    more = [f"… and {left} smaller change{'' if left == 1 else 's'}, in {where}"] if left else []
    return columns.grid(["", "before", "after", "change", what], cells, right=(1, 2, 3)) + more


def largest(rows: Sequence[ChangeRow], most: int) -> list[ChangeRow]:
    """Return the largest changes, the clear ones first of all, still in the order of the table."""
    order = sorted(range(len(rows)), key=lambda at: (rows[at].tone == "off", -abs(rows[at].length), at))
    return [rows[at] for at in sorted(order[:most])]
