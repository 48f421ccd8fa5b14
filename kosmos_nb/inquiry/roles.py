"""Whether a column can be what a question makes of it: subjects, time, held fixed, compared with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from kosmos_nb.core import ResearchError
from kosmos_nb.inquiry.encoding import FEWEST_UNITS, labels_of, place_of
from kosmos_nb.inquiry.naming import nearest
from kosmos_nb.inquiry.question import Question
from kosmos_nb.inquiry.reading import RARE_ROWS, read_column

if TYPE_CHECKING:
    import pyarrow as pa

MOST_NAMED = 8


def check_roles(table: pa.Table, question: Question, *, data_name: str) -> None:
    """Raise a ResearchError where a column cannot serve as what the question says it is.

    Args:
        table: Without the columns to ignore.
        question: Its columns are there. data_name: What the user calls the table.
    """
    if question.unit is not None:
        _check_unit(question.unit, table.column(question.unit))
    if question.time is not None:
        _check_time(question.time, table.column(question.time), data_name)
    for name in question.control:
        column, _ = read_column(name, table.column(name))
        if column.kind == "unusable":
            raise ResearchError(f"The control {name!r} cannot be held fixed: {column.reason}.")
    if question.reference is not None:
        _check_reference(question.reference, table, data_name)


def _check_unit(name: str, values: pa.ChunkedArray) -> None:
    import pyarrow as pa  # noqa: PLC0415 - only a run pays for it

    codes = labels_of(values, is_unit=True)
    if codes is None:
        kind = values.type
        what = (
            "decimals"
            if pa.types.is_floating(kind)
            else "dates or times"
            if pa.types.is_temporal(kind)
            else kind
        )
        why = f"it holds {what}, and subjects are named by text or whole numbers"
        raise ResearchError(f"The unit {name!r} does not tell subjects: {why}.")
    rows = np.bincount(codes[codes >= 0])
    if len(rows) < FEWEST_UNITS:
        why = f"that takes {FEWEST_UNITS} different values or more, and it has {len(rows)}"
        raise ResearchError(f"The unit {name!r} does not tell subjects: {why}.")
    if rows.max() < 2:
        raise ResearchError(f"The unit {name!r} does not tell subjects: each of its values has one row only.")


def _check_time(name: str, values: pa.ChunkedArray, data_name: str) -> None:
    import pyarrow as pa  # noqa: PLC0415 - as above

    kind = values.type
    is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    if is_text or (pa.types.is_dictionary(kind) and not kind.ordered):
        raise ResearchError(
            f"The time {name!r} is text, which has no order in time. Make dates or numbers of it first: "
            f"{data_name}[{name!r}] = pd.to_datetime({data_name}[{name!r}])."
        )
    column, _ = read_column(name, values)
    if column.kind == "unusable" and "id_like" not in column.caveats:  # what numbers the rows is their time
        raise ResearchError(f"The time {name!r} cannot order the rows: {column.reason}.")


def _check_reference(reference: str, table: pa.Table, data_name: str) -> None:
    read = (read_column(name, values) for name, values in _leveled(table))
    columns = [column for column, _ in read if column.kind == "category"]
    if any(place_of(reference, column) is not None for column in columns):
        return
    owner, _, level = reference.partition("=")
    own = [column for column in columns if level and column.name == owner]
    level = level if own else reference
    for column in own or columns:
        if "rare_levels" in column.caveats and level in map(
            str, table.column(column.name).unique().to_pylist()
        ):
            why = f"fewer than {RARE_ROWS} rows, too few to compare others with"
            raise ResearchError(f"The level {level!r} of {column.name!r} has {why}.")
    known = list(dict.fromkeys(level for column in own or columns for level in column.levels))
    where = f"The column {owner!r}" if own else f"No column of {data_name}"
    raise ResearchError(f"{where} has {'no' if own else 'a'} level {level!r}. {_hint(level, known)}")


def _leveled(table: pa.Table) -> Iterable[tuple[str, pa.ChunkedArray]]:
    """Return the columns that may have levels: no decimals, dates or times."""
    import pyarrow as pa  # noqa: PLC0415 - as above

    for name, values in zip(table.column_names, table.columns, strict=True):
        if not (pa.types.is_floating(values.type) or pa.types.is_temporal(values.type)):
            yield name, values


def _hint(level: str, known: list[str]) -> str:
    near = nearest(level, known)
    if near:
        return f"Did you mean {near!r}?"
    more = " …" if len(known) > MOST_NAMED else ""
    return f"There is {', '.join(known[:MOST_NAMED])}{more}." if known else "There are no levels."
