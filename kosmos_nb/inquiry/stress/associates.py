"""Which other columns a finding is held against: those that go most with both x and y.

Strength of a tie, 0 to 1. Numeric with numeric: |Spearman's rho|. Numeric with category: the square root
of the share of rank variance between the levels. Category with category: Cramér's V.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kosmos_nb.inquiry.association import correlation
from kosmos_nb.inquiry.ranks import Floats, sort
from kosmos_nb.inquiry.stress import parts
from kosmos_nb.inquiry.stress.finding import Finding, cramers_v, present
from kosmos_nb.inquiry.variables import Variable

ROWS_TO_ORDER_BY = 1_000
MOST_OF_A_KIND = 20
MOST_LEVELS = 12
COPY = 0.95


@dataclass(frozen=True, slots=True, eq=False)
class Associate:
    """Another column, in the rows of a finding.

    Attributes:
        variable: The column. with_x, with_y: Strength of its ties.
        recodes: Whether it is a category that x or y is cut into, or nearly so.
    """

    variable: Variable
    with_x: float
    with_y: float
    recodes: bool


def strongest(finding: Finding, others: Sequence[Variable]) -> tuple[list[Associate], list[Associate]]:
    """Return the categories and the numeric columns that go most with both x and y, at most 20 each.

    Ordered by the weaker of the two ties, judged in at most 1,000 rows. Left out are categories of more
    than 12 levels, numeric copies and recodings of x or y, categories that determine a category or are
    determined by it, and columns that x or y is computed from.
    """
    small = finding.part(ROWS_TO_ORDER_BY)
    x, y = _ranked(small.x, small.x_levels), _ranked(small.y, small.y_levels)
    found = []
    for other in others:
        if len(other.levels) > MOST_LEVELS:
            continue
        looked_at = _ranked(other.values[small.rows], other.levels)
        with_x, with_y = strength(x, looked_at), strength(y, looked_at)
        if not (_is_copy(x, looked_at, with_x) or _is_copy(y, looked_at, with_y)):
            recodes = _recodes(x, looked_at, with_x) or _recodes(y, looked_at, with_y)
            found.append(Associate(other, with_x, with_y, recodes))
    found.sort(key=lambda associate: -min(associate.with_x, associate.with_y))
    categories = [associate for associate in found if not associate.variable.is_numeric]
    numeric = [associate for associate in found if associate.variable.is_numeric]
    asked = [associate.variable for associate in numeric[: 2 * MOST_OF_A_KIND]]
    computed = parts.computed_from(finding, asked, others)
    numeric = [associate for associate in numeric if associate.variable.name not in computed]
    return (
        [_in_rows(associate, finding) for associate in categories[:MOST_OF_A_KIND]],
        [_in_rows(associate, finding) for associate in numeric[:MOST_OF_A_KIND]],
    )


def _in_rows(associate: Associate, finding: Finding) -> Associate:
    variable = associate.variable
    inside = Variable(variable.name, variable.values[finding.rows], variable.levels)
    return dataclasses.replace(associate, variable=inside)


def _ranked(values: NDArray[Any], levels: tuple[str, ...]) -> Variable:
    """Return a column with its ranks for values where it is numeric."""
    return Variable("", values if levels else sort(values).ranks_by_row(len(values)), levels)


def strength(a: Variable, b: Variable) -> float:
    """Return how strongly two columns, numbers as ranks, go together; 0 where it cannot be told."""
    both = present(a) & present(b)
    if int(both.sum()) < 10:
        return 0.0
    first, second = a.values[both], b.values[both]
    if a.is_numeric and b.is_numeric:
        rho = correlation(first, second)
        return 0.0 if math.isnan(rho) else abs(rho)
    if a.is_numeric or b.is_numeric:
        numbers, codes = (first, second) if a.is_numeric else (second, first)
        return _share_between(numbers, codes)
    shape = len(a.levels), len(b.levels)
    counts = np.bincount(first.astype(np.int64) * shape[1] + second, minlength=shape[0] * shape[1])
    v = cramers_v(counts.reshape(shape).astype(np.float64))
    return 0.0 if v is None else v.value


def _share_between(ranks: Floats, codes: NDArray[np.int32]) -> float:
    sizes = np.bincount(codes)
    present_sizes = sizes[sizes > 0]
    centred = ranks - ranks.mean()
    total, n, k = float(centred @ centred), len(ranks), len(present_sizes)
    if total == 0 or n <= k:
        return 0.0
    between = float(np.sum(np.bincount(codes, weights=centred)[sizes > 0] ** 2 / present_sizes))
    return math.sqrt(max(0.0, 1 - (total - between) / total * (n - 1) / (n - k)))


def _is_copy(column: Variable, other: Variable, tie: float) -> bool:
    if column.is_numeric == other.is_numeric:
        return tie > COPY
    return other.is_numeric and _is_cut(column, other)  # the category is that number, more coarsely


def _recodes(column: Variable, other: Variable, tie: float) -> bool:
    """Whether the levels of `other` are ranges of a numeric column, or nearly tell its value."""
    if other.is_numeric or not column.is_numeric:
        return False
    return tie > COPY or _is_cut(other, column)


def _is_cut(category: Variable, number: Variable) -> bool:
    """Whether the levels of a category are ranges of a number that do not overlap."""
    both = present(category) & present(number)
    codes = category.values[both][np.argsort(number.values[both], kind="stable")]
    changes = int(np.count_nonzero(codes[1:] != codes[:-1]))
    return changes < len(np.unique(codes))
