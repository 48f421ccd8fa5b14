"""From a table to its design: columns read, oddities noticed, the files for the tests written."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kosmos_nb.history.records import Notice
from kosmos_nb.inquiry import halving, repeated
from kosmos_nb.inquiry.caveats import rank_of
from kosmos_nb.inquiry.columns import Column, Encoded, Source, write_arrays
from kosmos_nb.inquiry.design import Design
from kosmos_nb.inquiry.encoding import encode
from kosmos_nb.inquiry.frame import read_copy
from kosmos_nb.inquiry.measurement import UNITS, How
from kosmos_nb.inquiry.notices import of_columns, of_copies
from kosmos_nb.inquiry.reading_task import Reading
from kosmos_nb.inquiry.screens import find_unit, look
from kosmos_nb.inquiry.series import Order, Whitened, find_order, whiten
from kosmos_nb.inquiry.series.notices import notices

RANKS = ("blocks", "warns", "notes")
Arrays = dict[str, NDArray[Any]]


def read(reading: Reading) -> tuple[Design, ...]:
    """Read and screen a table, and write the files for its tests.

    Returns:
        The design of the whole table; where the rows are split, that of each half.
    """
    encoded = encode(read_copy(reading.copy), reference=reading.reference, unit=reading.unit)
    links = find_links(encoded, reading)
    if not reading.split:
        return (design(encoded, links, reading, "whole"),)
    parts = halving.halve(encoded, links.units, links.order, seed=reading.seed)
    if isinstance(parts, str):
        whole = design(encoded, links, reading, "whole")
        return (dataclasses.replace(whole, remark=f"exploratory: {parts}"),)
    named = zip(parts, ("first", "second"), strict=True)
    return tuple(design(half, find_links(half, reading), reading, name) for half, name in named)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """What makes rows depend on each other.

    Attributes:
        unit: Column that tells the subjects, empty for none; units: subject of each row.
        order: In which rows follow one another; None where they do not.
        sentences: Why.
    """

    unit: str = ""
    units: NDArray[np.int64] | None = None
    order: Order | None = None
    sentences: tuple[str, ...] = ()

    @property
    def rows_are(self) -> str:
        """All of it as sentences; where there are none, that the rows stand alone."""
        told = [f"{said[:1].upper()}{said[1:].rstrip('.')}." for said in self.sentences]
        return " ".join(told) or "independent, as far as one can see"


def find_links(encoded: Encoded, reading: Reading) -> Links:
    """Return the subjects and the order of the rows, as the user says or as the columns show."""
    columns, arrays, n_rows = encoded.columns, encoded.arrays, encoded.n_rows
    sentences = []
    unit = reading.unit or ""
    if unit:
        sentences.append(f"the rows of one `{unit}` belong to the same subject, as you say")
    else:
        found = find_unit(columns, arrays, n_rows, encoded.labels)
        if found is not None and found.name and found.name in encoded.labels:
            unit = found.name
            sentences.append(found.sentence)
    # Subjects are too many for a category; which row is whose tells the order all the same.
    known = arrays | ({unit: encoded.labels[unit]} if unit and unit not in arrays else {})
    order = find_order(columns, known, n_rows, time=reading.time, unit=unit or None)
    if order is not None and order.needs_whitening:
        sentences.append(order.evidence)
    return Links(
        unit=unit, units=encoded.labels[unit] if unit else None, order=order, sentences=tuple(sentences)
    )


def design(encoded: Encoded, links: Links, reading: Reading, name: str) -> Design:
    """Return how the rows of a table hang together, with its files written.

    Args:
        name: Of the files.
    """
    columns = set_aside(encoded.columns, links.unit)
    arrays = {column.name: encoded.arrays[column.name] for column in columns if column.kind != "unusable"}
    rows = write_arrays(columns, arrays, encoded.n_rows, reading.folder / f"{name}.arrow")
    views: dict[How, Source] = {}
    fixed: frozenset[str] = frozenset()
    order = links.order
    if links.units is not None:
        fixed = repeated.between_subjects(columns, arrays, links.units)
        views |= _subject_views(columns, arrays, links.units, fixed, reading, name)
    whitened: dict[str, Whitened] = {}
    if order is not None and order.needs_whitening:
        whitened = whiten_all(columns, arrays, order)
        innovations = {
            column: whitened[column].values if column in whitened else values[order.rows]
            for column, values in arrays.items()
        }
        if order.segments is not None:
            innovations[UNITS] = order.segments
        path = reading.folder / f"{name}-innovations.arrow"
        views["innovations"] = write_arrays(columns, innovations, len(order.rows), path)
    copies = of_copies(encoded.n_copies, encoded.n_rows + encoded.n_copies)
    return Design(
        rows=rows,
        views=views,
        unit=links.unit,
        fixed=fixed,
        time=_time(order, columns, arrays, reading),
        is_ordered="innovations" in views,
        rows_are=links.rows_are,
        notices=notice(encoded, columns, links, whitened),
        dropped=(*(one.sentence for one in copies), *encoded.dropped, *links.sentences),
    )


def _time(
    order: Order | None, columns: tuple[Column, ...], arrays: Mapping[str, NDArray[Any]], reading: Reading
) -> str:
    """Return the column that is the time of the rows: a date, or one by which they prove to be ordered."""
    if order is None or order.by not in arrays:
        return ""
    is_date = any(column.name == order.by and column.unit == "day" for column in columns)
    return order.by if is_date or order.needs_whitening or reading.time else ""


def set_aside(columns: tuple[Column, ...], unit: str) -> tuple[Column, ...]:
    """Return the columns with the one that names the subjects left out of every test."""
    reason = "it tells which rows belong together"
    return tuple(
        dataclasses.replace(column, kind="unusable", reason=reason, caveats=())
        if column.name == unit
        else column
        for column in columns
    )


def whiten_all(
    columns: tuple[Column, ...], arrays: Mapping[str, NDArray[Any]], order: Order
) -> dict[str, Whitened]:
    """Return what each number could not be told from those before it, for all columns but the time."""
    return {
        column.name: whiten(arrays[column.name][order.rows], order.segments)
        for column in columns
        if column.kind == "numeric" and column.name in arrays and column.name != order.by
    }


def notice(
    encoded: Encoded, columns: tuple[Column, ...], links: Links, whitened: Mapping[str, Whitened]
) -> tuple[Notice, ...]:
    """Return what is odd about a table, the worst first.

    Args:
        encoded: The table. columns: Those to look at, perhaps without the one that names the subjects.
        links: How the rows depend on each other. whitened: The innovations of each number.
    """
    arrays = {column.name: encoded.arrays[column.name] for column in columns if column.name in encoded.arrays}
    copies = of_copies(encoded.n_copies, encoded.n_rows + encoded.n_copies)
    found = [*copies, *of_columns(columns), *look(columns, arrays, encoded.n_rows)]
    if links.order is not None and whitened:
        found += notices(columns, arrays, links.order, whitened)
    if links.unit:
        said = f"repeated measures: the rows of one {links.unit} resemble each other"
        code = "autocorrelation"
        found.append(Notice(code=code, rank=rank_of(code), columns=(), sentence=said))
    return tuple(sorted(found, key=lambda one: RANKS.index(one.rank)))


def _subject_views(
    columns: tuple[Column, ...],
    arrays: Mapping[str, NDArray[Any]],
    units: NDArray[np.int64],
    fixed: frozenset[str],
    reading: Reading,
    name: str,
) -> dict[How, Source]:
    def write(kind: str, columns: tuple[Column, ...], arrays: Mapping[str, NDArray[Any]]) -> Source:
        n_rows = len(next(iter(arrays.values()), ()))
        return write_arrays(columns, arrays, n_rows, reading.folder / f"{name}-{kind}.arrow")

    of_subjects = repeated.without_varying(columns, fixed)
    numbers = repeated.without_categories(columns)
    return {
        "subjects": write("subjects", of_subjects, repeated.by_subject(columns, arrays, units)),
        "contrasts": write("contrasts", numbers, repeated.contrasts(columns, arrays, units)),
        "within": write(
            "within", columns, {**repeated.within(columns, arrays, units), UNITS: units[units >= 0]}
        ),
    }
