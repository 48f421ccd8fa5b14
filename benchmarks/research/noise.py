"""Tables of pure noise: whatever an engine calls supported in them is false.

One function a kind, and a seed a table; the same kind and seed always give the same table. What a kind
makes true by its design (a subject differs from another, a trend goes on) is said with the table and
does not count as false.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

DAY = "day"
SUBJECT = "subject"


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """A table, and what is true of it all the same.

    Attributes:
        table: The rows.
        true_columns: Every relation with one of these columns is real, or real by design.
        true_families: Relations of these families between any two columns are real.
    """

    table: pd.DataFrame
    true_columns: frozenset[str] = frozenset()
    true_families: frozenset[str] = frozenset()

    def is_true(self, family: str, *columns: str) -> bool:
        """Whether a relation of this family between these columns would be no false finding."""
        return family in self.true_families or not self.true_columns.isdisjoint(columns)


def make(kind: str, seed: int) -> Noise:
    """Return the table of a kind, one of `KINDS`, for a seed."""
    return KINDS[kind](draws(kind, seed), seed)


def draws(kind: str, seed: int) -> np.random.Generator:
    """Return the random numbers of a kind and a seed; those of another kind are independent."""
    return np.random.default_rng([zlib.crc32(kind.encode()), seed])


def _gauss(rng: np.random.Generator, seed: int) -> Noise:
    """300 × 12, normal."""
    return Noise(table=_numbers(rng.normal(size=(300, 12))))


def _small(rng: np.random.Generator, seed: int) -> Noise:
    """20 × 8, normal."""
    return Noise(table=_numbers(rng.normal(size=(20, 8))))


def _wide(rng: np.random.Generator, seed: int) -> Noise:
    """60 × 40, normal: 780 pairs."""
    return Noise(table=_numbers(rng.normal(size=(60, 40))))


def _heavy(rng: np.random.Generator, seed: int) -> Noise:
    """300 × 12: t with 1.5 degrees of freedom, Cauchy, lognormal with sigma 2, four columns each."""
    n = 300
    made = [draw() for _ in range(4) for draw in (
        lambda: rng.standard_t(1.5, n), lambda: rng.standard_cauchy(n), lambda: rng.lognormal(0, 2, n)
    )]  # fmt: skip
    return Noise(table=_numbers(np.column_stack(made)))


def _unequal(rng: np.random.Generator, seed: int) -> Noise:
    """220 × 8, all of mean zero: sd 4 in the 20 rows of a group, 1 in its 200 others.

    A group of four levels (120, 60, 30, 10 rows, the fewer the wider) widens four of the columns once
    more. That the spreads go together is a real dependence: what looks for any but a monotone one finds
    a truth.
    """
    small = rng.permutation(np.repeat([True, False], [20, 200]))
    level = rng.permutation(np.repeat(np.arange(4), [120, 60, 30, 10]))
    values = rng.normal(size=(220, 8))
    values[:, :4] *= np.where(small, 4.0, 1.0)[:, None]
    values[:, 4:] *= np.array([1.0, 1.5, 2.5, 4.0])[level][:, None]
    table = _numbers(values)
    table["arm"] = np.where(small, "few", "many")
    table["site"] = np.array(["north", "south", "east", "west"])[level]
    return Noise(table=table, true_families=frozenset({"non_monotone", "spread"}))


def _repeated(rng: np.random.Generator, seed: int) -> Noise:
    """60 normal rows × 12 columns, each stored five times, in any order."""
    rows = rng.permutation(np.repeat(np.arange(60), 5))
    return Noise(table=_numbers(rng.normal(size=(60, 12))[rows]))


def _ar1(rng: np.random.Generator, seed: int) -> Noise:
    """300 × 12 in order: each value is 0.9 of the one before it, and chance; even seeds have a date."""
    return _in_order(_autoregressive(rng.normal(size=(300, 12)), 0.9), seed)


def _walks(rng: np.random.Generator, seed: int) -> Noise:
    """300 × 12 random walks without drift; even seeds have a date."""
    return _in_order(rng.normal(size=(300, 12)).cumsum(axis=0), seed)


def _trends(rng: np.random.Generator, seed: int) -> Noise:
    """300 × 12: each column goes its own way, straight or bent, with noise; even seeds have a date.

    That a column goes with time is true; that one goes with another says nothing else.
    """
    time = np.linspace(-1, 1, 300)[:, None]
    slope, bend = rng.uniform(0.5, 2.0, (2, 1, 12)) * rng.choice([-1.0, 1.0], (2, 1, 12))
    is_bent = rng.random((1, 12)) < 0.5
    values = slope * time + np.where(is_bent, bend * time**2, 0.0) + rng.normal(size=(300, 12))
    ordered = _in_order(values, seed)
    return Noise(table=ordered.table, true_columns=frozenset({DAY}), true_families=frozenset({"trend"}))


def _clusters(rng: np.random.Generator, seed: int) -> Noise:
    """300 × 9, 30 subjects of 10 rows: every column has an effect of the subject as large as its noise.

    `arm` and `age` are constant within a subject and tell nothing. Subjects do differ.
    """
    subject = np.repeat(np.arange(30), 10)
    table = _numbers(rng.normal(size=(30, 6))[subject] + rng.normal(size=(300, 6)))
    table["age"] = rng.normal(50, 10, 30).round(1)[subject]
    table["arm"] = rng.permutation(np.repeat(["drug", "placebo"], 15))[subject]
    table.insert(0, SUBJECT, [f"s{number:02}" for number in subject])
    return Noise(table=table, true_columns=frozenset({SUBJECT}))


def _rare(rng: np.random.Generator, seed: int) -> Noise:
    """300 × 8: three categories of 40, 25 and 12 levels, most of them thin, beside five numbers."""
    table = _numbers(np.column_stack([rng.normal(size=(300, 3)), rng.exponential(size=(300, 2))]))
    for name, levels in (("town", 40), ("model", 25), ("colour", 12)):
        weights = 1 / np.arange(1, levels + 1) ** 1.3
        drawn = rng.choice(levels, 300, p=weights / weights.sum())
        table[name] = [f"{name} {number}" for number in drawn]
    return Noise(table=table)


def _mixed(rng: np.random.Generator, seed: int) -> Noise:
    """250 × 10, a day a row: numbers, counts, booleans, categories, a share of missing values."""
    n = 250
    number = rng.normal(size=n)
    number[rng.random(n) < 0.1] = np.nan
    return Noise(
        table=pd.DataFrame(
            {
                DAY: pd.date_range("2025-01-01", periods=n, freq="D"),
                "number": number,
                "skewed": rng.lognormal(size=n),
                "rounded": rng.normal(20, 3, n).round(),
                "count": rng.poisson(1.5, n),
                "zeros": rng.poisson(0.3, n) * rng.poisson(4.0, n),
                "flag": rng.random(n) < 0.3,
                "seldom": rng.random(n) < 0.06,
                "kind": rng.choice(["a", "b", "c"], n, p=[0.6, 0.3, 0.1]),
                "grade": rng.choice(["low", "mid", "high", "top", "none"], n),
            }
        )
    )


def _permuted(rng: np.random.Generator, seed: int) -> Noise:
    """344 × 8, the Palmer penguins with each column shuffled on its own."""
    from palmerpenguins import load_penguins

    penguins = load_penguins()
    shuffled = {name: penguins[name].to_numpy()[rng.permutation(len(penguins))] for name in penguins}
    return Noise(table=pd.DataFrame(shuffled))


def _numbers(values: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(values, columns=[f"x{number}" for number in range(values.shape[1])])


def _in_order(values: np.ndarray, seed: int) -> Noise:
    """Return columns whose rows are in order; only even seeds have a column that says so."""
    table = _numbers(values)
    if seed % 2 == 0:
        table.insert(0, DAY, pd.date_range("2024-01-01", periods=len(table), freq="D"))
    return Noise(table=table)


def _autoregressive(shocks: np.ndarray, share: float) -> np.ndarray:
    """Return the stationary series, shape as `shocks`: the first row has the sd of all others."""
    values = shocks.copy()
    values[0] /= np.sqrt(1 - share**2)
    for row in range(1, len(values)):
        values[row] += share * values[row - 1]
    return values


KINDS: dict[str, Callable[[np.random.Generator, int], Noise]] = {
    "gauss": _gauss,
    "small": _small,
    "wide": _wide,
    "heavy": _heavy,
    "unequal": _unequal,
    "repeated": _repeated,
    "ar1": _ar1,
    "walks": _walks,
    "trends": _trends,
    "clusters": _clusters,
    "rare": _rare,
    "mixed": _mixed,
    "permuted": _permuted,
}


def said(kind: str) -> str:
    """Return what a kind is, in words."""
    return (KINDS[kind].__doc__ or "").partition("\n")[0].rstrip(".").replace(":", ",")
