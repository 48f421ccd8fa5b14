"""The caveat codes: how much each weighs, and what it means."""

from __future__ import annotations

from kosmos_nb.history.records import Rank

# These cap a verdict at inconclusive, unless the user allows them.
BLOCKS = frozenset(
    "simpson leverage nonstationary deterministic id_like duplicate_column leakage constant".split()
)
WARNS = frozenset(
    "confounded autocorrelation trend seasonality change_point order duplicate_rows few_per_level missing "
    "non_finite outliers sentinel small_n negligible_effect borderline censored collinear suppression".split()
)
NOTES = frozenset(
    "rare_levels heavy_tails zero_inflated count nonlinear heteroscedastic unequal_variance unbalanced "
    "large_n".split()
)
CODES = BLOCKS | WARNS | NOTES


def rank_of(code: str) -> Rank:
    """Return how much a code weighs."""
    return "blocks" if code in BLOCKS else "warns" if code in WARNS else "notes"
