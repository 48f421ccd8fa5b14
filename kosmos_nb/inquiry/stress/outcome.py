"""What the stress tests of one finding found, as values that travel from a worker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Effect:
    """An effect with its interval.

    Attributes:
        value: On the scale of the finding's metric. Effects without a sign (epsilon², V) are given
            without what chance alone adds to them, so that few rows are comparable with many.
        ci95: Its interval. n: Rows used.
    """

    value: float
    ci95: tuple[float, float]
    n: int

    @property
    def is_clear(self) -> bool:
        """Whether the interval lies on one side of zero."""
        return self.ci95[0] > 0 or self.ci95[1] < 0


@dataclass(frozen=True, slots=True)
class LevelOut:
    """A finding that loses more than half of its effect without one level of a category.

    Attributes:
        column, level: What was left out. share: Of the rows that it holds.
        rows: How many these are.
        own: Whether the category is one of the finding's own two columns.
        effect, without: With all rows, and without that level; the latter None where nothing is
            left to compare.
    """

    column: str
    level: str
    rows: int
    share: float
    own: bool
    effect: Effect
    without: Effect | None


@dataclass(frozen=True, slots=True)
class RowsOut:
    """A finding without the few rows that carry it most.

    Attributes:
        how: `influence`: largest influence on the rank effect; `extreme`: farthest from the
            median in x or y.
        rows: How many were left out, of n.
        effect, without: With them and without them; the latter None where one column is constant then.
    """

    how: Literal["influence", "extreme"]
    rows: int
    n: int
    effect: Effect
    without: Effect | None


@dataclass(frozen=True, slots=True)
class SlopeOut:
    """The least-squares slope without the rows that carry it.

    Attributes:
        rows: How many were left out.
        slope, without: In units of y for one of x.
        r, r_without: The product-moment correlations.
        t, t_without: The slopes by their standard errors.
    """

    rows: int
    slope: float
    without: float
    r: float
    r_without: float
    t: float
    t_without: float

    @property
    def is_claimed(self) -> bool:
        """Whether the straight line, taken at its word, would be called sure."""
        return abs(self.t) > 3.5

    @property
    def rests_on_few(self) -> bool:
        """Whether the slope turns, loses more than 80 %, or half of r and its claim, without these rows."""
        if self.without * self.slope < 0 or abs(self.without) < 0.2 * abs(self.slope):
            return True
        return self.is_claimed and abs(self.t_without) < 2 and abs(self.r_without) < abs(self.r) / 2


@dataclass(frozen=True, slots=True)
class Adjusted:
    """A finding given one other column.

    Attributes:
        by: The column. kind: `levels`: pooled over its levels; `value`: its rank and the rank's
            square taken out; `fifths`: pooled over fifths of its values.
        overall: The effect in the same rows, not adjusted. effect: Adjusted.
        per_level: Effect inside each level that has enough rows.
        with_x, with_y: How strongly the column goes with x and y, 0 to 1.
        recodes: Whether x or y is cut into its levels. Inside a cut every effect shrinks; only one that
            turns round there says something.
        told_by_both: Whether x and y together all but tell the column, where the effect turns given it: what
            is made of x and y, such as their sum, turns every effect between them.
    """

    by: str
    kind: Literal["levels", "value", "fifths"]
    overall: Effect
    effect: Effect
    per_level: tuple[tuple[str, float], ...]
    with_x: float
    with_y: float
    recodes: bool = False
    told_by_both: bool = False


@dataclass(frozen=True, slots=True)
class Halves:
    """A finding in halves of the rows.

    Attributes:
        agreeing: Share of random halves that point the same way.
        splits: How often the rows were split.
        first, second: Effect in the first and the second half of the table; None where there is no sign
            to show, or a half has no effect at all.
        in_order: Whether these two point the same way; None where it cannot be told.
    """

    agreeing: float
    splits: int
    first: float | None
    second: float | None
    in_order: bool | None


@dataclass(frozen=True, slots=True)
class Shape:
    """What the form of the relation is.

    Attributes:
        slope, bend: Correlation of y's rank with x's rank, and with its square made independent of it.
        bend_is_clear: Whether the bend is more than chance.
        spread: Rank correlation of x with the distance of y's rank from the curve; None where unclear.
        spread_ratio: Largest by smallest median absolute deviation of the groups; None where unclear.
        widest, narrowest: The groups of these.
        largest, smallest: Rows of the largest and the smallest group; 0 without groups.
    """

    slope: float = 0.0
    bend: float = 0.0
    bend_is_clear: bool = False
    spread: float | None = None
    spread_ratio: float | None = None
    widest: str = ""
    narrowest: str = ""
    largest: int = 0
    smallest: int = 0


@dataclass(frozen=True, slots=True)
class Stress:
    """All that was found about one finding.

    Attributes:
        x, y: Names of its columns.
        n: Rows that have both columns; n_looked_at: how many of them levels, adjusters, halves and
            shape were looked at in.
        levels: Levels without which more than half of the effect is gone, worst first.
        rows: The finding without its few strongest rows. slope: The same for the slope.
        adjusted: Given other columns, strongest associate first.
    """

    x: str
    y: str
    n: int
    n_looked_at: int
    levels: tuple[LevelOut, ...] = ()
    rows: tuple[RowsOut, ...] = ()
    slope: SlopeOut | None = None
    adjusted: tuple[Adjusted, ...] = ()
    halves: Halves | None = None
    shape: Shape | None = None
