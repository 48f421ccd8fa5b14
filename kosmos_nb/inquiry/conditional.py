"""Whether two columns are still related when others are held fixed.

Numbers come in as normal scores of their ranks, categories as dummies, and what is held fixed as
smooth functions of its ranks, so that neither tails nor bends decide.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kosmos_nb.core import units
from kosmos_nb.inquiry import chance, laws, logistic, regression
from kosmos_nb.inquiry.association import correlation
from kosmos_nb.inquiry.measurement import PARTIAL_R2, PARTIAL_RHO, Measurement, Untestable, one_sided
from kosmos_nb.inquiry.ranks import Floats
from kosmos_nb.inquiry.regression import Added
from kosmos_nb.inquiry.units import share_of, slope_unit
from kosmos_nb.inquiry.values import difference
from kosmos_nb.inquiry.variables import Variable, columns_of, complete, dummies, held_fixed, ranked, unfit

FEWEST_ROWS = 10


@dataclass(frozen=True, slots=True)
class _Found:
    """p and its test, beside what the columns add on the scale of ranks."""

    p: float
    test: str
    added: Added


def measure(
    x: Variable, y: Variable, given: tuple[Variable, ...], *, alpha: float, seed: int
) -> Measurement | Untestable:
    """Test whether y is related to x when the columns `given`, one or more, are held fixed.

    Args:
        alpha: Level for the detectable effect and the interval of a claim.
        seed: Of the permutations, which serve below 50 rows.

    The effect is the partial rank correlation, of normal scores since plain ranks lose power (later
    minus first level of a category of two), or where one has more levels the share of y that x
    explains beyond `given`.

    Sources: Freedman and Lane (1983), Firth (1993), see `regression` and `logistic`; Shah and
    Peters, Annals of Statistics 48 (2020), for two categories of more than two levels.
    """
    x, y, *rest = complete((x, y, *given))
    n = len(y.values)
    names = " and ".join(one.name for one in rest)
    if (why := unfit((x, y), columns=2 + len(rest), fewest=FEWEST_ROWS)) is not None:
        return why
    found = _tested(x, y, tuple(rest), seed)
    if isinstance(found, Untestable):
        return found
    is_directed = x.is_directed and y.is_directed
    added = found.added
    raw, unit = _raw(x, y, held_fixed(rest, n)) if is_directed else (None, "")
    interval = added.r_interval if is_directed else added.r2_interval
    claim = 1 - alpha if is_directed else one_sided(alpha)
    return Measurement(
        p=found.p,
        effect=added.r if is_directed else added.r2,
        metric=PARTIAL_RHO if is_directed else PARTIAL_R2,
        ci95=interval(0.95),
        ci90=interval(0.90),
        ci_claim=interval(claim),
        n=n,
        is_directed=is_directed,
        detectable=added.detectable(alpha),
        test=found.test,
        effect_raw=raw,
        unit=unit,
        notes=_notes(x, y, names, is_directed),
    )


def _tested(x: Variable, y: Variable, given: tuple[Variable, ...], seed: int) -> _Found | Untestable:
    """Choose the test by the kinds of x and y, and carry it out."""
    if not y.is_directed and not x.is_directed:
        return _categories(x, y, held_fixed(given, len(y.values)), seed)
    if not y.is_directed or (y.is_numeric and len(x.levels) == 2):
        # The relation is the same both ways round; one column as the outcome makes it a regression.
        x, y = (y, x) if not y.is_directed else (x, y)
    n = len(y.values)
    rarer = n if y.is_numeric else int(2 * np.bincount(y.values).min())
    base, columns = held_fixed(given, rarer), columns_of(x)
    outcome = columns_of(y)[:, 0]
    added = regression.added(outcome, columns, base, seed=seed)
    if isinstance(added, Untestable):
        return added
    if y.is_numeric:
        test = "rank regression, " + ("by permutations" if added.is_drawn else "robust errors")
        return _Found(added.p, test, added)
    held = regression.basis(regression.with_ones(base))
    p, is_firth = logistic.added_p(outcome, regression.new_part(columns, held), held)
    test = "logistic regression, likelihood ratio" + (" with Firth's penalty" if is_firth else "")
    return _Found(p, test, added)


def _categories(x: Variable, y: Variable, base: Floats, seed: int) -> _Found | Untestable:
    """Test whether what is left of the levels of x and of y goes together.

    The products of the two remainders are zero on average when x and y are independent given
    the base, whichever of the two the base describes well.
    """
    n = len(y.values)
    held = regression.basis(regression.with_ones(base))
    left = [regression.new_part(dummies(one), held) for one in (x, y)]
    a, b = left[0].shape[1], left[1].shape[1]
    df = n - held.shape[1] - a
    if min(a, b) == 0:
        reason = "what is held fixed already tells the level in every row"
        return Untestable(reason=reason, caveats=("collinear",), n=n)
    if df < regression.FEWEST_DF:
        return Untestable(reason=f"{n} rows are too few for so many levels", caveats=("small_n",), n=n)
    seen = left[0].T @ left[1]
    share = min(1.0, float(np.sum(seen**2)) / min(a, b))
    is_drawn = n < regression.DRAWN_BELOW
    if is_drawn:
        p = _drawn_p(left[0], left[1], float(np.sum(seen**2)), seed)
    else:
        p = _products_p(left[0], left[1])
        p = max(p, laws.chi2_tail(df * float(np.sum(seen**2)), a * b))
    added = Added(p, share, float("nan"), a * b, df, 1.0, is_drawn)
    return _Found(p, "products of remainders" + (", by permutations" if is_drawn else ""), added)


def _products_p(first: Floats, second: Floats) -> float:
    products = (first[:, :, np.newaxis] * second[:, np.newaxis, :]).reshape(len(first), -1)
    total = products.sum(axis=0)
    spread = products.T @ products
    df = int(np.linalg.matrix_rank(spread, hermitian=True))
    return laws.chi2_tail(float(total @ np.linalg.pinv(spread, hermitian=True) @ total), df)


def _drawn_p(first: Floats, second: Floats, seen: float, seed: int) -> float:
    rng = np.random.default_rng(seed)

    def count(draws: int) -> int:
        as_far = 0
        for rows in chance.rows_drawn(len(first), len(first), draws, rng):
            together = np.einsum("ia,kib->kab", first, second[rows])
            as_far += int(np.sum(np.sum(together**2, axis=(1, 2)) >= seen * (1 - 1e-12)))
        return as_far

    return chance.drawn_p(count)


def _raw(x: Variable, y: Variable, base: Floats) -> tuple[float | None, str]:
    """Return the adjusted slope, or difference between two levels, in the data's units."""
    found = regression.slope(y.values.astype(np.float64), x.values.astype(np.float64), base)
    name, unit = (y.name, y.unit) if y.is_numeric else (share_of(y.name, y.levels[1]), "")
    return found, slope_unit(name, unit, x.name, x.unit) if x.is_numeric else unit or name


def _notes(x: Variable, y: Variable, names: str, is_directed: bool) -> tuple[str, ...]:
    """Say which level is compared with which, and how strong the relation is with nothing fixed."""
    if not is_directed:
        return (f"with {names} held fixed",)
    levels = () if x.is_numeric else (difference(x.levels[1], x.levels[0]),)
    alone = correlation(ranked(x.values.astype(np.float64)), ranked(y.values.astype(np.float64)))
    return (*levels, f"with {names} held fixed; rank correlation without that {units.signed(alone)}")
