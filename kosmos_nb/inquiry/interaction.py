"""Whether the relation of two columns changes with a third, the moderator.

An interaction depends on the scale, so the scale is chosen from each column alone: its own values,
or normal scores of its ranks where its tails are heavy, lest a few far-out rows decide. A sum of
two skewed columns bends under such scores and looks like a product; so a heavy-tailed y must show
the change on its own scale too, by the scores of its residuals from a robust fit.
"""

from __future__ import annotations

import math

import numpy as np

from kosmos_nb.inquiry import logistic, regression
from kosmos_nb.inquiry.measurement import PARTIAL_R, PARTIAL_R2, Measurement, Untestable, one_sided
from kosmos_nb.inquiry.ranks import Floats, Mask
from kosmos_nb.inquiry.regression import Added
from kosmos_nb.inquiry.units import slope_unit
from kosmos_nb.inquiry.variables import (
    Variable,
    complete,
    dummies,
    has_heavy_tails,
    normal_scores,
    on_scale,
    smooth,
)

FEWEST_ROWS = 20
DRAWN_BELOW = 60
SQUARES_FROM = 40
BENT_FROM = 400
FEWEST_PER_LEVEL = 25
# Where a few rows stand for a level or a cell alone, their spread decides: false findings in a third of
# the tables whose groups differ in spread and size.
FEWEST_PER_CELL = 15
MOST_SAID = 6


def measure(
    x: Variable, y: Variable, moderator: Variable, *, alpha: float, seed: int
) -> Measurement | Untestable:
    """Test whether the relation of y to x is another one for other values of the moderator.

    Args:
        y: Numeric, or of two levels. alpha: Level for the detectable effect and the claim.
        seed: Of the permutations, which serve below 60 rows.

    The effect is the partial correlation of the product of x and moderator, given both and their
    bends: plus when y rises more steeply with x (or its later level) where the moderator is higher
    (or its later level). With more than two levels it is the share of y that the products explain.

    Source: Cohen, Cohen, West and Aiken, Applied Multiple Regression (2003), chapters 7 and 9.
    """
    if len(y.levels) > 2:
        return Untestable(reason=f"{y.name} has more than two levels; an interaction needs a number or two")
    x, y, moderator = complete((x, y, moderator), fewest=FEWEST_PER_LEVEL)
    n = len(y.values)
    if n < FEWEST_ROWS:
        reason = f"{n} rows have all three values, fewer than {FEWEST_ROWS}"
        return Untestable(reason=reason, caveats=("small_n",), n=n)
    for one in (x, y, moderator):
        if one.is_constant:
            reason = f"{one.name} is constant in the rows that have all three"
            return Untestable(reason=reason, caveats=("constant",), n=n)
    if not x.is_numeric and not moderator.is_numeric:
        cells = np.bincount(x.values * len(moderator.levels) + moderator.values)
        if len(cells) < len(x.levels) * len(moderator.levels) or cells.min() < FEWEST_PER_CELL:
            reason = (
                f"a level of {x.name} has fewer than {FEWEST_PER_CELL} rows in a level of {moderator.name}"
            )
            return Untestable(reason=reason, caveats=("few_per_level",), n=n)
    first, second = _on_scale(x), _on_scale(moderator)
    products = (first[:, :, np.newaxis] * second[:, np.newaxis, :]).reshape(n, -1)
    rarer = n if y.is_numeric else int(2 * np.bincount(y.values).min())
    base = np.hstack([_main(x, first, rarer), _main(moderator, second, rarer)])
    tests = [
        regression.added(outcome, products, base, seed=seed, drawn_below=DRAWN_BELOW)
        for outcome in _outcomes(y, base)
    ]
    found = [added for added in tests if isinstance(added, Added)]
    if len(found) < len(tests):
        return next(reason for reason in tests if isinstance(reason, Untestable))
    added = max(found, key=lambda one: one.p)
    p, test = added.p, "product terms, " + ("by permutations" if added.is_drawn else "HC3")
    if not y.is_numeric:
        held = regression.basis(regression.with_ones(base))
        p, is_firth = logistic.added_p(y.values.astype(np.float64), regression.new_part(products, held), held)
        test = "product terms, logistic" + (" with Firth's penalty" if is_firth else "")
    return _measurement(x, y, moderator, added, p, test, alpha)


