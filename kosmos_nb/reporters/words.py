"""The words and signs that every view uses: one thing, one word, in text, HTML and widget."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from kosmos_nb.history import HypothesisState, Severity, VerdictName


class Sign(NamedTuple):
    """How a verdict or a state is shown: never by colour alone.

    Attributes:
        mark: One character.
        word: The word beside it.
        tone: Name of its colour in the style sheet.
        rank: Its place in a sorted table, lowest first.
    """

    mark: str
    word: str
    tone: str
    rank: int


SEVERITIES: Mapping[Severity, Sign] = {
    "critical": Sign("●", "critical", "bad", 0),
    "high": Sign("◐", "high", "mid", 1),
    "medium": Sign("○", "medium", "off", 2),
    "low": Sign("·", "low", "off", 3),
}
VERDICTS: Mapping[VerdictName, Sign] = {
    "supported": Sign("✓", "supported", "ok", 2),
    "inconclusive": Sign("?", "inconclusive", "mid", 3),
    "refuted": Sign("✗", "refuted", "no", 4),
    "not_testable": Sign("–", "not testable", "off", 5),
}

STATES: Mapping[HypothesisState, Sign] = {
    "running": Sign("▸", "running", "run", 0),
    "analysed": Sign("▪", "analysed", "run", 1),
    "measured": Sign("▪", "measured", "run", 1),
    "verdict": Sign("▪", "verdict", "run", 1),
    "failed": Sign("!", "failed", "bad", 6),
    "dropped": Sign("·", "dropped", "off", 7),
    "skipped": Sign("·", "skipped", "off", 7),
    "queued": Sign("·", "queued", "off", 8),
    "registered": Sign("·", "registered", "off", 8),
    "proposed": Sign("·", "proposed", "off", 8),
}

METRICS: Mapping[str, str] = {
    "Spearman rho": "ρ",
    "Cliff's delta": "δ",
    "epsilon²": "ε²",
    "Cramér's V": "V",
}

DIRECTED = frozenset({"ρ", "δ"})

METRIC_NAMES: Mapping[str, str] = {
    "ρ": "Spearman's rank correlation",
    "δ": "Cliff's delta",
    "ε²": "epsilon squared, share of rank variance between groups",
    "V": "Cramér's V",
}

CAVEATS: Mapping[str, str] = {
    "simpson": "the sign flips within the groups of another column",
    "confounded": "another column explains much of it",
    "autocorrelation": "neighbouring rows are alike, so n counts for less",
    "trend": "both may only follow the order of the rows",
    "nonstationary": "level or spread drifts along the rows",
    "seasonality": "a repeating cycle runs through the rows",
    "change_point": "the level jumps somewhere along the rows",
    "id_like": "the column looks like an identifier",
    "order": "the values follow the order of the rows",
    "constant": "the column has a single value",
    "deterministic": "one column is computed from the other",
    "duplicate_column": "the columns hold the same values",
    "duplicate_rows": "the data hold repeated rows",
    "rare_levels": "some groups are rare",
    "few_per_level": "few rows in some groups",
    "missing": "rows with missing values were left out",
    "non_finite": "rows with infinite values were left out",
    "outliers": "a few extreme values",
    "sentinel": "a value such as -999 may stand for missing",
    "leverage": "a few rows carry the result",
    "heavy_tails": "extreme values are frequent",
    "zero_inflated": "many zeros",
    "count": "the values are counts",
    "nonlinear": "the relation is not a straight line",
    "heteroscedastic": "the spread changes with the level",
    "unequal_variance": "the groups differ in spread",
    "unbalanced": "the groups differ much in size",
    "small_n": "few rows",
    "large_n": "with this many rows even tiny effects pass a test",
    "negligible_effect": "the effect is too small to matter",
    "borderline": "close to the line between two verdicts",
    "censored": "some values are only known up to a limit",
    "leakage": "one column may be known only after the other",
    "collinear": "columns move together and cannot be told apart",
    "suppression": "the effect appears only with another column held fixed",
}

# Caveats that offer another explanation of a finding; the others tell about the data.
DOUBTFUL = frozenset(
    "simpson confounded collinear suppression leakage leverage autocorrelation trend nonstationary "
    "seasonality change_point duplicate_rows deterministic duplicate_column borderline censored".split()
)

NOT_CAUSES = "associated with, not causes: observational data cannot show causes"
INTERVAL = "95 % interval"


def metric(name: str) -> str:
    """Return the sign of an effect metric, `ρ` for `Spearman rho`; an unknown name as it is."""
    return METRICS.get(name, name)


def is_doubtful(caveats: Iterable[str]) -> bool:
    """Whether one of the caveats may explain the finding away."""
    return not DOUBTFUL.isdisjoint(caveats)


def smallest_of(sign: str, smallest: float) -> float:
    """Return the smallest effect of interest on a metric's own scale.

    As the research room judges: `smallest` as it is for rank correlation and V, 1.1 times for
    Cliff's delta, and its square for epsilon squared, which is a share of variance.
    """
    return {"δ": 1.1 * smallest, "ε²": smallest**2}.get(sign, smallest)
