"""Two numeric columns: a bend or another shape that a rank correlation cannot see.

A relation that only rises or only falls is not meant, however bent it is. So a curve counts as it
is when it turns well within the data and fits better than the best rising or falling line; else
only what it has beyond that line counts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from kosmos_nb.core import units
from kosmos_nb.inquiry import regression
from kosmos_nb.inquiry.chatterjee import xi_p
from kosmos_nb.inquiry.measurement import PARTIAL_R, Measurement, Untestable
from kosmos_nb.inquiry.ranks import Floats
from kosmos_nb.inquiry.regression import Added
from kosmos_nb.inquiry.values import writer
from kosmos_nb.inquiry.variables import Variable, complete, on_scale, unfit

FEWEST_ROWS = 20
# Of the bend of y on x, of x on y, and of each xi: y is what the hypothesis is about.
BEND_WEIGHTS, XI_WEIGHT = (0.92, 0.04), 0.02
EDGE = 0.25
# How much worse than the rising fit, in n log of the mean square left, a parabola may be and still count
# as a turn: weak bends cannot be told apart, and of strong ones the rising fit must not be the better.
WORSE = 8.0
TIED = 0.02  # of the rows with the commonest value


@dataclass(frozen=True, slots=True)
class _Bend:
    """The curvature of one column on the other.

    Attributes:
        added: What the square adds.
        turn: Value of `on` where the curve turns; None where it does not within the data.
        residuals: Of `of`, beside its best rising or falling fit on `on`, shape (n,).
    """

    of: Variable
    on: Variable
    added: Added
    turn: float | None
    residuals: Floats


def measure(x: Variable, y: Variable, *, alpha: float, seed: int) -> Measurement | Untestable:
    """Test whether y and x, both numeric, are related in a shape that neither rises nor falls.

    Four tests share one p by fixed weights: the curvature of y on x (0.92) and of x on y (0.04), and
    Chatterjee's xi each way (0.02 each), which sees waves, circles and a spread that changes. xi is
    that of the residuals from the best rising or falling fit.

    Args:
        alpha: Level for the detectable effect and the interval of a claim.
        seed: Of the permutations, which serve below 50 rows, and of ties in xi.

    The effect is the partial correlation of the square, given the line, in the direction that is
    stronger: plus for a U, minus for an inverted U. It is on standardised values, or on normal
    scores where tails are heavy.

    Source: Liu and Xie, JASA 115 (2020), for the combination; Chatterjee, JASA 116 (2021), for xi.
    """
    x, y = complete((x, y))
    n = len(x.values)
    if (why := unfit((x, y), columns=2, fewest=FEWEST_ROWS)) is not None:
        return why
    both = (_bend(y, x, seed), _bend(x, y, seed + 1))
    bends = [bend for bend in both if isinstance(bend, _Bend)]
    if not bends:
        reason = "a bend needs three different values, and one column that does not give the other"
        return Untestable(reason=reason, caveats=("collinear",), n=n)
    rng = np.random.default_rng(seed)
    weighted = [
        (weight, bend.added.p)
        for weight, bend in zip(BEND_WEIGHTS, both, strict=True)
        if isinstance(bend, _Bend)
    ]
    # Where many values are equal, what is left of them beside a fit follows the fit, not chance.
    free = [bend for bend in bends if _commonest_share(bend.of.values) <= TIED]
    weighted += [(XI_WEIGHT, xi_p(bend.on.values, bend.residuals, rng)) for bend in free]
    strongest = max(bends, key=lambda bend: abs(bend.added.r))
    added = strongest.added
    return Measurement(
        p=combined(weighted),
        effect=added.r,
        metric=PARTIAL_R,
        ci95=added.r_interval(0.95),
        ci90=added.r_interval(0.90),
        ci_claim=added.r_interval(1 - alpha),
        n=n,
        is_directed=True,
        detectable=added.detectable(alpha),
        test="curvature and xi" + (", by permutations" if added.is_drawn else ""),
        notes=(_sentence(strongest),),
    )


def combined(weighted: list[tuple[float, float]]) -> float:
    """Return the Cauchy combination of (weight, p); valid whatever the dependence, nearly.

    Source: Liu and Xie, JASA 115 (2020).
    """
    total = sum(weight for weight, _ in weighted)
    # tan((1/2 - p)π) without the loss of digits near p = 0.
    statistic = sum(
        weight / total / math.tan(math.pi * min(max(p, 1e-300), 1 - 1e-12)) for weight, p in weighted
    )
    return math.atan2(1.0, statistic) / math.pi


def curve_columns(values: Floats) -> tuple[Floats, Floats]:
    """Return the line and the square that is left beside it, each of length one, shape (n,).

    Args:
        values: Complete, at least three different ones.
    """
    line = on_scale(values)
    line = line - line.mean()
    line = line / np.linalg.norm(line)
    bent = line**2 - np.mean(line**2)
    bent = bent - line * (line @ bent)
    return line, bent / np.linalg.norm(bent)


def block(lines: Floats, bents: Floats, lines2: Floats, bents2: Floats) -> tuple[Floats, Floats]:
    """Return the effect for every pair of k1 by k2 complete columns, by matrix products.

    Args:
        lines, bents: From `curve_columns`, shape (n, k1). lines2, bents2: Shape (n, k2).

    Returns:
        Partial r of the curvature of the second on the first, and of the first on the second,
        both of shape (k1, k2); NaN where one is a straight line of the other.
    """
    room = 1 - (lines.T @ lines2) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        root = np.where(room > 1e-12, np.sqrt(np.maximum(room, 0.0)), np.nan)
        return (bents.T @ lines2) / root, (lines.T @ bents2) / root


def _bend(of: Variable, on: Variable, seed: int) -> _Bend | Untestable:
    outcome, line = on_scale(of.values), on_scale(on.values)
    monotone = monotone_fit(line, outcome)
    parabola = regression.fit(regression.with_ones(np.column_stack([line, line**2])), outcome)
    _, rise, curve = parabola.coefficients
    turn = -rise / (2 * curve) if curve else math.inf
    low, high = np.quantile(line, (EDGE, 1 - EDGE))
    # A parabola turns also where it only stands for a steep rise; the rising fit is then the better.
    pools = len(np.unique(monotone))
    rising = float(np.sum((outcome - monotone) ** 2)) / max(len(line) - pools, 1)
    worse = float(np.sum(parabola.residuals**2)) / parabola.df / max(rising, 1e-300)
    turns = bool(low <= turn <= high and worse < math.exp(WORSE / len(line)))
    base = line[:, np.newaxis] if turns else np.column_stack([line, monotone])
    added = regression.added(outcome, (line**2)[:, np.newaxis], base, seed=seed)
    if isinstance(added, Untestable):
        return added
    where = float(np.quantile(on.values, np.mean(line <= turn))) if turns else None
    return _Bend(of, on, added, where, outcome - monotone)


def monotone_fit(x: Floats, y: Floats) -> Floats:
    """Return the best fit of y that only rises, or only falls, with x, shape (n,).

    Source: pool adjacent violators, Barlow et al., Statistical Inference under Order Restrictions
    (1972).
    """
    from scipy.optimize import isotonic_regression  # noqa: PLC0415 - 0.2 s; a worker is ready without it

    _, level, counts = np.unique(x, return_inverse=True, return_counts=True)
    means = np.bincount(level, weights=y) / counts
    rises = float((x - x.mean()) @ y) >= 0
    fitted = isotonic_regression(means, weights=counts, increasing=rises).x
    return np.asarray(fitted[level], dtype=np.float64)


def _commonest_share(values: Floats) -> float:
    return float(np.unique(values, return_counts=True)[1].max()) / len(values)


def _sentence(bend: _Bend) -> str:
    of, on = bend.of.name, bend.on
    if bend.turn is None:
        return f"{of} does not turn within the middle {units.share(1 - 2 * EDGE)} of {on.name}"
    unit = f" {on.unit}" if on.unit and on.unit != "day" else ""
    end = "lowest" if bend.added.r > 0 else "highest"
    return f"{of} is {end} near {on.name} = {writer(on.values, on.unit, 4)(bend.turn)}{unit}"