def _measurement(
    x: Variable, y: Variable, moderator: Variable, added: Added, p: float, test: str, alpha: float
) -> Measurement:
    is_directed = x.is_directed and moderator.is_directed
    interval = added.r_interval if is_directed else added.r2_interval
    parts = _parts(moderator)
    found = [_effect_within(x, y, rows) for _, rows in parts]
    change = found[-1] - found[0] if is_directed else math.nan
    return Measurement(
        p=p,
        effect=added.r if is_directed else added.r2,
        metric=PARTIAL_R if is_directed else PARTIAL_R2,
        ci95=interval(0.95),
        ci90=interval(0.90),
        ci_claim=interval(1 - alpha if is_directed else one_sided(alpha)),
        n=len(y.values),
        is_directed=is_directed,
        detectable=added.detectable(alpha),
        test=test,
        effect_raw=change if math.isfinite(change) else None,
        unit=_unit(x, y) if math.isfinite(change) else "",
        notes=(_sentence(x, y, moderator, [name for name, _ in parts], found),),
    )


def _on_scale(variable: Variable) -> Floats:
    """Return the regression columns of one variable, shape (n, k), without far-out rows."""
    return on_scale(variable.values)[:, np.newaxis] if variable.is_numeric else dummies(variable)


def _outcomes(y: Variable, base: Floats) -> list[Floats]:
    """Return y on the scale of the test; with heavy tails also the scores of robust residuals."""
    if not y.is_numeric:
        return [y.values.astype(np.float64)]
    if not has_heavy_tails(y.values):
        return [on_scale(y.values)]
    return [on_scale(y.values), normal_scores(regression.robust_residuals(y.values, base))]


def _main(variable: Variable, columns: Floats, rows: int) -> Floats:
    """Return the main effect, bent as far as the rows allow.

    Where x and moderator go together, a bend of either looks like their product.
    """
    if not variable.is_numeric or rows < SQUARES_FROM:
        return columns
    bends = [columns, columns**2]
    if rows >= BENT_FROM:
        bends += [columns**3, smooth(variable.values, 4)]
    return np.hstack(bends)


def _parts(moderator: Variable) -> list[tuple[str, Mask]]:
    """Return the rows of each level of the moderator, or of its lowest and highest quarter."""
    values = moderator.values
    if not moderator.is_numeric:
        return [(level, values == at) for at, level in enumerate(moderator.levels)]
    low, high = (float(edge) for edge in np.quantile(values, (0.25, 0.75)))
    if low == high:
        return [(f"{moderator.name} below {low:.4g}", values < low), (f"from {low:.4g}", values >= low)]
    return [
        (f"{moderator.name} up to {low:.4g}", values <= low),
        (f"from {high:.4g}", values >= high),
    ]


def _effect_within(x: Variable, y: Variable, rows: Mask) -> float:
    """Return the slope of y on x, or its difference between two levels, in the data's units."""
    a, b = x.values[rows].astype(np.float64), y.values[rows].astype(np.float64)
    if len(x.levels) > 2 and len(a):
        sizes = np.bincount(x.values[rows])
        means = np.bincount(x.values[rows], weights=b)[sizes > 0] / sizes[sizes > 0]
        return float(means.max() - means.min())
    a = a - a.mean() if len(a) else a
    square = float(a @ a)
    return float(a @ b) / square if square > 0 else math.nan


def _unit(x: Variable, y: Variable) -> str:
    name, unit = (y.name, y.unit) if y.is_numeric else (f"share of {y.levels[1]}", "")
    return slope_unit(name, unit, x.name, x.unit) if x.is_numeric else unit or name


def _sentence(x: Variable, y: Variable, moderator: Variable, names: list[str], found: list[float]) -> str:
    what = "slope" if x.is_numeric else "difference" if len(x.levels) == 2 else "largest difference"
    said = [
        f"{value:+.3g} at {name}" if moderator.is_numeric else f"{value:+.3g} in {name}"
        for name, value in zip(names, found, strict=True)
        if math.isfinite(value)
    ]
    more = f" and {len(said) - MOST_SAID} more" if len(said) > MOST_SAID else ""
    return f"{what} {', '.join(said[:MOST_SAID])}{more} ({_unit(x, y)})"
