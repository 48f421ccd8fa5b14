"""What the live board is told: a small head with every picture, rows only when they change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kosmos_nb.core import units
from kosmos_nb.history import RunSnapshot
from kosmos_nb.reporters import (
    RUN_WIDGET_BYTES,
    URGENCY,
    RunModel,
    RunRow,
    clean,
    most_that_fit,
    run_model,
    saved_bytes,
    shown,
)

MOST_ROWS = 200
STATEMENT_CHARACTERS = 120
REASON_CHARACTERS = 200
FIXED_BYTES = 20_000  # script, style sheet and ipywidgets' own state; a test holds them to it

Row = list[Any]


class BoardState:
    """Turns pictures of a run into the changes that the board's front end needs.

    `rows` is a base and `news` the rows that differ from it; together they are the whole
    board, so that a view opened late sees everything while a tick stays small. When the news
    have grown to a quarter of the base they are folded into it.
    """

    def __init__(self) -> None:
        self._rows: dict[str, Row] = {}
        self._news: dict[str, Row] = {}

    def changes(self, snapshot: RunSnapshot) -> dict[str, Any]:
        """Return the new values of the board's traits, by name."""
        model = run_model(snapshot, MOST_ROWS, urgent_first=True)
        rows = self._kept(model)
        changed = {key: row for key, row in rows.items() if self._rows.get(key) != row}
        head = _head(model, snapshot.seq, list(rows))
        if len(changed) * 4 <= len(rows) and model.running:
            self._news = changed
            return {"head": head, "news": changed}
        self._rows, self._news = rows, {}
        return {"head": head, "rows": rows, "news": {}}

    @staticmethod
    def _kept(model: RunModel) -> dict[str, Row]:
        """Return the rows that fit, in their order; running and failed ones are left out last."""
        rows = [(row.id, _row(row)) for row in model.rows]
        by_need = sorted(range(len(rows)), key=lambda i: (_urgency(model.rows[i]), i))

        def build(most: int) -> dict[str, Row]:
            return dict(rows[i] for i in sorted(by_need[:most]))

        head_bytes = saved_bytes(_head(model, 0, []))
        room = RUN_WIDGET_BYTES - FIXED_BYTES - head_bytes
        # While the run goes on a row may be in the base and in the news.
        return most_that_fit(build, len(rows), room * 3 // 4 if model.running else room)


def _urgency(row: RunRow) -> int:
    return URGENCY.get(row.state, len(URGENCY))


def _row(row: RunRow) -> Row:
    """Return a row in the order of FIELDS in static/board.js."""
    return [
        row.id,
        clean(row.statement, STATEMENT_CHARACTERS),
        row.state,
        row.key,
        row.group,
        row.sign.tone,
        f"{row.sign.mark} {row.sign.word}",
        row.in_doubt,
        None if row.elapsed_s is None else round(row.elapsed_s, 1),
        _rounded(row.effect),
        _rounded(row.low),
        _rounded(row.high),
        _rounded(row.smallest),
        f"{row.effect_text} {row.interval_text}".strip(),
        row.raw_text,
        row.p_adj,
        row.p,
        units.count(row.n) if row.n else "",
        ", ".join(row.caveats),
        clean(row.reason, REASON_CHARACTERS),
    ]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _head(model: RunModel, seq: int, order: list[str]) -> Mapping[str, Any]:
    grouped = model.groups[0] != model.groups[1]
    return {
        "seq": seq,
        "question": model.question,
        "answer": model.answer,
        "error": model.error,
        "data": model.data,
        "status": model.status,
        "running": model.running,
        "done": model.done,
        "total": model.total,
        "counts": [list(count) for count in model.counts],
        "groups": list(model.groups) if grouped else [],
        "order": order,
        "shown": shown(model, len(order)),
        "legend": " · ".join(model.legend),
        "caveats": [list(pair) for pair in model.caveats],
        "notes": list(model.notes),
        "cost": "cost: " + " · ".join(f"{name} {value}" for name, value in model.cost),
        "foot": " · ".join(model.foot),
        "heard": False,
    }
