"""Which test goes with which family, on arrays mapped from the run's file."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kosmos_nb.inquiry import association, categories, groups
from kosmos_nb.inquiry import recheck as rechecks
from kosmos_nb.inquiry.columns import Column
from kosmos_nb.inquiry.frame import read_copy
from kosmos_nb.inquiry.measurement import Measurement, Recheck, Test, Untestable
from kosmos_nb.inquiry.ranks import Sorted, sort
from kosmos_nb.inquiry.units import slope_unit


@functools.lru_cache(maxsize=1)
def _table(path: str) -> pa.Table:
    # A new run: let go of the files of the one before, which may be deleted and would stay mapped.
    _array.cache_clear()
    _sorted.cache_clear()
    return read_copy(Path(path))


@functools.lru_cache(maxsize=4096)
def _array(path: str, name: str) -> NDArray[np.float64]:
    values: NDArray[np.float64] = _table(path).column(name).chunk(0).to_numpy(zero_copy_only=True)
    return values


def _codes(path: str, name: str) -> NDArray[np.int32]:
    codes: NDArray[np.int32] = _table(path).column(name).chunk(0).to_numpy(zero_copy_only=True)
    return codes


@functools.lru_cache(maxsize=512)
def _sorted(path: str, name: str) -> Sorted:
    _table(path)  # first, since a change of run empties this cache
    kept = _order_file(Path(path), name)
    if kept.exists():
        order, block = np.load(kept, mmap_mode="r")
        return Sorted(order, block)
    return sort(_array(path, name))


def _order_file(path: Path, name: str) -> Path:
    return path.parent / f"order-{_table(str(path)).column_names.index(name)}.npy"


def prepare(path: Path, name: str) -> None:
    """Sort one numeric column and keep the order beside the data."""
    ordered = sort(_array(str(path), name))
    unfinished = _order_file(path, name).with_suffix(".part.npy")
    np.save(unfinished, np.stack([ordered.order, ordered.block]))
    unfinished.rename(_order_file(path, name))


def measure(test: Test) -> Measurement | Untestable:
    """Carry out the test of one hypothesis."""
    path, x, y = test.path, test.x, test.y
    if test.hypothesis.family == "association":
        return association.measure(
            _array(path, x.name), _array(path, y.name), _sorted(path, x.name), _sorted(path, y.name),
            unit=slope_unit(y.name, y.unit, x.name, x.unit), alpha=test.alpha, seed=test.seed,
        )  # fmt: skip
    if test.hypothesis.family == "group_difference":
        return groups.measure(
            _codes(path, x.name), _array(path, y.name), _sorted(path, y.name),
            levels=x.levels, name=y.name, unit=y.unit or y.name, alpha=test.alpha, seed=test.seed,
        )  # fmt: skip
    return categories.measure(
        _codes(path, x.name),
        _codes(path, y.name),
        shape=(len(x.levels), len(y.levels)),
        alpha=test.alpha,
        seed=test.seed,
    )


def recheck(test: Test, by: tuple[Column, ...]) -> tuple[Recheck, ...]:
    """Repeat the test inside the levels of each of the columns `by`."""
    found = (_recheck_one(test, column) for column in by)
    return tuple(result for result in found if result is not None)


def _recheck_one(test: Test, by: Column) -> Recheck | None:
    path, x, y = test.path, test.x, test.y
    inside = _codes(path, by.name)
    if test.hypothesis.family == "association":
        return rechecks.associations(
            _array(path, x.name), _array(path, y.name), _sorted(path, x.name), _sorted(path, y.name),
            inside, by.levels, by.name,
        )  # fmt: skip
    if test.hypothesis.family == "group_difference":
        codes, values, ordered = _codes(path, x.name), _array(path, y.name), _sorted(path, y.name)
        pair = _pair(codes, values)
        if pair is not None:
            return rechecks.differences(codes, values, ordered, pair, inside, by.levels, by.name)
        return rechecks.several_groups(codes, values, ordered, inside, by.levels, by.name)
    shape = (len(x.levels), len(y.levels))
    return rechecks.category_pairs(
        _codes(path, x.name), _codes(path, y.name), shape, inside, by.levels, by.name
    )


def _pair(codes: NDArray[np.int32], values: NDArray[np.float64]) -> tuple[int, int] | None:
    """Return the two groups when there are just two with two rows or more."""
    sizes = np.bincount(codes[(codes >= 0) & ~np.isnan(values)])
    used = np.flatnonzero(sizes >= 2)
    return (int(used[0]), int(used[1])) if len(used) == 2 else None
