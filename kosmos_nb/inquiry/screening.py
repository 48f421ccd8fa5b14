"""A first look at a table: what its columns are and what is odd about them, before any hypothesis."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from kosmos_nb.core import Clock, SystemClock
from kosmos_nb.history.records import ColumnSketch, Notice, Screening
from kosmos_nb.inquiry import survey
from kosmos_nb.inquiry.encoding import encode
from kosmos_nb.inquiry.frame import as_table
from kosmos_nb.inquiry.naming import check_columns, columns_of
from kosmos_nb.inquiry.question import Question
from kosmos_nb.inquiry.reading_task import Reading
from kosmos_nb.inquiry.roles import check_roles
from kosmos_nb.inquiry.screens import sketch


def screen(
    data: object, *, name: str, unit: str | None = None, time: str | None = None, clock: Clock | None = None
) -> Screening:
    """Look at a table.

    Args:
        data: pandas or polars DataFrame, or Arrow table.
        name: What the user calls it.
        unit, time: Columns that tell which rows belong together, and their order.

    Raises:
        ResearchError: It is no table, has no such column, or the column cannot serve.
    """
    clock = clock or SystemClock()
    begun_s = clock.monotonic_s()
    table, left_out = as_table(data, name=name)
    asked = check_columns(
        Question(unit=unit, time=time), table.column_names, left_out=left_out, data_name=name
    )
    check_roles(table, asked, data_name=name)
    encoded = encode(table, unit=asked.unit)
    links = survey.find_links(encoded, Reading(copy=Path(), folder=Path(), unit=asked.unit, time=asked.time))
    order = links.order if links.order is not None and links.order.needs_whitening else None
    whitened = survey.whiten_all(encoded.columns, encoded.arrays, order) if order is not None else {}
    notices = survey.notice(encoded, encoded.columns, links, whitened)
    said = {one.sentence for one in notices}
    sketches = {one.name: one for one in sketch(encoded.columns, encoded.arrays)}
    given = columns_of(data, data_name=name)
    return Screening(
        data_name=name,
        n_rows=table.num_rows,
        n_columns=len(given),
        rows_are=links.rows_are,
        columns=tuple(_told(sketches.get(column) or _unread(column, left_out), notices) for column in given),
        notices=notices,
        dropped=(*left_out, *(change for change in encoded.dropped if change not in said)),
        wall_s=clock.monotonic_s() - begun_s,
    )


def _unread(name: str, left_out: Sequence[str]) -> ColumnSketch:
    """Return the sketch of a column that Arrow cannot hold."""
    why = next((reason for reason in left_out if reason.startswith(f"{name}: ")), "")
    return ColumnSketch(name=name, kind="unusable", missing=0, summary=why.removeprefix(f"{name}: "))


def _told(sketched: ColumnSketch, notices: Sequence[Notice]) -> ColumnSketch:
    """Return the sketch with the codes of all notices that name the column."""
    codes = (notice.code for notice in notices if sketched.name in notice.columns)
    return dataclasses.replace(sketched, codes=tuple(dict.fromkeys(codes)))
