"""Times until an event that not every row has seen."""

from __future__ import annotations

import numpy as np

from kosmos_nb.core import units
from kosmos_nb.history.records import Notice
from kosmos_nb.inquiry.columns import Column
from kosmos_nb.inquiry.screens.view import View
from kosmos_nb.inquiry.screens.words import notice, tokens

TIMES = frozenset(
    "time times duration days weeks months survival survtime survival_time tenure stop futime futimes "
    "fup followup lifetime tte ttd os pfs dfs rfs ttf".split()
)
EVENTS = frozenset(
    "event events died dead death deaths deceased mortality churn churned censor censored censors censoring "
    "cens relapse relapsed recurrence recurred fustat failed failure attrition dropout".split()
)
STATES = frozenset("status state delta arrest os pfs dfs rfs".split())
MARKS = (
    {"0", "1"},
    {"1", "2"},
    {"false", "true"},
    {"no", "yes"},
    {"alive", "dead"},
    {"alive", "died"},
    {"alive", "deceased"},
    {"living", "deceased"},
    {"censored", "event"},
    {"censored", "dead"},
    {"censored", "died"},
    {"censored", "relapse"},
    {"censored", "uncensored"},
)
FEWEST_VALUES = 8


def screen(view: View) -> list[Notice]:
    """Notice pairs of a duration and an event, known by their names and values."""
    times = [column for column in view.numeric if _is_time(view, column)]
    notices = []
    for event in view.columns:
        counts = _two_counts(view, event) if _is_event(event) else None
        if counts is None or not times:
            continue
        own = set(tokens(event.name))
        time = max(times, key=lambda column: len(own & set(tokens(column.name))))
        if time.name == event.name:
            continue
        rows = sum(counts)
        sentence = (
            f"`{time.name}` looks like a time until an event that not every row has seen: `{event.name}` is "
            f"{_second(view, event)} in {counts[1]:,} of {rows:,} rows"
        )
        notices.append(notice("censored", [time.name, event.name], sentence, min(counts)))
    return notices


def _is_time(view: View, column: Column) -> bool:
    if not TIMES & {*tokens(column.name), column.name.lower()}:
        return False
    values = view.distinct[column.name][0]
    return len(values) >= FEWEST_VALUES and bool(values[0] >= 0)


def _is_event(column: Column) -> bool:
    words = set(tokens(column.name))
    marks = {level.lower() for level in column.levels}
    has_marks = column.kind == "numeric" or any(marks == known for known in MARKS)
    return bool(words & EVENTS) or (bool(words & STATES) and has_marks)


def _two_counts(view: View, column: Column) -> tuple[int, int] | None:
    """Return the rows of the first and the second level; None unless there are two."""
    values = view.arrays[column.name]
    present = values[~np.isnan(values)] if column.kind == "numeric" else values[values >= 0]
    kinds, counts = np.unique(present[: view.n_rows], return_counts=True)
    if len(kinds) != 2 or (column.kind == "numeric" and tuple(kinds) not in ((0, 1), (1, 2))):
        return None
    return int(counts[0]), int(counts[1])


def _second(view: View, column: Column) -> str:
    if column.levels:
        return repr(column.levels[1])
    return units.number(float(np.nanmax(view.arrays[column.name])))
