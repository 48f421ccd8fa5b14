"""Numeric columns that are there twice: the same values, other units, or a monotone function."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from kosmos_nb.core import units
from kosmos_nb.history.records import Notice
from kosmos_nb.inquiry.ranks import sort
from kosmos_nb.inquiry.screens.view import Floats, Ints, View, spread_rows
from kosmos_nb.inquiry.screens.words import notice, quoted

FEWEST = 20
MONOTONE = 0.999
SAME = 0.9999
# What a pair must reach in the sample to be looked at: rounding and ties cost ranks a little.
LIKELY_RANKS, LIKELY_LINE = 0.995, 0.998
LIKELY_WITH_GAPS = 0.98
# What a pair must reach in a part of the sample for its columns to be sorted.
FIRST_ROWS, FIRST_LIKELY = 4_000, 0.95
GLIMPSE_ROWS = 500
FINEST = 6
SAMPLE_ERROR, MOST_CHECKS = 1e-4, 40


@dataclass
class Copies:
    """Groups of columns that say the same.

    Attributes:
        notices: One a group, the first column is the one kept.
        spare: Names of the columns that repeat another.
        pairs: All pairs within a group, as sets of two names.
    """

    notices: list[Notice] = field(default_factory=list)
    spare: set[str] = field(default_factory=set)
    pairs: set[frozenset[str]] = field(default_factory=set)

    def add(self, code: str, first: str, rest: list[str], sentence: str) -> None:
        """Note a group."""
        group = [first, *rest]
        self.notices.append(notice(code, group, sentence))
        self.spare.update(rest)
        self.pairs.update(frozenset((a, b)) for i, a in enumerate(group) for b in group[:i])


def find(view: View) -> Copies:
    """Find linear recodings first, then monotone functions among the columns that are left.

    One matrix product of ranks names the candidates; each is then checked on all rows.
    """
    copies = Copies()
    if len(view.numeric) < 2 or len(view.rows) <= FEWEST:
        return copies
    at = _perhaps(view.numbers)
    if not len(at):
        return copies
    names = [view.numeric[place].name for place in at]
    numbers = view.numbers[:, at]
    ranks = _ranks(numbers)
    by_rank: Floats = np.abs(correlations(ranks))
    has_gaps = np.isnan(ranks).any(axis=0)
    gaps = np.logical_or.outer(has_gaps, has_gaps)
    likely = by_rank > np.where(gaps, LIKELY_WITH_GAPS, LIKELY_RANKS)
    if not np.any(np.triu(likely, 1)):
        return copies
    line = np.abs(correlations(numbers))
    with np.errstate(invalid="ignore"):
        _lines(view, names, likely & (line > LIKELY_LINE), copies)
        _functions(view, names, likely, by_rank, gaps, copies)
    return copies


def _perhaps(numbers: Floats) -> Ints:
    """Return the places of the columns that may have a copy, ascending.

    A part of the rows tells that most have none. Where it cannot tell, the column stays.
    """
    if len(numbers) <= FIRST_ROWS:
        return np.arange(numbers.shape[1])
    ranks = _ranks(numbers[spread_rows(len(numbers), FIRST_ROWS)])
    differs = np.fmax.reduce(ranks, axis=0, initial=-np.inf) > np.fmin.reduce(ranks, axis=0, initial=np.inf)
    likely = ~(np.abs(correlations(ranks)) <= FIRST_LIKELY)  # NaN, where no row has both, is likely
    np.fill_diagonal(likely, val=False)
    return np.flatnonzero(likely.any(axis=0) | ~differs)


def _ranks(numbers: Floats) -> Floats:
    return np.column_stack([sort(values).ranks_by_row(len(numbers)) for values in numbers.T])


def correlations(values: Floats) -> Floats:
    """Return the correlations of columns over the rows that both have, shape (k, k); NaN where none.

    Args:
        values: Shape (n, k), missing NaN. The columns are scaled first, so that sums stay exact.
    """
    gaps = np.isnan(values)
    size = np.fmax.reduce(np.abs(values), axis=0, initial=0.0)
    values = values / np.where(size > 0, size, 1.0)
    if not gaps.any():
        centred = values - values.mean(axis=0)
        spread = np.sqrt(np.einsum("ij,ij->j", centred, centred))
        centred /= np.where(spread > 0, spread, 1.0)
        product: Floats = centred.T @ centred
        return product
    held = (~gaps).astype(np.float64)
    n = np.maximum(held.sum(axis=0), 1)
    filled = np.where(gaps, 0.0, values)
    filled = np.where(gaps, 0.0, filled - filled.sum(axis=0) / n)
    spread = np.sqrt((filled**2).sum(axis=0) / n)
    filled /= np.where(spread > 0, spread, 1.0)
    both, sums, squares = held.T @ held, filled.T @ held, (filled**2).T @ held
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = sums / both
        variance = np.maximum(squares / both - mean**2, 0.0)
        found: Floats = (filled.T @ filled / both - mean * mean.T) / np.sqrt(variance * variance.T)
    return found


def _lines(view: View, names: list[str], likely: np.ndarray, copies: Copies) -> None:
    glimpse = spread_rows(view.n_rows, GLIMPSE_ROWS)
    for first, others in _candidates(likely):
        if names[first] in copies.spare:
            continue
        said: list[tuple[str, str]] = []
        base = view.column(names[first])
        for other in others:
            if names[other] in copies.spare:
                continue
            values = view.column(names[other])
            if _line(base[glimpse], values[glimpse], names[first]) or len(glimpse) < GLIMPSE_ROWS:
                words = _line(base, values, names[first])
                said += [(names[other], words)] if words else []
        if said:
            together = "; ".join(f"`{name}` {words}" for name, words in said[:3])
            rest = f"; and {len(said) - 3} more" if len(said) > 3 else ""
            times = "twice" if len(said) == 1 else f"{len(said) + 1} times"
            sentence = f"{together}{rest}: one column {times}"
            copies.add("duplicate_column", names[first], [name for name, _ in said], sentence)


def _candidates(likely: np.ndarray) -> Iterable[tuple[int, np.ndarray]]:
    for first in range(len(likely)):
        others = first + 1 + np.flatnonzero(likely[first, first + 1 :])
        if len(others):
            yield first, others


def _line(x: Floats, y: Floats, name: str) -> str:
    """Say how y comes from x, "is `weight_kg` times 2.2046"; empty where it does not.

    It does where nothing but rounding is left over, or r exceeds 0.9999.
    """
    both = ~(np.isnan(x) | np.isnan(y))
    x, y = x[both], y[both]
    if len(x) <= FEWEST:
        return ""
    if np.array_equal(x, y):
        return f"repeats `{name}`"
    mean_x, mean_y = float(x.mean()), float(y.mean())
    from_x, from_y = x - mean_x, y - mean_y
    square_x, square_y = float(from_x @ from_x), float(from_y @ from_y)
    if square_x == 0 or square_y == 0:
        return ""
    slope = float(from_x @ from_y) / square_x
    left = from_y - slope * from_x
    r = slope * np.sqrt(square_x / square_y)
    coarse = (grid(y) + abs(slope) * grid(x)) / 2
    rounding = 1.1 * coarse + 1e-6 * float(np.abs(y).max())
    is_exact = bool(np.abs(left).max() <= rounding) and abs(r) > LIKELY_LINE
    if not (np.isfinite(r) and (is_exact or abs(r) > SAME)):
        return ""
    start = mean_y - slope * mean_x
    doubt = float(np.sqrt(left @ left / len(x) * (1 / len(x) + mean_x**2 / square_x)))
    if abs(start) <= 4 * doubt + 1e-9 * float(np.abs(y).max()):
        start, slope = 0.0, float(x @ y) / float(x @ x)
    spare = 3 * float(np.sqrt(left @ left / len(x)))
    slope = _roundest(slope, spare / float(np.sqrt(square_x if start else x @ x)))
    if start != 0:
        start = _roundest(mean_y - slope * mean_x, spare / float(np.sqrt(len(x))))
    words = _formula(slope, start, name)
    return words if is_exact else f"{words} but for small differences (r = {units.signed(r, 6)})"


def _roundest(value: float, doubt: float) -> float:
    """Return the number of fewest digits that differs from `value` by no more than `doubt`."""
    for digits in range(1, 16):
        short = float(f"{value:.{digits}g}")
        if abs(short - value) <= doubt:
            return short
    return value


def _formula(slope: float, start: float, name: str) -> str:
    if abs(slope - 1) < 1e-6 and start == 0:
        return f"repeats `{name}`"
    if start == 0:
        return f"is `{name}` times {units.number(slope)}"
    product = f"`{name}`" if abs(abs(slope) - 1) < 1e-4 else f"{units.number(abs(slope))} × `{name}`"
    if slope < 0:
        return f"is {units.number(start)} − {product}"
    return f"is {product} {'+' if start > 0 else '−'} {units.number(abs(start))}"


def grid(values: Floats) -> float:
    """Return the step that values are rounded to (1, 0.1, …, 1e-6), 0 where they are not rounded."""
    few = values[:GLIMPSE_ROWS]
    size = float(np.abs(few).max(initial=0.0))
    for digits in range(FINEST + 1):
        scaled = few * 10.0**digits
        if np.all(np.abs(scaled - np.round(scaled)) <= 1e-9 * max(1.0, size * 10.0**digits)):
            return float(10.0**-digits)
    return 0.0


def _functions(
    view: View, names: list[str], likely: np.ndarray, by_rank: Floats, gaps: np.ndarray, copies: Copies
) -> None:
    # A sample this large is out by less than 0.0001 near 1.
    sampled = len(view.rows) < view.n_rows
    sure = likely & (gaps | (by_rank > MONOTONE - (SAMPLE_ERROR if sampled else 0)))
    checks = 0
    for first, others in _candidates(sure):
        if names[first] in copies.spare:
            continue
        found = []
        for other in others:
            if names[other] in copies.spare:
                continue
            pair = names[first], names[other]
            rho = (
                abs(_rank_correlation(view, *pair, view.rows))
                if gaps[first, other]
                else by_rank[first, other]
            )
            if sampled and rho > MONOTONE - SAMPLE_ERROR and checks < MOST_CHECKS:
                rho, checks = abs(_rank_correlation(view, *pair, None)), checks + 1
            if rho > MONOTONE:
                found.append((names[other], rho))
        if found:
            rest = [name for name, _ in found]
            least = min(rho for _, rho in found)
            strength = "1" if least > 0.99999 else f"{np.floor(least * 1e5) / 1e5:.5f}"
            verb = "follows" if len(rest) == 1 else "follow"
            sentence = (
                f"{quoted(rest)} {verb} `{names[first]}`: sorting by one sorts the other "
                f"(rank correlation {strength}, sign aside)"
            )
            copies.add("deterministic", names[first], rest, sentence)


def _rank_correlation(view: View, first: str, second: str, rows: Ints | None) -> float:
    x, y = view.column(first, rows), view.column(second, rows)
    both = ~(np.isnan(x) | np.isnan(y))
    n = int(both.sum())
    if n <= FEWEST:
        return 0.0
    ranks = np.column_stack([sort(values[both]).ranks_by_row(n) for values in (x, y)])
    rho = float(correlations(ranks)[0, 1])
    return rho if np.isfinite(rho) else 0.0
