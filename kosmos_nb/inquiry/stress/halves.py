"""Whether halves of the rows agree."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from kosmos_nb.inquiry.ranks import Floats, Ints
from kosmos_nb.inquiry.stress.finding import Finding
from kosmos_nb.inquiry.stress.outcome import Halves

SPLITS = 20
FEWEST_ROWS = 40


def compare(effect_of: Callable[[Ints], float], rows: Ints, *, seed: int) -> Halves | None:
    """Split the rows at random twenty times, and once in the order of the table.

    Args:
        effect_of: The effect, with its sign, in the rows of these numbers; NaN where there is none.
        rows: All rows used, in the order of the table. seed: Of the splits.

    A half without an effect counts as one that does not agree.
    """
    overall = effect_of(rows)
    if len(rows) < FEWEST_ROWS or not overall:
        return None
    agreeing = [effect_of(half) * overall > 0 for pair in _splits(rows, seed) for half in pair]
    first, second = (effect_of(half) for half in _in_two(rows))
    told = not (math.isnan(first) or math.isnan(second))
    return Halves(
        agreeing=sum(agreeing) / len(agreeing),
        splits=SPLITS,
        first=first if told else None,
        second=second if told else None,
        in_order=first * second > 0 if told else None,
    )


def compare_patterns(pattern_of: Callable[[Ints], Floats], rows: Ints, *, seed: int) -> Halves | None:
    """As `compare`, for an effect without a sign: whether two halves show the same pattern.

    Args:
        pattern_of: Deviations from no effect, any shape that is the same for all rows. Two patterns
            agree when their product sums to more than zero.
    """
    if len(rows) < FEWEST_ROWS:
        return None
    agreeing = [_agree(pattern_of(a), pattern_of(b)) for a, b in _splits(rows, seed)]
    first, second = (pattern_of(half) for half in _in_two(rows))
    told = bool(np.any(first) and np.any(second))
    in_order = _agree(first, second) if told else None
    return Halves(sum(agreeing) / len(agreeing), SPLITS, None, None, in_order)


def of_finding(finding: Finding, *, seed: int) -> Halves | None:
    """Compare halves of the rows of a finding of two columns."""
    rows = np.arange(finding.n)
    if finding.family == "association":
        return compare(lambda chosen: _value(finding, chosen), rows, seed=seed)
    if finding.pair is not None:
        first, second = finding.pair
        return compare(lambda chosen: _lift(finding, chosen, first, second), rows, seed=seed)
    if finding.family == "group_difference":
        return compare_patterns(lambda chosen: _group_pattern(finding, chosen), rows, seed=seed)
    return compare_patterns(lambda chosen: _table_pattern(finding, chosen), rows, seed=seed)


def _splits(rows: Ints, seed: int) -> list[tuple[Ints, Ints]]:
    rng = np.random.default_rng(seed)
    return [_in_two(rng.permutation(rows)) for _ in range(SPLITS)]


def _in_two(rows: Ints) -> tuple[Ints, Ints]:
    middle = len(rows) // 2
    return rows[:middle], rows[middle:]


def _agree(a: Floats, b: Floats) -> bool:
    return float(np.sum(a * b)) > 0


def _value(finding: Finding, chosen: Ints) -> float:
    keep = np.zeros(finding.n, dtype=bool)
    keep[chosen] = True
    effect = finding.effect(keep)
    return math.nan if effect is None else effect.value


def _lift(finding: Finding, chosen: Ints, first: int, second: int) -> float:
    """Return Cliff's delta in these rows, from the ranks that they have among themselves."""
    keep = np.zeros(finding.n, dtype=bool)
    keep[chosen] = True
    ordered = finding.y_sorted.within(keep)
    codes, ranks = finding.x[ordered.order], ordered.midranks
    of_first, of_second = codes == first, codes == second
    m, k = int(of_first.sum()), int(of_second.sum())
    if min(m, k) == 0:
        return math.nan
    return 2 * float(ranks[of_second].mean() - ranks[of_first].mean()) / (m + k)


def _group_pattern(finding: Finding, chosen: Ints) -> Floats:
    """Return the mean rank of each level less the middle one, times its rows; by level."""
    keep = np.zeros(finding.n, dtype=bool)
    keep[chosen] = True
    ordered = finding.y_sorted.within(keep)
    codes, share = finding.x[ordered.order], ordered.midranks / len(ordered.order)
    levels = len(finding.x_levels)
    sizes = np.bincount(codes, minlength=levels)
    off = np.bincount(codes, weights=share - share.mean(), minlength=levels)
    pattern: Floats = off / np.sqrt(np.maximum(sizes, 1))
    return pattern


def _table_pattern(finding: Finding, chosen: Ints) -> Floats:
    """Return the standardised residuals of the cross table of these rows."""
    keep = np.zeros(finding.n, dtype=bool)
    keep[chosen] = True
    table = finding.table(keep)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    pattern: Floats = (table - expected) / np.sqrt(np.maximum(expected, 1e-12))
    return pattern
