"""One test: what it is given and what it measured, as values that travel to a worker and back."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import Literal

from kosmos_nb.history.records import Hypothesis
from kosmos_nb.inquiry.columns import Column

RHO, DELTA, EPSILON2, CRAMER_V = "Spearman rho", "Cliff's delta", "epsilon²", "Cramér's V"
PARTIAL_RHO, PARTIAL_R, PARTIAL_R2 = "partial rho", "partial r", "partial R²"
SOMERS_D = "Somers' D"


# Rows as they are; residuals of ordered rows; contrasts within subjects; one row a subject; rows less the
# mean of their subject.
How = Literal["rows", "innovations", "contrasts", "subjects", "within"]
UNITS = "\x00units"  # in the file of rows less the mean of their subject: which subject


@dataclass(frozen=True, slots=True)
class Test:
    """One registered hypothesis with what its test needs.

    Attributes:
        path: The file of arrays that it reads.
        x, y: The two columns. given: Those held fixed; of an interaction the moderator.
        how: What a row of that file is.
        seed: Of the permutations; depends on the run's seed and the hypothesis alone.
    """

    hypothesis: Hypothesis
    path: str
    x: Column
    y: Column
    alpha: float
    seed: int
    given: tuple[Column, ...] = ()
    how: How = "rows"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """The numbers of one registered test.

    Attributes:
        p: Two-sided, uncorrected.
        effect, metric: Effect and its scale.
        ci95, ci90: Intervals of the effect; the 90 % one is for the equivalence test.
        ci_claim: Interval at the run's own alpha, on which a claim rests.
        n: Rows used.
        is_directed: Whether the effect has a sign.
        effect_raw, unit: The effect in the data's own units.
        detectable: Smallest effect that n rows find with 80 % power.
        test: Name of the test.
        caveats: Codes that the data of this test call for.
        notes: The same in plain words.
        line_t: Of a straight line through the raw values, by its standard error; None where none was drawn.
    """

    p: float
    effect: float
    metric: str
    ci95: tuple[float, float]
    ci90: tuple[float, float]
    ci_claim: tuple[float, float]
    n: int
    is_directed: bool
    detectable: float
    test: str
    effect_raw: float | None = None
    unit: str = ""
    caveats: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    line_t: float | None = None

    def to_json(self) -> str:
        """Return the numbers as JSON, for the history."""
        return _JSON({name: getattr(self, name) for name in _NUMBERS})


_JSON = json.JSONEncoder(ensure_ascii=False).encode
_NUMBERS = tuple(field.name for field in dataclasses.fields(Measurement))


@dataclass(frozen=True, slots=True, kw_only=True)
class Untestable:
    """Why a hypothesis cannot be tested."""

    reason: str
    caveats: tuple[str, ...] = ()
    n: int = 0


Found = Measurement | Untestable
Answer = tuple[Found, str | None]  # the second is what was measured as JSON, for the history


def smallest_of(metric: str, smallest: float) -> float:
    """Return the smallest effect of interest on the scale of `metric`.

    `smallest` is on the rank-correlation scale, V shares it; Cliff's delta and Somers' D are 1.1
    times as long; epsilon² and the partial R² are squared scales.
    """
    if metric in (DELTA, SOMERS_D):
        return 1.1 * smallest
    return smallest**2 if metric in (EPSILON2, PARTIAL_R2) else smallest


def one_sided(alpha: float) -> float:
    """Return the level whose interval leaves alpha below its lower end.

    An effect without a sign can be only above zero: its claim needs the lower end alone.
    """
    return max(0.01, 1 - 2 * alpha)


def canonical_key(hypothesis: Hypothesis) -> int:
    """Return a number that depends on the statement alone, to seed its permutations."""
    statement = "\x1f".join((hypothesis.family, hypothesis.x, hypothesis.y, *hypothesis.given))
    return int(hashlib.sha256(statement.encode()).hexdigest()[:12], 16)
