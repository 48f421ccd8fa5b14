"""Least squares with errors that hold under unequal spread, and what columns add to others.

Everything rests on orthonormal bases, so columns that repeat others do no harm.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from kosmos_nb.inquiry import chance, laws
from kosmos_nb.inquiry.measurement import Untestable
from kosmos_nb.inquiry.ranks import Floats

DRAWN_BELOW = 50
FEWEST_DF = 8
FEW_DF = 20
NEW = 1e-3
HUBER_STEPS = 30
UNEQUAL = 1.5
THIN_LEVERAGE = 1 / 15
# Variance of the logarithm of (true variance over the classical one), as it is expected beforehand; and from
# which ratio on the spread is taken for uneven.
UNEVEN, CLEARLY = 0.1, 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A least-squares fit.

    Attributes:
        coefficients: Shape (k,); of the smallest length where columns repeat each other.
        covariance: HC3, shape (k, k).
        residuals: Shape (n,).
        df: Rows less the rank of the design.
    """

    coefficients: Floats
    covariance: Floats
    residuals: Floats
    df: int

    def p_of(self, at: slice) -> float:
        """Return the p of the Wald test that the coefficients `at` are all zero."""
        chosen, spread = self.coefficients[at], self.covariance[at, at]
        q = int(np.linalg.matrix_rank(spread, hermitian=True))
        return laws.f_tail(float(chosen @ np.linalg.pinv(spread, hermitian=True) @ chosen) / q, q, self.df)


@dataclass(frozen=True, slots=True)
class Added:
    """What some columns add to a fit.

    Attributes:
        p: Two-sided.
        r2: Share of what the base leaves of y that the columns explain.
        r: Partial correlation when it is one column, else NaN.
        q, df: Degrees of freedom of the columns, and of what remains.
        widening: How much larger the HC3 error is than the classical one, at least 1.
        is_drawn: Whether p is by permutations.
    """

    p: float
    r2: float
    r: float
    q: int
    df: int
    widening: float
    is_drawn: bool

    def r_interval(self, level: float) -> tuple[float, float]:
        """Return the interval of r, on Fisher's scale, with the error of Bonett and Wright."""
        r = max(-1 + 1e-12, min(1 - 1e-12, self.r))
        error = math.sqrt((1 + r * r / 2) / max(self.df - 2, 1)) * self.widening
        half = laws.normal_quantile((1 + level) / 2) * error
        return math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half)

    def r2_interval(self, level: float) -> tuple[float, float]:
        """Return the interval of r2 by inverting the noncentral F."""
        n = self.df + self.q + 1
        f = (self.r2 / self.q) / max((1 - self.r2) / self.df, 1e-12)
        low, high = laws.f_shift_interval(min(f, laws.LARGE), self.q, self.df, level)
        return min(self.r2, low / (low + n)), max(self.r2, high / (high + n))

    def detectable(self, alpha: float) -> float:
        """Return the smallest effect, on the scale of r or of r2, found with 80 % power."""
        if self.q == 1:
            return math.tanh(laws.detectable_z(alpha) / math.sqrt(max(self.df - 2, 1)))
        needed = laws.detectable_shift(self.q, alpha)
        return needed / (needed + self.df)


def with_ones(columns: Floats) -> Floats:
    """Return the columns, shape (n, k), with a column of ones before them."""
    return np.hstack([np.ones((len(columns), 1)), columns])


def fit(design: Floats, y: Floats) -> Fit:
    """Fit y, shape (n,), to the design, shape (n, k), ones included if wanted.

    A row that the fit must meet exactly (leverage 1) says nothing of the spread and adds none.

    Source: MacKinnon and White, Journal of Econometrics 29 (1985), HC3.
    """
    left, size, right = np.linalg.svd(design, full_matrices=False)
    kept = size > size[0] * max(design.shape) * np.finfo(np.float64).eps
    left, inverse = left[:, kept], right[kept].T / size[kept]
    own = left.T @ y
    residuals = y - left @ own
    weights = _hc3_weights(residuals, np.sum(left**2, axis=1))
    covariance = inverse @ ((left * weights[:, np.newaxis]).T @ left) @ inverse.T
    return Fit(inverse @ own, covariance, residuals, len(y) - int(kept.sum()))


