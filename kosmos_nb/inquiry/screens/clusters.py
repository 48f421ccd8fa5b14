"""The column that names subjects with several rows each: repeated measures, clustered samples.

Rows of one subject are not independent. A subject is told from an ordinary factor (species, arm,
month) by what comes with it: other columns are constant within it, its name says so, and its
rows resemble one another.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kosmos_nb.core import units
from kosmos_nb.inquiry.columns import Column
from kosmos_nb.inquiry.screens.determined import ends
from kosmos_nb.inquiry.screens.view import Floats, Ints, View, view
from kosmos_nb.inquiry.screens.words import quoted, tokens

UNITS = frozenset(
    "id ids pid sid uid subj subject patient participant person respondent individual case student "
    "pupil teacher school classroom class site clinic hospital ward doctor physician therapist animal "
    "mouse rat dog litter nest hive cage pen herd farm plot tree batch cluster unit user customer "
    "client member worker employee player team driver country state city town village county district "
    "municipality province neighborhood firm company bank store shop household family couple dyad twin "
    "mother rater judge device sensor station machine vehicle".split()
)
FACTORS = frozenset(
    "year month day date week weekday hour minute quarter season time period wave visit session trial "
    "round decade dose treatment trt arm group condition drug diet species variety genotype origin sex "
    "gender".split()
)
AMOUNTS = frozenset("n num count total mean median sum per rate share pct size age income".split())
KEYS = frozenset("id ids no nr num number code key idx index name".split())

FEWEST_UNITS, FEWEST_ROWS = 6, 2.0
FEWEST_UNNAMED, FEWEST_NESTED_UNNAMED = 10, 2
# log10 of the chance that a column were constant within units by accident: named, and not.
CHANCE_NAMED, CHANCE_UNNAMED = -3.0, -7.0
SMALL_P, LEAST_ICC = 1e-4, 0.1
GLIMPSE_ROWS = 2_000


@dataclass(frozen=True, slots=True)
class Unit:
    """What the rows are repeated measures of.

    Attributes:
        name: Column.
        n_units: Number of units with a row.
        rows_per_unit: Mean number of rows.
        nested: Columns that are constant within each unit and vary between units.
        sentence: The same in plain words.
    """

    name: str
    n_units: int
    rows_per_unit: float
    nested: tuple[str, ...]
    sentence: str


def find_unit(
    columns: Sequence[Column],
    arrays: Mapping[str, NDArray[Any]],
    n_rows: int,
    labels: Mapping[str, NDArray[np.int64]] | None = None,
) -> Unit | None:
    """Return the column whose levels the rows are clustered in, or None.

    Args:
        columns, arrays, n_rows: As `columns.encode` gives them.
        labels: Integer codes of every text or integer column, shape (n_rows,), missing -1, also of
            those that are not usable as categories. Category columns are candidates without.

    Of several, the one with most columns nested in it is taken, then the one with most units.
    """
    table = view(columns, arrays, n_rows)
    best: tuple[tuple[int, int], Unit] | None = None
    for name, codes in _candidates(table, labels or {}).items():
        unit = _judge(table, name, codes)
        if unit is not None:
            key = (len(unit.nested), unit.n_units)
            if best is None or key > best[0]:
                best = key, unit
    return best[1] if best else None


def _candidates(table: View, labels: Mapping[str, NDArray[np.int64]]) -> dict[str, Ints]:
    found = {column.name: table.arrays[column.name].astype(np.int64) for column in table.categories}
    found.update({name: np.asarray(codes, dtype=np.int64) for name, codes in labels.items()})
    return {name: codes for name, codes in found.items() if not FACTORS & set(tokens(name))}


def _judge(table: View, name: str, codes: Ints) -> Unit | None:
    sizes = np.bincount(codes[codes >= 0]) if np.any(codes >= 0) else np.zeros(0, dtype=np.int64)
    n_units = int(np.count_nonzero(sizes))
    if n_units < FEWEST_UNITS or sizes.sum() / n_units < FEWEST_ROWS:
        return None
    is_number = any(column.name == name for column in table.numeric)
    is_named = _names_units(name, is_number=is_number)
    if not is_named and (is_number or n_units < FEWEST_UNNAMED):
        return None
    nested = _nested(table, name, codes, sizes, CHANCE_NAMED if is_named else CHANCE_UNNAMED)
    least = 1 if is_named else FEWEST_NESTED_UNNAMED
    alike = () if len(nested) >= least or not is_named else _alike(table, name, codes)
    if len(nested) < least and not alike:
        return None
    rows = float(sizes.sum() / n_units)
    start = f"the rows are {n_units:,} levels of `{name}` with {units.number(rows, 3)} rows each on average"
    if len(nested) >= least:
        why = f"{quoted(nested)} {'is' if len(nested) == 1 else 'are'} constant within each"
    else:
        nested = ()
        why = f"rows of one level resemble one another in {quoted(alike)}"
    return Unit(name, n_units, rows, nested, f"{start}, not independent: {why}")


def _names_units(name: str, *, is_number: bool) -> bool:
    """Whether the name is of units: `patient`, `PatientID`, `school_no`.

    A number named by more than that (`patient_age`, `cost_per_person`) is a measure of the unit.
    """
    words = tokens(name)
    if not UNITS & set(words):
        return False
    if not is_number:
        return not AMOUNTS & set(words)
    return all(word in UNITS | KEYS for word in words) and not {"n", "num"} & set(words[:1])


def _nested(table: View, name: str, codes: Ints, sizes: Ints, chance: float) -> tuple[str, ...]:
    """Return the columns that are constant within units: first in some units, then in all."""
    others = [column for column in table.columns if column.name != name]
    rows = _rows_of_some(codes, sizes)
    if not others or len(rows) == 0:
        return ()
    side = table.stack([column.name for column in others], rows)
    order = np.argsort(codes[rows], kind="stable")
    starts = np.flatnonzero(np.concatenate(([True], np.diff(codes[rows][order]) != 0)))
    low = np.fmin.reduceat(side[order], starts, axis=0)
    high = np.fmax.reduceat(side[order], starts, axis=0)
    hopeful = ~np.any(low != high, axis=0, where=~np.isnan(low)) & ~np.all(np.isnan(low), axis=0)
    units = np.where(codes >= 0, codes, np.nan).astype(np.float64)
    found = []
    for at in np.flatnonzero(hopeful):
        ended = ends(units, table.column(others[at].name))
        if ended is None or not np.all(ended.low == ended.high) or not 0 < ended.commonest < 1:
            continue
        # A second name of the same units is no evidence that they are units.
        is_renaming = others[at].kind == "category" and len(np.unique(ended.low)) == len(ended.low)
        if not is_renaming and float(np.sum(ended.rows - 1)) * math.log10(ended.commonest) < chance:
            found.append(others[at].name)
    return tuple(found)


def _rows_of_some(codes: Ints, sizes: Ints) -> Ints:
    """Return about 2,000 rows at most, of two units or more, of units spread over all of them."""
    several = np.flatnonzero(sizes >= FEWEST_ROWS)
    if len(several) == 0:
        return np.zeros(0, dtype=np.int64)
    wanted = max(2, min(len(several), int(GLIMPSE_ROWS / sizes[several].mean())))
    chosen = np.zeros(len(sizes) + 1, dtype=bool)  # the last place is for the missing, -1
    chosen[several[np.linspace(0, len(several) - 1, wanted).astype(np.int64)]] = True
    rows: Ints = np.flatnonzero(chosen[codes])
    return rows[:: max(1, len(rows) // GLIMPSE_ROWS)]


def _alike(table: View, name: str, codes: Ints) -> tuple[str, ...]:
    """Return the continuous columns in which units differ, if these are half of them or more.

    One column is enough where there is only one.
    """
    measures = [column.name for column in table.numeric if column.is_continuous and column.name != name]
    rows = table.rows
    alike = [
        measure for measure in measures if _resemble(codes[rows], np.asarray(table.arrays[measure][rows]))
    ]
    enough = max(min(2, len(measures)), math.ceil(len(measures) / 2))
    return tuple(alike) if alike and len(alike) >= enough else ()


def _resemble(codes: Ints, values: Floats) -> bool:
    """Whether rows of one unit are alike: intraclass correlation 0.1 or more, p below 1e-4, by ranks.

    Source: one-way analysis of variance; Shrout and Fleiss, Psychological Bulletin 86 (1979), ICC(1).
    """
    from scipy import special  # noqa: PLC0415 - the kernel's process starts without it

    both = (codes >= 0) & ~np.isnan(values)
    codes, ranks = codes[both], np.argsort(np.argsort(values[both])).astype(np.float64)
    sizes = np.bincount(codes) if len(codes) else np.zeros(0, dtype=np.int64)
    present = sizes > 0
    n, k = len(codes), int(present.sum())
    if k < FEWEST_UNITS or n - k < FEWEST_UNITS:
        return False
    ranks -= ranks.mean()
    sums = np.bincount(codes, weights=ranks)[present]
    between = float(np.sum(sums**2 / sizes[present]))
    within = float(ranks @ ranks) - between
    if within <= 0:
        return True
    mean_between, mean_within = between / (k - 1), within / (n - k)
    typical = (n - float(np.sum(sizes[present].astype(np.float64) ** 2)) / n) / (k - 1)
    icc = (mean_between - mean_within) / (mean_between + (typical - 1) * mean_within)
    p = float(special.fdtrc(k - 1, n - k, mean_between / mean_within))
    return p < SMALL_P and icc >= LEAST_ICC
