"""A numeric column by the levels of a category: Brunner-Munzel for two, Kruskal-Wallis for more."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kosmos_nb.inquiry import chance, laws
from kosmos_nb.inquiry.measurement import DELTA, EPSILON2, Measurement, Untestable, one_sided
from kosmos_nb.inquiry.ranks import Floats, Ints, Mask, Sorted
from kosmos_nb.inquiry.values import difference

SMALL_GROUP = 15
PERMUTE_UP_TO = 500
SHUFFLES_AT_ONCE = 5_000


def measure(
    codes: NDArray[np.int32],
    y: Floats,
    y_sorted: Sorted,
    *,
    levels: tuple[str, ...],
    name: str,
    unit: str,
    alpha: float,
    seed: int,
) -> Measurement | Untestable:
    """Test whether y differs between the levels of a category.

    Args:
        codes: Level of each row, shape (n_rows,), -1 where missing.
        y: Values, NaN where missing. y_sorted: The same, sorted.
        levels: Names of the codes.
        name, unit: Of y. alpha: Level for the detectable effect. seed: Of the permutations.

    Sources: Brunner and Munzel, Biometrical Journal 42 (2000); Kruskal and Wallis, JASA 47
    (1952); Tomczak and Tomczak (2014) for epsilon².
    """
    keep: Mask = (codes >= 0) & ~np.isnan(y)
    sizes = np.bincount(codes[keep], minlength=len(levels))
    used = np.flatnonzero(sizes >= 2)
    caveats: tuple[str, ...] = ("few_per_level",) if np.any(sizes < 5) else ()
    if len(used) < 2:
        return Untestable(
            reason="fewer than two levels have two rows or more", caveats=caveats, n=int(keep.sum())
        )
    if len(used) < len(levels):
        keep &= np.isin(codes, used)
    ordered = y_sorted.within(keep)
    if len(ordered.starts) < 2:
        return Untestable(reason=f"{name} is constant in the rows that have both", caveats=("constant",))
    if len(used) == 2:
        return _two(codes, y, ordered, levels, (int(used[0]), int(used[1])), unit, alpha, seed, caveats)
    return _several(codes, y, ordered, levels, used, unit, alpha, caveats)


def delta_with_error(second: Mask, ordered: Sorted) -> tuple[float, float, float]:
    """Return Cliff's delta of the second group against the first, its standard error and df.

    Args:
        second: Whether each, in sorted order, belongs to the second group, shape (n,).
        ordered: The sorted values.

    The error is zero where the groups do not overlap.
    """
    n, m = len(second), int(second.sum())
    above, v2 = _placed(np.flatnonzero(second), ordered, n - m)
    _, v1 = _placed(np.flatnonzero(~second), ordered, m)
    df = (v1 + v2) ** 2 / (v1**2 / max(n - m - 1, 1) + v2**2 / max(m - 1, 1)) if v1 + v2 else math.nan
    return 2 * above - 1, 2 * math.sqrt(v1 + v2), df


def _placed(places: Ints, ordered: Sorted, others: int) -> tuple[float, float]:
    """Return the mean share of the others below each member of a group, and the variance of that mean.

    Args:
        places: Of the members in sorted order, shape (m,). others: How many rows are none.
    """
    m = len(places)
    if len(ordered.starts) == len(ordered.block):
        share = (places - np.arange(m)) / others
    else:
        own = Sorted(ordered.order[places], ordered.block[places]).midranks
        share = (ordered.midranks[places] - own) / others
    mean = float(share.mean())
    share -= mean
    return mean, float(share @ share) / max(m - 1, 1) / m


def delta_interval(delta: float, error: float, df: float, smaller: int, level: float) -> tuple[float, float]:
    """Return the interval of Cliff's delta; where groups do not overlap, the binomial bound.

    Source: Feng and Cliff, Journal of Modern Applied Statistical Methods 3 (2004), eq. 9.
    """
    if error == 0 or not math.isfinite(df):
        reach = 2 * (1 - ((1 - level) / 2) ** (1 / smaller))
        return (1 - reach, 1.0) if delta > 0 else (-1.0, -1 + reach)
    t = laws.t_quantile((1 + level) / 2, df)
    room = 1 - delta * delta
    spread = t * error * math.sqrt(room * room + t * t * error * error)
    scale = room + t * t * error * error
    return (delta * room - spread) / scale, (delta * room + spread) / scale


def kruskal(codes_in_order: NDArray[np.int32], ordered: Sorted) -> tuple[float, int]:
    """Return the Kruskal-Wallis statistic, corrected for ties, and the number of groups."""
    n = len(ordered.order)
    ranks = ordered.midranks
    sizes = np.bincount(codes_in_order)
    present = sizes > 0
    sums = np.bincount(codes_in_order, weights=ranks)[present]
    raw = 12 / (n * (n + 1)) * float(np.sum(sums**2 / sizes[present])) - 3 * (n + 1)
    ties = 1 - ordered.tie_term / (float(n) ** 3 - n)
    return max(0.0, raw / ties), int(present.sum())


def epsilon2_interval(statistic: float, n: int, groups: int, level: float) -> tuple[float, float]:
    """Return the interval of epsilon², as the share of rank variance between groups."""
    effect = statistic / (n - 1)
    between, within = groups - 1, n - groups
    f = (effect / between) / max((1 - effect) / max(within, 1), 1e-12)
    if f * between > laws.LARGE or effect > 0.999:
        spread = 4 * effect * (1 - effect) ** 2 * within**2 / ((n * n - 1.0) * (n + 3))
        half = laws.normal_quantile((1 + level) / 2) * math.sqrt(spread)
        return max(0.0, effect - half), min(1.0, effect + half)
    low, high = laws.f_shift_interval(f, between, within, level)
    return min(effect, low / (low + n)), max(effect, high / (high + n))


def _two(
    codes: NDArray[np.int32], y: Floats, ordered: Sorted, levels: tuple[str, ...], pair: tuple[int, int],
    unit: str, alpha: float, seed: int, caveats: tuple[str, ...],
) -> Measurement:  # fmt: skip
    second = codes[ordered.order] == pair[1]
    n, m = len(second), int(second.sum())
    delta, error, df = delta_with_error(second, ordered)
    mean_second, mean_first = float(y[ordered.order[second]].mean()), float(y[ordered.order[~second]].mean())
    return Measurement(
        p=_p_two(second, ordered, delta, error, df, seed),
        effect=delta,
        metric=DELTA,
        ci95=delta_interval(delta, error, df, min(m, n - m), 0.95),
        ci90=delta_interval(delta, error, df, min(m, n - m), 0.90),
        ci_claim=delta_interval(delta, error, df, min(m, n - m), 1 - alpha),
        n=n,
        is_directed=True,
        detectable=min(1.0, laws.detectable_z(alpha) * math.sqrt((n + 1) / (3.0 * m * (n - m)))),
        test="Brunner-Munzel",
        effect_raw=mean_second - mean_first,
        unit=unit,
        caveats=caveats,
        notes=(difference(levels[pair[1]], levels[pair[0]]),),
    )


def _several(
    codes: NDArray[np.int32], y: Floats, ordered: Sorted, levels: tuple[str, ...], used: Ints,
    unit: str, alpha: float, caveats: tuple[str, ...],
) -> Measurement:  # fmt: skip
    n = len(ordered.order)
    in_order = codes[ordered.order]
    statistic, groups = kruskal(in_order, ordered)
    sizes = np.bincount(in_order, minlength=len(levels))[used]
    means = np.bincount(in_order, weights=y[ordered.order], minlength=len(levels))[used] / sizes
    low, high = int(used[np.argmin(means)]), int(used[np.argmax(means)])
    needed = laws.detectable_shift(groups - 1, alpha)
    return Measurement(
        p=laws.chi2_tail(statistic, groups - 1),
        effect=statistic / (n - 1),
        metric=EPSILON2,
        ci95=epsilon2_interval(statistic, n, groups, 0.95),
        ci90=epsilon2_interval(statistic, n, groups, 0.90),
        ci_claim=epsilon2_interval(statistic, n, groups, one_sided(alpha)),
        n=n,
        is_directed=False,
        detectable=needed / (needed + n),
        test="Kruskal-Wallis",
        effect_raw=float(means.max() - means.min()),
        unit=unit,
        caveats=caveats,
        notes=(f"highest in {levels[high]}, lowest in {levels[low]}",),
    )


def _p_two(second: Mask, ordered: Sorted, delta: float, error: float, df: float, seed: int) -> float:
    n, m = len(second), int(second.sum())
    if error == 0:  # no overlap: of all ways to choose the groups, one and its mirror image
        log_ways = math.lgamma(n + 1) - math.lgamma(m + 1) - math.lgamma(n - m + 1)
        return min(1.0, 2 * math.exp(-log_ways))
    if min(m, n - m) >= SMALL_GROUP:
        return laws.t_two_sided(delta / error, df)
    rng = np.random.default_rng(seed)
    if n > PERMUTE_UP_TO:
        small = second if m <= n - m else ~second
        ranks = ordered.midranks
        return chance.sum_p(ranks, int(small.sum()), float(ranks[small].sum()), rng)
    return chance.drawn_p(lambda draws: _shuffled_as_far(second, ordered, abs(delta) / error, draws, rng))


def _shuffled_as_far(second: Mask, ordered: Sorted, seen: float, draws: int, rng: np.random.Generator) -> int:
    """Return how many of that many shuffled labellings give as large a studentised delta."""
    as_far = 0
    for begin in range(0, draws, SHUFFLES_AT_ONCE):
        block = np.tile(second, (min(SHUFFLES_AT_ONCE, draws - begin), 1))
        deltas, variances, _ = _studentised(rng.permuted(block, axis=1), ordered)
        as_far += int(np.sum(np.abs(deltas) >= np.sqrt(variances) * seen * (1 - 1e-12)))
    return as_far


def _studentised(second: Mask, ordered: Sorted) -> tuple[Floats, Floats, Floats]:
    """Return delta, its variance and df for every row of labels, `second` of shape (k, n).

    As `delta_with_error`, for many labellings of few rows.
    """
    starts = ordered.starts
    lengths = np.diff(np.append(starts, second.shape[1]))
    overall = ordered.midranks
    n = second.shape[1]
    m2 = second.sum(axis=1).astype(np.float64)
    m1 = n - m2
    parts = []
    for group, size, other in ((second, m2, m1), (~second, m1, m2)):
        in_block = np.add.reduceat(group.astype(np.int64), starts, axis=1)
        before = np.cumsum(in_block, axis=1) - in_block
        own = np.repeat(before + (in_block + 1) / 2, lengths, axis=1)
        # Share of the other group below each member, ties counted half.
        placement = np.where(group, (overall - own) / other[:, np.newaxis], 0.0)
        mean = placement.sum(axis=1) / size
        spread = np.where(group, (placement - mean[:, np.newaxis]) ** 2, 0.0).sum(axis=1)
        parts.append((mean, spread / np.maximum(size - 1, 1) / size, size))
    (p_second, v2, s2), (_, v1, s1) = parts
    variance = 4 * (v1 + v2)
    with np.errstate(divide="ignore", invalid="ignore"):
        df = (v1 + v2) ** 2 / (v1**2 / np.maximum(s1 - 1, 1) + v2**2 / np.maximum(s2 - 1, 1))
    return 2 * p_second - 1, variance, df
