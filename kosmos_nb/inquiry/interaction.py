"""Whether the relation of two columns changes with a third, the moderator.

An interaction depends on the scale, so the scale is chosen from each column alone: its own values,
or normal scores of its ranks where its tails are heavy, lest a few far-out rows decide. A sum of
two skewed columns bends under such scores and looks like a product; so a heavy-tailed y must show
the change on its own scale too, by the scores of its residuals from a robust fit.
"""

from __future__ import annotations

import math

import numpy as np

from kosmos_nb.core import units
from kosmos_nb.inquiry import logistic, regression
from kosmos_nb.inquiry.measurement import PARTIAL_R, PARTIAL_R2, Measurement, Untestable, one_sided
from kosmos_nb.inquiry.ranks import Floats, Mask
from kosmos_nb.inquiry.regression import Added
from kosmos_nb.inquiry.units import share_of, slope_unit
from kosmos_nb.inquiry.values import difference, writer
from kosmos_nb.inquiry.variables import (
    Variable,
    complete,
    dummies,
    has_heavy_tails,
    normal_scores,
    on_scale,
    smooth,
    unfit,
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
NO_SIGN = 0.005  # an effect below is shown as zero


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
    why = unfit((x, y, moderator), columns=3, fewest=FEWEST_ROWS, per_level=FEWEST_PER_LEVEL)
    if why is not None:
        return why
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
    p, test = added.p, "product terms, " + ("by permutations" if added.is_drawn else "robust errors")
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
    # In the data's own units the ends of the moderator may tell otherwise than the test of all rows.
    agrees = change * added.r > 0
    said = (
        _direction(x, moderator, added.r) if is_directed else "",
        _told(x, y, [place for place, _ in parts], found) if agrees or not is_directed else "",
    )
    scored = [one.name for one in (y, x, moderator) if one.is_numeric and has_heavy_tails(one.values)]
    scale = f"tested on normal scores of {', '.join(scored)} (heavy tails)" if scored else ""
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
        effect_raw=change if agrees else None,
        unit=_unit(x, y) if agrees else "",
        notes=tuple(part for part in (": ".join(part for part in said if part), scale) if part),
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
    """Return each level of the moderator, or its lowest and highest quarter, and the rows there."""
    values = moderator.values
    if not moderator.is_numeric:
        return [(f"in {level}", values == at) for at, level in enumerate(moderator.levels)]
    say = writer(values, moderator.unit, 4)
    low, high = (float(edge) for edge in np.quantile(values, (0.25, 0.75)))
    rest = (f"from {say(high)} on", values >= high)
    if low == high:
        return [(f"at {moderator.name} below {say(low)}", values < low), rest]
    return [(f"at {moderator.name} up to {say(low)}", values <= low), rest]


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
    name, unit = (y.name, y.unit) if y.is_numeric else (share_of(y.name, y.levels[1]), "")
    return slope_unit(name, unit, x.name, x.unit) if x.is_numeric else unit or name


def _direction(x: Variable, moderator: Variable, r: float) -> str:
    """Return in words the sign of the tested effect; nothing where it is shown as zero."""
    if abs(r) < NO_SIGN:
        return ""
    what = "slope" if x.is_numeric else f"difference {difference(x.levels[1], x.levels[0])}"
    if moderator.is_numeric:
        return f"the {what} {'grows with' if r > 0 else 'falls with growing'} {moderator.name}"
    first, second = moderator.levels
    return f"the {what} is {'larger' if r > 0 else 'smaller'} in {second} than in {first}"


def _told(x: Variable, y: Variable, places: list[str], found: list[float]) -> str:
    """Return the slopes, or the differences between levels of x, in the data's units."""
    is_largest = len(x.levels) > 2
    what = "slope" if x.is_numeric else "largest difference" if is_largest else "difference"
    said = [
        f"{units.number(value, 3, is_signed=not is_largest)} {place}"
        for place, value in zip(places, found, strict=True)
        if math.isfinite(value)
    ]
    more = f" and {len(said) - MOST_SAID} more" if len(said) > MOST_SAID else ""
    return f"{what} {', '.join(said[:MOST_SAID])}{more} ({_unit(x, y)})"
