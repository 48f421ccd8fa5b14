"""What a finding must survive before it is believed.

Pure functions on arrays: each file asks one question, `examine` asks them all, `concerns` puts the
answers into caveat codes and words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from kosmos_nb.inquiry.ranks import Floats, Ints
from kosmos_nb.inquiry.stress import adjusters, halves, levels, leverage, shape
from kosmos_nb.inquiry.stress.associates import strongest
from kosmos_nb.inquiry.stress.concerns import concerns
from kosmos_nb.inquiry.stress.finding import Finding, bring_together, present
from kosmos_nb.inquiry.stress.outcome import Stress
from kosmos_nb.inquiry.variables import Variable

__all__ = ["MOST_ROWS", "Stress", "concerns", "examine"]

MOST_ROWS = 5_000
FEWEST_ROWS = 10
OF_TWO_COLUMNS = frozenset(("association", "group_difference", "category_association"))


def examine(
    family: str,
    x: Variable,
    y: Variable,
    others: Sequence[Variable],
    *,
    seed: int,
    effect_of: Callable[[Ints], float] | None = None,
) -> Stress:
    """Put one finding to every test that applies to its family.

    Args:
        family: association, group_difference (x is the group) or category_association. Any other family
            gets halves and extreme rows, through `effect_of`.
        x, y: Its columns. others: All other columns of the table, copies of x and y among them.
        seed: Of the random halves.
        effect_of: The effect, with its sign, in the rows of these numbers, NaN where there is none. Not
            called for the three families above.

    Only the slope and the strongest rows are looked at in all rows; everything else in at most 5,000,
    evenly spaced over the table.
    """
    if family not in OF_TWO_COLUMNS:
        return _by_effect(x, y, seed, effect_of)
    # Near the largest float distances and slopes overflow to nothing that is told; ranks do not.
    with np.errstate(over="ignore", invalid="ignore"):
        return _of_two_columns(bring_together(family, x, y), others, seed)


def _of_two_columns(finding: Finding, others: Sequence[Variable], seed: int) -> Stress:
    x, y = finding.names
    if finding.n < FEWEST_ROWS or finding.effect() is None:
        return Stress(x, y, n=finding.n, n_looked_at=finding.n)
    part = finding.part(MOST_ROWS)
    categories, numeric = strongest(part, [other for other in others if other.name not in finding.names])
    return Stress(
        x,
        y,
        n=finding.n,
        n_looked_at=part.n,
        levels=levels.leave_one_out(part, categories),
        rows=leverage.leave_rows_out(finding),
        slope=leverage.slope_without(finding),
        adjusted=adjusters.adjust(part, categories, numeric),
        halves=halves.of_finding(part, seed=seed),
        shape=shape.look(part),
    )


def _by_effect(x: Variable, y: Variable, seed: int, effect_of: Callable[[Ints], float] | None) -> Stress:
    rows = np.flatnonzero(present(x) & present(y))
    if effect_of is None or len(rows) < FEWEST_ROWS:
        return Stress(x.name, y.name, n=len(rows), n_looked_at=len(rows))
    few = rows
    if len(rows) > MOST_ROWS:
        few = rows[np.linspace(0, len(rows) - 1, MOST_ROWS).astype(np.int64)]
    columns: tuple[Floats, ...] = tuple(v.values[few] for v in (x, y) if v.is_numeric)
    return Stress(
        x=x.name,
        y=y.name,
        n=len(rows),
        n_looked_at=len(few),
        rows=leverage.leave_extremes_out(effect_of, few, columns),
        halves=halves.compare(effect_of, few, seed=seed),
    )
