"""Groups and categories that vary within subjects, compared there.

Only the order of the labels inside each subject is left to chance, so nothing that subjects have in common
can make a finding.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kosmos_nb.inquiry import laws
from kosmos_nb.inquiry.categories import cramers_v, v_interval
from kosmos_nb.inquiry.groups import delta_interval, delta_with_error, epsilon2_interval
from kosmos_nb.inquiry.measurement import CRAMER_V, DELTA, EPSILON2, Measurement, Untestable, one_sided
from kosmos_nb.inquiry.ranks import Floats, Ints, sort
from kosmos_nb.inquiry.values import difference

FEWEST_ROWS = 10
Codes = NDArray[np.int32]


def groups(
    codes: Codes, y: Floats, units: Ints, *, levels: tuple[str, ...], unit: str, alpha: float
) -> Measurement | Untestable:
    """Test whether y differs between the levels within the subjects.

    Args:
        codes: Level of each row, -1 where missing. y: Values less the subject's mean, NaN where missing.
        units: Subject of each row.
        levels: Names of the codes. unit: Of y. alpha: Level for the detectable effect.

    Source: aligned rank test, Hodges and Lehmann, Annals of Mathematical Statistics 33 (1962).
    """
    keep = (codes >= 0) & ~np.isnan(y)
    n = int(keep.sum())
    used = np.flatnonzero(np.bincount(codes[keep], minlength=len(levels)) >= 2)
    if n < FEWEST_ROWS or len(used) < 2:
        return Untestable(reason=f"{n} rows of two levels or more have both values", n=n)
    keep &= np.isin(codes, used)
    ordered = sort(y[keep])
    ranks = ordered.ranks_by_row(int(keep.sum()))
    wave = np.searchsorted(used, codes[keep])
    statistic, df = _stratified(_dummies(wave, len(used)), ranks[:, np.newaxis], units[keep])
    if df == 0:
        return Untestable(reason="no subject has rows of two levels", n=n)
    p = laws.chi2_tail(statistic, df)
    n = len(ranks)
    means = np.bincount(wave, weights=y[keep]) / np.bincount(wave)
    if len(used) > 2:
        effect = max(0.0, statistic) / (n - 1)
        needed = laws.detectable_shift(df, alpha)
        high, low = levels[int(used[np.argmax(means)])], levels[int(used[np.argmin(means)])]
        return Measurement(
            p=p, effect=effect, metric=EPSILON2, n=n, is_directed=False,
            ci95=epsilon2_interval(statistic, n, df + 1, 0.95),
            ci90=epsilon2_interval(statistic, n, df + 1, 0.90),
            ci_claim=epsilon2_interval(statistic, n, df + 1, one_sided(alpha)),
            detectable=needed / (needed + n), test="aligned ranks within subjects",
            effect_raw=float(means.max() - means.min()), unit=unit,
            notes=(f"within subjects highest in {high}, lowest in {low}",),
        )  # fmt: skip
    second = wave[ordered.order] == 1
    delta, error, _ = delta_with_error(second, ordered)
    error = max(error, abs(delta) / math.sqrt(statistic) if statistic > 0.01 else 0.0)
    m = int(second.sum())
    intervals = [delta_interval(delta, error, n - 2.0, min(m, n - m), one) for one in (0.95, 0.9, 1 - alpha)]
    return Measurement(
        p=p, effect=delta, metric=DELTA, n=n, is_directed=True,
        ci95=intervals[0], ci90=intervals[1], ci_claim=intervals[2],
        detectable=min(1.0, laws.detectable_z(alpha) * error),
        test="aligned ranks within subjects", effect_raw=float(means[1] - means[0]), unit=unit,
        notes=(f"{difference(levels[int(used[1])], levels[int(used[0])])}, within subjects",),
    )  # fmt: skip


def categories(
    x: Codes, y: Codes, units: Ints, *, shape: tuple[int, int], alpha: float
) -> Measurement | Untestable:
    """Test whether two categories go together within the subjects.

    Args:
        x, y: Levels of each row, -1 where missing. units: Subject of each row.
        shape: Number of levels of x and y. alpha: Level for the detectable effect.

    Source: generalised Cochran-Mantel-Haenszel; Landis, Heyman and Koch, International Statistical Review 46
    (1978).
    """
    keep = (x >= 0) & (y >= 0)
    n = int(keep.sum())
    if n < FEWEST_ROWS:
        return Untestable(reason=f"{n} rows have both values", n=n)
    statistic, df = _stratified(_dummies(x[keep], shape[0]), _dummies(y[keep], shape[1]), units[keep])
    if df == 0:
        return Untestable(reason="no subject has rows of two levels of both", n=n)
    v = cramers_v(statistic, n, *shape)
    needed = laws.detectable_shift(df, alpha)
    intervals = [v_interval(statistic, v, n, *shape, one) for one in (0.95, 0.9, one_sided(alpha))]
    return Measurement(
        p=laws.chi2_tail(statistic, df), effect=v, metric=CRAMER_V, n=n, is_directed=False,
        ci95=intervals[0], ci90=intervals[1], ci_claim=intervals[2],
        detectable=min(1.0, math.sqrt(needed / (n * (min(shape) - 1)))),
        test="Cochran-Mantel-Haenszel within subjects",
    )  # fmt: skip


def _dummies(codes: NDArray[Any], n_levels: int) -> Floats:
    dummies: Floats = (codes[:, np.newaxis] == np.arange(n_levels)).astype(np.float64)
    return dummies


def _stratified(a: Floats, b: Floats, units: Ints) -> tuple[float, int]:
    """Return the chi-square of Σ a·b over the rows, shuffled within the subjects, and its df.

    Args:
        a, b: Shapes (n, k) and (n, l). units: Subject of each row, shape (n,).
    """
    _, strata, sizes = np.unique(units, return_inverse=True, return_counts=True)
    a, b = _centred(a, strata, sizes), _centred(b, strata, sizes)
    cells = (a[:, :, np.newaxis] * b[:, np.newaxis, :]).sum(axis=0).ravel()
    spread = np.zeros((len(cells), len(cells)))
    weights = 1 / np.maximum(sizes - 1.0, 1.0)
    for square_a, square_b, weight in zip(_squares(a, strata), _squares(b, strata), weights, strict=True):
        spread += weight * np.kron(square_a, square_b)
    values, vectors = np.linalg.eigh(spread)
    solid = values > 1e-9 * max(float(values.max(initial=0.0)), 1e-300)
    along = vectors[:, solid].T @ cells
    return float(np.sum(along**2 / values[solid])), int(solid.sum())


def _centred(values: Floats, strata: Ints, sizes: Ints) -> Floats:
    sums = np.stack([np.bincount(strata, weights=column) for column in values.T], axis=1)
    centred: Floats = values - (sums / sizes[:, np.newaxis])[strata]
    return centred


def _squares(values: Floats, strata: Ints) -> Floats:
    """Return the matrix of squares and products within each subject, shape (n_units, k, k)."""
    k = values.shape[1]
    products = (values[:, :, np.newaxis] * values[:, np.newaxis, :]).reshape(len(values), k * k)
    summed = np.stack([np.bincount(strata, weights=column) for column in products.T], axis=1)
    return np.asarray(summed, dtype=np.float64).reshape(-1, k, k)
