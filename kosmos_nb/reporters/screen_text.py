"""A screening as plain text: how the rows hang together, what is odd, the columns."""

from kosmos_nb.history.records import Screening
from kosmos_nb.reporters import columns
from kosmos_nb.reporters.fit import most_that_fit
from kosmos_nb.reporters.screen_model import CHANGES, ColumnRow, ScreenModel, screen_model

MOST_ROWS = 60
TEXT_BYTES = 14_000
INDENT = 4
NAME, KIND, CODES, SUMMARY = 24, 8, 26, 26  # widest cells; the values get what the others leave
GAPS = 8


def screen_text(screening: Screening) -> str:
    """Return a screening in lines of at most 100 columns; of wide tables the first columns."""
    model = screen_model(screening)
    most = min(MOST_ROWS, len(model.notices) + len(model.columns))
    return most_that_fit(lambda rows: _text(model, rows), most, TEXT_BYTES)


def left_out(model: ScreenModel, notices: int, kept: int) -> list[str]:
    """Say what a view that shows so many notices and columns leaves out, and where all of it is."""
    told = []
    if notices < model.n_notices:
        told.append(f"showing {notices} of {model.n_notices} notices; all in screening.notices")
    if kept < len(model.columns):
        told.append(f"showing {kept} of {len(model.columns)} columns; all in screening.columns")
    return told


def _text(model: ScreenModel, most: int) -> str:
    """Return the text with so many rows: notices first, then columns."""
    notices = model.notices[:most]
    kept = model.columns[: max(0, most - len(notices))]
    head = [f"{model.title} · {model.shape}", model.rows_are, model.verdict]
    odd = [
        line
        for row in notices
        for line in columns.wrap(f"{row.sign.mark} {row.code}  {row.sentence}", hang=INDENT)
    ]
    fine = [*left_out(model, len(notices), len(kept)), *([f"{CHANGES}:"] if model.dropped else [])]
    fine += [*(f"  {text}" for text in model.dropped), " · ".join(model.legend), model.foot]
    parts = [
        [part for line in head for part in columns.wrap(line, hang=2)],
        odd,
        _table(kept),
        [part for line in fine if line for part in columns.wrap(line, hang=2)],
    ]
    return "\n\n".join("\n".join(part) for part in parts if part)


def _table(rows: tuple[ColumnRow, ...]) -> list[str]:
    if not rows:
        return []
    rest = [
        (
            columns.clip(row.name, NAME),
            columns.clip(row.kind, KIND),
            row.missing,
            columns.clip(", ".join(code for code, _ in row.codes), CODES),
        )
        for row in rows
    ]
    head = ("column", "kind", "missing", "codes" if any(row.codes for row in rows) else "")
    taken = sum(max(map(columns.width, cells)) for cells in zip(head, *rest, strict=True))
    room = max(SUMMARY, columns.WIDTH - taken - GAPS)
    cells = [
        (*first, columns.clip(row.summary, room), codes)
        for row, (*first, codes) in zip(rows, rest, strict=True)
    ]
    return columns.grid((*head[:3], "values", head[3]), cells, right=[2])
