"""What is odd about a table, found before any hypothesis is tested.

Every screen looks at columns, never at a relation that a hypothesis could be about: a copy, a
cut or a total is odd whatever the outcome. Statistics are taken from at most 20,000 rows; what
they find between columns is then checked on all of them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kosmos_nb.history.records import Notice
from kosmos_nb.inquiry.columns import Column
from kosmos_nb.inquiry.screens import (
    censored,
    combinations,
    copies,
    counts,
    determined,
    gaps,
    levels,
    sentinel,
    tails,
    zeros,
)
from kosmos_nb.inquiry.screens.clusters import Unit, find_unit
from kosmos_nb.inquiry.screens.sketch import sketch
from kosmos_nb.inquiry.screens.view import view

__all__ = ["Unit", "find_unit", "look", "sketch"]

RANKS = ("blocks", "warns", "notes")


@np.errstate(all="ignore")  # the numbers may be as large as floats go
def look(
    columns: Sequence[Column],
    arrays: Mapping[str, NDArray[Any]],
    n_rows: int,
    *,
    ignore_pairs: Collection[frozenset[str]] = (),
) -> tuple[Notice, ...]:
    """Return what is odd, the worst first.

    Args:
        columns, arrays, n_rows: As `columns.encode` gives them; the arrays have shape (n_rows,).
        ignore_pairs: Pairs of names whose relation the user knows: notices on just those two are left out.

    Returns:
        Notices. One of a single column concerns it in every relation, one of several columns
        concerns the relations among them.
    """
    table = view(columns, arrays, n_rows)
    codes = sentinel.find(table)
    twice = copies.find(table)
    made_up, exact = combinations.screen(table, twice.spare, codes)
    found = [
        *twice.notices,
        *determined.screen(table, twice.pairs | exact),
        *made_up,
        *sentinel.screen(table, codes),
        *censored.screen(table),
        *gaps.screen(table, columns),
        *tails.screen(table, codes),
        *levels.screen(table),
        *zeros.screen(table),
        *counts.screen(table),
    ]
    ignored = {frozenset(pair) for pair in ignore_pairs}
    return tuple(
        sorted(
            (notice for notice in found if frozenset(notice.columns) not in ignored),
            key=lambda notice: RANKS.index(notice.rank),
        )
    )
