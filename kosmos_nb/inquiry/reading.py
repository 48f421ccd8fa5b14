"""One column: what it holds, decided from its types and values alone, before any outcome is looked at."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kosmos_nb.inquiry.columns import Column
from kosmos_nb.inquiry.units import unit_of

if TYPE_CHECKING:
    import pyarrow as pa

RARE_ROWS = 5
MOST_LEVELS = 50
ID_SHARE = 0.95
MANY_VALUES = 20
SAMPLE = 2_000
GLIMPSE = 50
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
DATE = re.compile(r"\d{4}([-/.])\d{1,2}\1\d{1,2}([T ]\d{1,2}:\d{2}.*)?|\d{1,2}([-/.])\d{1,2}\3\d{2,4}")
US_PER_S, S_PER_DAY = 1e6, 86_400


def read_column(name: str, values: pa.ChunkedArray) -> tuple[Column, NDArray[Any] | None]:
    """Describe a column; one that Arrow cannot read is unusable and never ends the run."""
    import pyarrow as pa  # noqa: PLC0415

    try:
        return _describe(name, values)
    except pa.ArrowException as error:
        return Column(name, "unusable", reason=f"it cannot be read: {str(error).splitlines()[0]}"), None


def _describe(name: str, values: pa.ChunkedArray) -> tuple[Column, NDArray[Any] | None]:
    import pyarrow as pa  # noqa: PLC0415

    kind = values.type
    if values.null_count == len(values):
        return Column(name, "unusable", reason="all values are missing", missing=len(values)), None
    if pa.types.is_boolean(kind):
        return _category(name, values.cast(pa.string()), ordered=["false", "true"])
    if pa.types.is_dictionary(kind):
        ordered = _dictionary_order(values) if kind.ordered else None
        return _category(name, values.cast(kind.value_type).cast(pa.string()), ordered=ordered)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return _category(name, values)
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind) or pa.types.is_duration(kind):
        return _moments(name, values)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _numeric(name, values)
    return Column(name, "unusable", reason=f"values of type {kind} are not tested"), None


def _moments(name: str, values: pa.ChunkedArray) -> tuple[Column, NDArray[Any] | None]:
    """Describe dates and times as days, spans of time as seconds."""
    import pyarrow as pa  # noqa: PLC0415

    is_span = pa.types.is_duration(values.type)
    exact = values.cast(pa.duration("us") if is_span else pa.timestamp("us"), safe=False)
    numbers = exact.cast(pa.int64()).cast(pa.float64(), safe=False)
    scale = US_PER_S if is_span else US_PER_S * S_PER_DAY
    column, moments = _numeric(name, numbers)
    if moments is None:
        return column, None
    return replace(column, unit="s" if is_span else "day"), moments / scale


def _numeric(name: str, values: pa.ChunkedArray) -> tuple[Column, NDArray[Any] | None]:
    import pyarrow as pa  # noqa: PLC0415

    is_integer = pa.types.is_integer(values.type)
    missing = int(values.null_count)
    numbers: NDArray[np.float64] = values.cast(pa.float64(), safe=False).to_numpy().astype(np.float64)
    infinite = int(np.isinf(numbers).sum())
    caveats: tuple[str, ...] = ()
    reason = ""
    if infinite:
        numbers = np.where(np.isinf(numbers), np.nan, numbers)
        caveats = (*caveats, "non_finite")
        reason = f"{_count(infinite, 'infinite value')} {'counts' if infinite == 1 else 'count'} as missing"
    missing = int(np.isnan(numbers).sum())
    present = numbers[~np.isnan(numbers)]
    distinct = np.unique(present[:SAMPLE])
    if len(distinct) <= MANY_VALUES:  # the rest may hold more
        distinct = np.unique(present)
    if len(distinct) == 0:
        few = "infinite" if infinite == len(numbers) else "missing or infinite" if infinite else "missing"
        return Column(name, "unusable", (), caveats, f"all values are {few}", missing), None
    if len(distinct) == 1:
        return Column(
            name, "unusable", caveats=("constant",), reason="it has one value only", missing=missing
        ), None
    if is_integer and len(distinct) == 2:
        ascending = sorted(value for value in values.unique().to_pylist() if value is not None)
        return _category(name, values.cast(pa.string()), ordered=[str(value) for value in ascending])
    if is_integer and not missing and len(present) > 20 and _is_row_number(present):
        return Column(
            name, "unusable", caveats=("id_like",), reason="it numbers the rows: looks like an id"
        ), None
    is_continuous = len(distinct) > MANY_VALUES
    if is_continuous and _follows_the_rows(present):
        caveats = (*caveats, "order")
    return Column(name, "numeric", (), caveats, reason, missing, is_continuous, unit_of(name)), numbers


def _is_row_number(values: NDArray[np.float64]) -> bool:
    """Whether the values count the rows, from 0 or 1 or down to them."""
    steps = np.diff(values)
    return bool(values.min() in (0, 1) and (np.all(steps == 1) or np.all(steps == -1)))


def _follows_the_rows(values: NDArray[np.float64]) -> bool:
    steps = np.diff(values)
    return bool(np.all(steps >= 0) or np.all(steps <= 0))


def _category(
    name: str, values: pa.ChunkedArray, ordered: list[str] | None = None
) -> tuple[Column, NDArray[Any] | None]:
    import pyarrow as pa  # noqa: PLC0415

    encoded = values.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    labels = list(map(_visible, encoded.dictionary.to_pylist()))
    raw: NDArray[np.int64] = encoded.indices.fill_null(-1).to_numpy().astype(np.int64)
    counts = np.bincount(raw[raw >= 0], minlength=len(labels))
    present, missing = int(counts.sum()), int((raw < 0).sum())
    if len(labels) == 1:
        return Column(
            name, "unusable", caveats=("constant",), reason="it has one value only", missing=missing
        ), None
    if present > 20 and len(labels) / present > ID_SHARE:
        return Column(
            name, "unusable", caveats=("id_like",), missing=missing,
            reason=f"{len(labels):,} different values in {present:,} rows: looks like an id{_advice(labels)}",
        ), None  # fmt: skip
    common = int(np.sum(counts >= RARE_ROWS))
    if common > MOST_LEVELS:
        reason = f"it has {common:,} levels, more than {MOST_LEVELS}{_advice(labels)}"
        return Column(name, "unusable", missing=missing, reason=reason), None
    return _grouped(name, labels, raw, counts, missing, ordered)


def _grouped(
    name: str,
    labels: list[str],
    raw: NDArray[np.int64],
    counts: NDArray[np.int64],
    missing: int,
    ordered: list[str] | None,
) -> tuple[Column, NDArray[Any] | None]:
    """Merge rare levels and number the rest in the order in which they are compared."""
    rank = {label: position for position, label in enumerate(ordered or sorted(labels, key=_natural))}
    common = [label for label, rows in zip(labels, counts, strict=True) if rows >= RARE_ROWS]
    rare = [label for label, rows in zip(labels, counts, strict=True) if rows < RARE_ROWS]
    rare_rows = int(counts[counts < RARE_ROWS].sum())
    levels = sorted(common, key=lambda label: rank[label])
    caveats: tuple[str, ...] = ()
    reason = ""
    if rare:
        caveats = ("rare_levels",)
        merged = rare_rows >= RARE_ROWS and len(rare) > 1
        other = "other" if "other" not in levels else "(other)"
        levels += [other] if merged else []
        fate = f"merged into {other!r}" if merged else "left out"
        reason = f"{_count(len(rare), 'level')} with fewer than {RARE_ROWS} rows ({rare_rows:,} rows) {fate}"
    if len(levels) < 2:
        return Column(
            name, "unusable", caveats=("few_per_level",), missing=missing,
            reason=f"fewer than two levels of {len(labels):,} have {RARE_ROWS} rows or more{_advice(labels)}",
        ), None  # fmt: skip
    code = {label: position for position, label in enumerate(levels)}
    fallback = code[levels[-1]] if rare and levels[-1] not in common else -1
    lookup = np.array([code.get(label, fallback) for label in labels] + [-1], dtype=np.int32)
    return Column(name, "category", tuple(levels), caveats, reason, missing), lookup[raw]


def _visible(label: str) -> str:
    """Return the label; one of nothing but spaces in quotes."""
    return label if label.strip() else repr(label)


def _advice(labels: list[str]) -> str:
    """Say what to do where texts are numbers or dates; nothing where they are neither."""
    few = labels[:GLIMPSE]
    for form, what, how in ((NUMBER, "numbers", "pd.to_numeric"), (DATE, "dates", "pd.to_datetime")):
        if all(form.fullmatch(label.strip()) for label in few):
            return f"; its texts are {what}: {how} makes {what} of them"
    return ""


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _dictionary_order(values: pa.ChunkedArray) -> list[str]:
    import pyarrow as pa  # noqa: PLC0415

    order: list[str] = values.chunk(0).dictionary.cast(pa.string()).to_pylist()
    return list(map(_visible, order))


def _natural(label: str) -> list[tuple[int, float, str]]:
    """Sort key that puts `level 2` before `level 10`."""
    parts = re.split(r"(\d+(?:\.\d+)?)", label)
    return [(0, float(part), "") if index % 2 else (1, 0.0, part) for index, part in enumerate(parts) if part]
