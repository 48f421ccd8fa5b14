"""Whether the spread of a numeric column changes with another column."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kosmos_nb.inquiry import association, groups
from kosmos_nb.inquiry.measurement import Measurement, Untestable
from kosmos_nb.inquiry.ranks import Floats, sort
from kosmos_nb.inquiry.units import slope_unit
from kosmos_nb.inquiry.variables import Variable, complete, unfit

FEWEST_ROWS = 20
FEWEST_PER_LEVEL = 3
FEWEST_PER_BIN, MOST_BINS = 10, 20


def measure(x: Variable, y: Variable, *, alpha: float, seed: int) -> Measurement | Untestable:
    """Test whether y, numeric, scatters more for some values of x than for others.

    Distances from the median are compared: of y's own level by Brunner-Munzel or Kruskal-Wallis, or
    for a numeric x from a line through the medians of its bins, by rank correlation.

    Args:
        alpha: Level for the detectable effect and the claim. seed: Of the permutations.

    Source: Brown and Forsythe, JASA 69 (1974), on ranks.
    """
    x, y = complete((x, y), fewest=FEWEST_PER_LEVEL)
    if (why := unfit((x, y), columns=2, fewest=FEWEST_ROWS, per_level=FEWEST_PER_LEVEL)) is not None:
        return why
    found = _by_number(x, y, alpha, seed) if x.is_numeric else _by_level(x, y, alpha, seed)
    if isinstance(found, Untestable):
        return found
    what = "distances of y from its median"
    return replace(found, test=f"{found.test} of {what}", notes=(*found.notes, f"compares {what}"))


def _by_level(x: Variable, y: Variable, alpha: float, seed: int) -> Measurement | Untestable:
    medians = np.array([np.median(y.values[x.values == at]) for at in range(len(x.levels))])
    away = _rounded(np.abs(y.values - medians[x.values]), y.values)
    return groups.measure(
        x.values, away, sort(away), levels=x.levels, name=f"distance of {y.name} from its median",
        unit=y.unit or y.name, alpha=alpha, seed=seed,
    )  # fmt: skip


def _by_number(x: Variable, y: Variable, alpha: float, seed: int) -> Measurement | Untestable:
    away = _rounded(np.abs(y.values - bin_medians(x.values, y.values)), y.values)
    return association.measure(
        x.values, away, sort(x.values), sort(away),
        unit=slope_unit(y.name, y.unit, x.name, x.unit), alpha=alpha, seed=seed,
    )  # fmt: skip


def bin_medians(x: Floats, y: Floats) -> Floats:
    """Return the line through the medians of y in bins of equally many rows along x, shape (n,)."""
    bins = int(np.clip(len(x) // FEWEST_PER_BIN, 2, MOST_BINS))
    edges = np.quantile(x, np.linspace(0, 1, bins + 1)[1:-1])
    at = np.searchsorted(edges, x, side="right")
    found = np.unique(at)
    centres = np.array([np.median(x[at == one]) for one in found])
    medians = np.array([np.median(y[at == one]) for one in found])
    if len(found) < 2:
        return np.full(len(x), float(np.median(y)))
    # Beyond the outer centres the line goes on: a flat end would make a slope look like spread.
    line = np.interp(x, centres, medians)
    for rows, (a, b) in ((x < centres[0], (0, 1)), (x > centres[-1], (-2, -1))):
        slope = (medians[b] - medians[a]) / (centres[b] - centres[a])
        line[rows] = medians[a] + slope * (x[rows] - centres[a])
    return np.asarray(line, dtype=np.float64)


def _rounded(away: Floats, y: Floats) -> Floats:
    """Return the distances without the last bits, which would break ties of equal distances."""
    step = float(np.max(np.abs(y))) * 1e-12
    return np.round(away / step) * step if step > 0 else away