def basis(columns: Floats) -> Floats:
    """Return an orthonormal basis of the columns, shape (n, rank); columns of zeros are none."""
    norms = np.linalg.norm(columns, axis=0)
    scaled = columns[:, norms > 0] / norms[norms > 0]
    if scaled.shape[1] == 0:
        return np.zeros((len(columns), 0))
    # Sweeping the rotation through R keeps the work linear in n for tall designs.
    tall, small = np.linalg.qr(scaled)
    left, size, _ = np.linalg.svd(small)
    return np.asarray(tall @ left[:, size > 1e-9 * size[0]], dtype=np.float64)


def without(values: Floats, held: Floats) -> Floats:
    """Return what is left of values, shape (n,) or (n, k), outside the orthonormal basis `held`."""
    return np.asarray(values - held @ (held.T @ values), dtype=np.float64)


def new_part(columns: Floats, held: Floats) -> Floats:
    """Return an orthonormal basis of what the columns have outside `held`, shape (n, q).

    Less than a thousandth of a column's own spread counts as nothing.
    """
    spread = np.linalg.norm(columns - columns.mean(axis=0), axis=0)
    left = without(columns[:, spread > 0], held) / spread[spread > 0]
    if left.shape[1] == 0:
        return np.zeros((len(columns), 0))
    tall, small = np.linalg.qr(left)
    rotation, size, _ = np.linalg.svd(small)
    # Once more, since what is left of nearly collinear columns is mostly rounding.
    return basis(without(tall @ rotation[:, size > NEW], held))


def added(
    y: Floats, columns: Floats, base: Floats, *, seed: int, drawn_below: int = DRAWN_BELOW
) -> Added | Untestable:
    """Test whether columns say anything of y beyond the base, by robust errors or by permutations.

    Args:
        y: Shape (n,). columns: Shape (n, q). base: Shape (n, k), the ones are added.
        seed: Of the permutations, which serve below `drawn_below` rows or 20 degrees of freedom.

    One column is tested as in `_single_p`, several by HC3. Where few rows carry the several (a small
    group) the HC3 error is itself uncertain; the larger of its p and the classical one then counts.
    In few rows of clearly unequal spread it is the larger of the p by permutations and the robust one.

    Source: Freedman and Lane, Journal of Business and Economic Statistics 1 (1983).
    """
    n = len(y)
    held = basis(with_ones(base))
    new = new_part(columns, held)
    q, df = new.shape[1], n - held.shape[1] - new.shape[1]
    if q == 0:
        return Untestable(
            reason="what is held fixed already tells its value in every row", caveats=("collinear",), n=n
        )
    if df < FEWEST_DF:
        return Untestable(reason=f"{n} rows are too few for so many columns", caveats=("small_n",), n=n)
    remains = without(y, held)
    total = float(remains @ remains)
    if total <= 1e-18 * n * float(np.var(y)) or total == 0:
        return Untestable(
            reason="what is held fixed already tells the outcome in every row", caveats=("collinear",), n=n
        )
    own = new.T @ remains
    r2 = min(1.0, float(own @ own) / total)
    residuals = remains - new @ own
    classical = laws.f_tail((r2 / q) / max((1 - r2) / df, 1e-15), q, df)
    leverage = np.sum(new**2, axis=1)
    weights = _hc3_weights(residuals, np.sum(held**2, axis=1) + leverage)
    spread = (new * weights[:, np.newaxis]).T @ new
    is_drawn = n < drawn_below or df < FEW_DF
    if q == 1:
        p = _single_p(float(own[0]), remains, residuals, new[:, 0], held, df)
    else:
        p = laws.f_tail(float(own @ np.linalg.pinv(spread, hermitian=True) @ own) / q, q, df)
    if is_drawn:
        drawn = _drawn_p(remains, new, held, r2, seed)
        # Shuffling takes the spread as equal everywhere; where HC3 sees otherwise, it counts.
        p = (
            max(drawn, p)
            if float(np.trace(spread)) / q > UNEQUAL * float(residuals @ residuals) / df
            else drawn
        )
    elif q > 1 and leverage.max() > THIN_LEVERAGE:
        p = max(p, classical)
    common = max(float(residuals @ residuals) / df, 1e-300)
    r = math.copysign(math.sqrt(r2), float(remains @ without(columns[:, 0], held))) if q == 1 else math.nan
    return Added(p, r2, r, q, df, max(1.0, math.sqrt(float(np.trace(spread)) / q / common)), is_drawn)


