"""Which test goes with which family, on arrays mapped from the run's files."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kosmos_nb.history.records import Family
from kosmos_nb.inquiry import (
    aligned,
    association,
    categories,
    conditional,
    groups,
    interaction,
    nonmonotone,
    spread,
    survival,
)
from kosmos_nb.inquiry.blocks import Block
from kosmos_nb.inquiry.columns import Column
from kosmos_nb.inquiry.frame import read_copy
from kosmos_nb.inquiry.measurement import UNITS, Answer, Found, Measurement, Test, Untestable, smallest_of
from kosmos_nb.inquiry.ranks import Rows, Sorted, sort
from kosmos_nb.inquiry.series import lag, trend
from kosmos_nb.inquiry.series.shifts import shifted_p
from kosmos_nb.inquiry.stress import concerns, examine
from kosmos_nb.inquiry.stress_task import Ordeal, Stressed
from kosmos_nb.inquiry.units import slope_unit
from kosmos_nb.inquiry.variables import Variable

LAGS = 5
MOST_ROWS_OF_A_SHAPE, MOST_ROWS_OF_THREE = 5_000, 10_000


@functools.lru_cache(maxsize=8)
def _table(path: str) -> pa.Table:
    return read_copy(Path(path))


def _values(path: str, name: str) -> NDArray[Any]:
    values: NDArray[Any] = _table(path).column(name).chunk(0).to_numpy(zero_copy_only=True)
    return values


@functools.lru_cache(maxsize=256)
def _order(path: str, name: str) -> tuple[Rows, Rows]:
    kept = _order_file(Path(path), name)
    if kept.exists():
        order, block = np.asarray(np.load(kept, mmap_mode="r"))
        return order, block
    made = sort(_values(path, name))
    return made.order, made.block


def _sorted(path: str, name: str) -> Sorted:
    return Sorted(*_order(path, name))


@functools.lru_cache(maxsize=1)
def _held(path: str, name: str) -> Sorted:
    """Return the same for tests that follow one another: what one computes serves the next."""
    return _sorted(path, name)


def _order_file(path: Path, name: str) -> Path:
    return path.parent / f"{path.stem}-order-{_table(str(path)).column_names.index(name)}.npy"


def prepare(path: Path, names: tuple[str, ...]) -> None:
    """Sort numeric columns and keep their orders beside the data."""
    _forget_other_runs(path.parent)
    for name in names:
        ordered = sort(_values(str(path), name))
        unfinished = _order_file(path, name).with_suffix(".part.npy")
        np.save(unfinished, np.stack([ordered.order, ordered.block]))
        unfinished.rename(_order_file(path, name))


def measure(block: Block) -> tuple[Answer, ...]:
    """Carry out the tests of a block; return what each measured, in their order, also as JSON."""
    _forget_other_runs(Path(block.tests[0].path).parent)
    found: dict[str, Found] = {}
    whole = [test for test in block.tests if test.hypothesis.family == "association" and _is_whole(test)]
    if whole:
        found |= zip((test.hypothesis.id for test in whole), _associations(whole), strict=True)
    for test in block.tests:
        if test.hypothesis.id not in found:
            found[test.hypothesis.id] = _one(test)
    in_order = (found[test.hypothesis.id] for test in block.tests)
    return tuple((one, one.to_json() if isinstance(one, Measurement) else None) for one in in_order)


def stress(ordeal: Ordeal, columns: tuple[Column, ...]) -> Stressed:
    """Stress a finding; `columns` are those of the table."""
    test = ordeal.test
    named = {test.x.name, test.y.name, *(column.name for column in test.given)}
    others = [
        _variable(test.path, column)
        for column in columns
        if column.kind != "unusable" and column.name not in named
    ]
    x, y = _variable(test.path, test.x), _variable(test.path, test.y)
    found = examine(test.hypothesis.family, x, y, others, seed=test.seed)
    codes, sentences = concerns(ordeal.measured, found, smallest_of(ordeal.measured.metric, ordeal.smallest))
    return Stressed(codes=codes, sentences=sentences)


_folder = Path()


def _forget_other_runs(folder: Path) -> None:
    """Let go of the files of the run before, which may be deleted and would stay mapped."""
    global _folder
    if folder != _folder:
        _table.cache_clear()
        _order.cache_clear()
        _held.cache_clear()
        _is_full.cache_clear()
        _folder = folder


@functools.lru_cache(maxsize=4096)
def _is_full(path: str, name: str) -> bool:
    """Whether a numeric column has no missing value and varies."""
    column = _sorted(path, name)
    return len(column.order) == _table(path).num_rows and column.odd_rows() > 0


def _is_whole(test: Test) -> bool:
    return _is_full(test.path, test.x.name) and _is_full(test.path, test.y.name)


def _associations(tests: list[Test]) -> list[Found]:
    path = tests[0].path
    xs = list(dict.fromkeys(test.x.name for test in tests))
    ys = list(dict.fromkeys(test.y.name for test in tests))
    place_x = {name: i for i, name in enumerate(xs)}
    place_y = {name: i for i, name in enumerate(ys)}
    return association.measure_block(
        [_values(path, name) for name in xs],
        [_values(path, name) for name in ys],
        (_sorted(path, name) for name in xs),
        (_sorted(path, name) for name in ys),
        [(place_x[test.x.name], place_y[test.y.name], _slope_unit(test)) for test in tests],
        alpha=tests[0].alpha,
        seed=tests[0].seed,
    )


def _one(test: Test) -> Found:
    family, path, x, y = test.hypothesis.family, test.path, test.x, test.y
    if family == "association":
        return association.measure(
            _values(path, x.name), _values(path, y.name), _sorted(path, x.name), _sorted(path, y.name),
            unit=_slope_unit(test), alpha=test.alpha, seed=test.seed,
        )  # fmt: skip
    if family == "group_difference":
        return _groups(test)
    if family == "category_association":
        return _categories(test)
    return _OTHERS[family](test)


def _trend(test: Test) -> Found:
    y, t = _values(test.path, test.y.name), _values(test.path, test.x.name)
    if test.how == "contrasts":
        return association.measure(
            t, y, sort(t), sort(y), unit=_slope_unit(test), alpha=test.alpha, seed=test.seed
        )
    return trend.measure(
        y, t, name=test.y.name, unit=_unit(test.y), time_unit=_unit(test.x), alpha=test.alpha, seed=test.seed
    )


def _lag(test: Test) -> Found:
    if test.how != "innovations":
        return Untestable(reason="the rows do not follow one another, as far as one can see")
    names = _table(test.path).column_names
    return lag.measure(
        _values(test.path, test.x.name), _values(test.path, test.y.name), max_lag=LAGS, alpha=test.alpha,
        seed=test.seed, segments=_values(test.path, UNITS) if UNITS in names else None,
    )  # fmt: skip


def _conditional(test: Test) -> Found:
    x, y, *given = (_sampled(variable, MOST_ROWS_OF_THREE) for variable in _variables(test))
    return conditional.measure(x, y, tuple(given), alpha=test.alpha, seed=test.seed)


def _interaction(test: Test) -> Found:
    x, y, moderator = (_sampled(variable, MOST_ROWS_OF_THREE) for variable in _variables(test))
    return interaction.measure(x, y, moderator, alpha=test.alpha, seed=test.seed)


def _non_monotone(test: Test) -> Found:
    x, y = (_sampled(variable, MOST_ROWS_OF_A_SHAPE) for variable in _variables(test))
    return nonmonotone.measure(x, y, alpha=test.alpha, seed=test.seed)


def _spread(test: Test) -> Found:
    x, y = _variables(test)
    return spread.measure(x, y, alpha=test.alpha, seed=test.seed)


def _survival(test: Test) -> Found:
    x, duration, event = _variables(test)
    return survival.measure(duration, event, x, alpha=test.alpha)


_OTHERS: Mapping[Family, Callable[[Test], Found]] = {
    "trend": _trend,
    "lag": _lag,
    "conditional": _conditional,
    "interaction": _interaction,
    "non_monotone": _non_monotone,
    "spread": _spread,
    "survival": _survival,
}


def _variables(test: Test) -> list[Variable]:
    return [_variable(test.path, column) for column in (test.x, test.y, *test.given)]


def _sampled(variable: Variable, most: int) -> Variable:
    """Return a variable on evenly spaced rows: more would only show effects too small to matter."""
    n = len(variable.values)
    if n <= most:
        return variable
    rows = np.linspace(0, n - 1, most).astype(np.int64)
    return replace(variable, values=variable.values[rows])


def _variable(path: str, column: Column) -> Variable:
    return Variable(column.name, _values(path, column.name), column.levels, column.unit)


def _groups(test: Test) -> Found:
    path, x, y = test.path, test.x, test.y
    codes, values = _values(path, x.name), _values(path, y.name)
    if test.how == "within":
        return aligned.groups(
            codes, values, _values(path, UNITS), levels=x.levels, unit=_unit(y), alpha=test.alpha
        )
    return groups.measure(
        codes, values, _held(path, y.name), levels=x.levels, name=y.name, unit=_unit(y),
        alpha=test.alpha, seed=test.seed,
    )  # fmt: skip


def _categories(test: Test) -> Found:
    path, x, y = test.path, test.x, test.y
    shape = (len(x.levels), len(y.levels))
    a, b = _values(path, x.name), _values(path, y.name)
    if test.how == "within":
        return aligned.categories(a, b, _values(path, UNITS), shape=shape, alpha=test.alpha)
    found = categories.measure(a, b, shape=shape, alpha=test.alpha, seed=test.seed)
    if test.how == "innovations" and isinstance(found, Measurement):
        by_shifts = shifted_p(a, b, shape)
        return replace(found, p=max(found.p, by_shifts), test="chi-square, by shifting one along the other")
    return found


def _unit(column: Column) -> str:
    return column.unit or column.name


def _slope_unit(test: Test) -> str:
    return slope_unit(test.y.name, test.y.unit, test.x.name, test.x.unit)