def slope(y: Floats, x: Floats, base: Floats) -> float | None:
    """Return the change in y for one of x with the base held fixed; None without one."""
    held = basis(with_ones(base))
    left = without(x, held)
    square = float(left @ left)
    found = float(left @ y) / square if square > 0 else math.nan
    return found if math.isfinite(found) else None


def robust_residuals(y: Floats, base: Floats) -> Floats:
    """Return what Huber's fit of y to the base, ones added, leaves, shape (n,).

    Source: Huber, Annals of Mathematical Statistics 35 (1964), k = 1.345, scale by the median.
    """
    held = basis(with_ones(base))
    coefficients: Floats = held.T @ y
    for _ in range(HUBER_STEPS):
        residuals = y - held @ coefficients
        scale = 1.4826 * float(np.median(np.abs(residuals)))
        if scale == 0:
            break
        weights = np.minimum(1.0, 1.345 * scale / np.maximum(np.abs(residuals), 1e-12 * scale))
        weighted = held * weights[:, np.newaxis]
        coefficients = np.asarray(
            np.linalg.lstsq(weighted.T @ held, weighted.T @ y, rcond=None)[0], np.float64
        )
    return np.asarray(y - held @ coefficients, dtype=np.float64)


def _hc3_weights(residuals: Floats, leverage: Floats) -> Floats:
    room = 1 - leverage
    return np.where(room > 1e-8, (residuals / np.maximum(room, 1e-8)) ** 2, 0.0)


def _single_p(own: float, remains: Floats, residuals: Floats, new: Floats, held: Floats, df: int) -> float:
    """Return the p of one coefficient by HC2 errors, moderated.

    HC2 rests on the few rows that carry the column. Its logarithm is drawn towards the classical
    one as far as its own error allows. Where the rows that carry the column are clearly the noisy ones,
    HC3 is taken as it is: HC2 then gives ten times too many p below 0.0005. That is told from what is left
    without the column, as a chance effect takes its own noise along.

    Args:
        own: The coefficient. remains, residuals: What is left of y without and with it.
        new: Its column, of length one, orthogonal to the basis `held`.

    Sources: Bell and McCaffrey, Survey Methodology 28 (2002), for the degrees of freedom; Smyth,
    Statistical Applications in Genetics and Molecular Biology 3 (2004), for moderating a variance.
    """
    design = np.column_stack([held, new])
    room = np.maximum(1 - np.sum(design**2, axis=1), 1e-8)
    carried = new**2 / room
    common = float(residuals @ residuals) / df
    robust = float(carried @ residuals**2)
    if robust <= 0:
        return 1.0
    # tr(M)² / tr(M²), M the quadratic form of HC2; tr(M) is one where no row has leverage 1.
    overlap = design.T @ (carried[:, np.newaxis] * design)
    own_df = 1 / float(carried**2 @ (2 * room - 1) + np.sum(overlap**2))
    if float(carried @ remains**2) > CLEARLY * float(remains @ remains) / (df + 1):
        wary = float((new / room) ** 2 @ residuals**2)
        return laws.t_two_sided(own / math.sqrt(wary), min(df, own_df))
    ratio = math.log(robust / common)
    known = UNEVEN + ratio**2
    kept = known / (known + 2 / own_df)
    return laws.t_two_sided(own / math.sqrt(common * math.exp(kept * ratio)), min(df, own_df / kept**2))


def _drawn_p(remains: Floats, new: Floats, held: Floats, seen: float, seed: int) -> float:
    """Return how often shuffled residuals of the base are explained as well as the real ones."""
    rng = np.random.default_rng(seed)

    def count(draws: int) -> int:
        as_far = 0
        for rows in chance.rows_drawn(len(remains), len(remains), draws, rng):
            shuffled = remains[rows]
            total = np.sum(shuffled**2, axis=1) - np.sum((shuffled @ held) ** 2, axis=1)
            explained = np.sum((shuffled @ new) ** 2, axis=1)
            as_far += int(np.sum(explained >= seen * total * (1 - 1e-12)))
        return as_far

    return chance.drawn_p(count)
