"""From numbers to a verdict, by fixed rules.

supported     corrected p ≤ alpha, interval on one side of zero, effect at least the smallest of interest
refuted       the 90 % interval lies within ± the smallest of interest (two one-sided tests)
inconclusive  anything else, and whatever a capping caveat forbids to believe
not_testable  no test makes sense, or it could not be carried out

"Not significant" never refutes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from kosmos_nb.core import units
from kosmos_nb.history.records import Hypothesis, Verdict, VerdictName
from kosmos_nb.inquiry.columns import Column
from kosmos_nb.inquiry.measurement import Measurement, Recheck, Untestable, smallest_of

CAPPING = frozenset(
    "simpson leverage nonstationary deterministic id_like duplicate_column leakage constant".split()
)
SMALL_N = 20
MANY_MISSING = 0.05


@dataclass(frozen=True, slots=True)
class Standard:
    """What a run holds its findings to.

    Attributes:
        alpha: False discovery rate.
        smallest: Smallest effect of interest on the rank and V scales.
    """

    alpha: float
    smallest: float


def not_testable(hypothesis: Hypothesis, why: Untestable, *, m: int, evidence: str = "") -> Verdict:
    """Return the verdict on what could not be tested; it still counts among the m."""
    return Verdict(
        hypothesis_id=hypothesis.id,
        statement=hypothesis.statement,
        family=hypothesis.family,
        x=hypothesis.x,
        y=hypothesis.y,
        given=";".join(hypothesis.given),
        verdict="not_testable",
        n=why.n,
        caveats=tuple(dict.fromkeys(why.caveats)),
        evidence=evidence,
        m=m,
        reason=why.reason,
    )


def judge(
    hypothesis: Hypothesis,
    measured: Measurement,
    *,
    p_adj: float,
    m: int,
    columns: tuple[Column, Column],
    n_rows: int,
    rechecks: Sequence[Recheck],
    unchecked: str = "",
    standard: Standard,
    evidence: str,
) -> Verdict:
    """Return the verdict on a tested hypothesis.

    Args:
        p_adj: Corrected p. m: Number of tests in the family.
        columns: x and y. n_rows: Rows of the data, for the share of missing ones.
        rechecks: The effect within the levels of other columns.
        unchecked: Why a finding was not checked there; it is then not believed.
        evidence: Id of the experiment.
    """
    smallest = smallest_of(measured.metric, standard.smallest)
    caveats, warnings = _data_caveats(measured, columns, n_rows)
    turned, why_turned = _inside_levels(measured, rechecks, smallest)
    caveats = [*turned, *caveats]
    name, reason = _decide(measured, p_adj, smallest, standard.alpha)
    if name == "supported" and CAPPING.intersection(caveats):
        name, reason = "inconclusive", ""
    if name == "supported" and unchecked:
        name, reason = "inconclusive", unchecked
    if (
        name != "refuted"
        and _is_significant(measured, p_adj, standard.alpha)
        and abs(measured.effect) < smallest
    ):
        caveats.append("negligible_effect")
    notes = measured.notes if measured.is_directed or name == "supported" else ()
    sentences = [sentence for sentence in (why_turned, reason, *notes, *warnings) if sentence]
    return Verdict(
        hypothesis_id=hypothesis.id,
        statement=hypothesis.statement,
        family=hypothesis.family,
        x=hypothesis.x,
        y=hypothesis.y,
        given=";".join(hypothesis.given),
        verdict=name,
        p=measured.p,
        p_adj=p_adj,
        effect=measured.effect,
        effect_metric=measured.metric,
        ci_low=measured.ci95[0],
        ci_high=measured.ci95[1],
        sign=_sign(measured),
        n=measured.n,
        caveats=tuple(dict.fromkeys(caveats)),
        evidence=evidence,
        effect_raw=measured.effect_raw,
        unit=measured.unit,
        detectable=measured.detectable,
        m=m,
        reason="; ".join(sentences),
    )


def _is_significant(measured: Measurement, p_adj: float, alpha: float) -> bool:
    low, high = measured.ci_claim
    return p_adj <= alpha and (low > 0 or high < 0)


def _decide(measured: Measurement, p_adj: float, smallest: float, alpha: float) -> tuple[VerdictName, str]:
    low90, high90 = measured.ci90
    if max(abs(low90), abs(high90)) <= smallest:
        return "refuted", f"its 90 % interval lies within ±{smallest:.2g}: too small to matter"
    if _is_significant(measured, p_adj, alpha):
        if abs(measured.effect) >= smallest:
            return "supported", ""
        return (
            "inconclusive",
            f"there is an effect, but it may be below the smallest of interest ({smallest:.2g})",
        )
    if measured.detectable > smallest:
        reach = f"effects above {measured.detectable:.2g}, not {smallest:.2g}"
        return "inconclusive", f"n = {measured.n:,} can show or exclude {reach}"
    return "inconclusive", "neither an effect nor its absence is shown"


def _data_caveats(
    measured: Measurement, columns: tuple[Column, Column], n_rows: int
) -> tuple[list[str], list[str]]:
    caveats = [*measured.caveats, *(code for column in columns for code in column.caveats)]
    sentences = []
    lost = n_rows - measured.n
    if lost > MANY_MISSING * n_rows:
        caveats.append("missing")
        sentences.append(f"{lost:,} of {n_rows:,} rows lack a value")
    if measured.n < SMALL_N:
        caveats.append("small_n")
    return caveats, sentences


def _inside_levels(
    measured: Measurement, rechecks: Sequence[Recheck], smallest: float
) -> tuple[list[str], str]:
    """Return the caveat codes that the rechecks call for, and the sentence for the worst."""
    turned = [check for check in rechecks if _turns(measured, check, smallest)]
    if turned:
        worst = max(turned, key=lambda check: abs(check.effect))
        return [
            "simpson"
        ], f"{_direction(worst.effect)} inside {_levels(worst)}, {_direction(measured.effect)} overall"
    melted = [check for check in rechecks if _melts(measured, check, smallest)]
    if melted:
        worst = min(melted, key=lambda check: abs(check.effect))
        return ["confounded"], (
            f"inside the levels of {worst.by} the effect shrinks from "
            f"{_shown(_overall(measured, worst), measured)} to {_shown(worst.effect, measured)}"
        )
    return [], ""


def _turns(measured: Measurement, check: Recheck, smallest: float) -> bool:
    if not measured.is_directed or check.effect * measured.effect >= 0:
        return False
    low, high = check.ci95
    return (low > 0 or high < 0) and abs(check.effect) >= smallest


def _melts(measured: Measurement, check: Recheck, smallest: float) -> bool:
    low, high = check.ci95
    unclear = low <= 0 <= high or abs(check.effect) < smallest
    return abs(check.effect) < abs(_overall(measured, check)) / 2 and unclear


def _overall(measured: Measurement, check: Recheck) -> float:
    return measured.effect if check.overall is None else check.overall


def _levels(check: Recheck) -> str:
    same = [level for level, effect in check.per_level if effect * check.effect > 0]
    if len(same) == len(check.per_level):
        return f"every level of {check.by}"
    return f"{len(same)} of {len(check.per_level)} levels of {check.by}"


def _direction(effect: float) -> str:
    return "positive" if effect > 0 else "negative"


def _shown(effect: float, measured: Measurement) -> str:
    return units.signed(effect) if measured.is_directed else f"{effect:.2f}"


def _sign(measured: Measurement) -> Literal["+", "-", ""]:
    if not measured.is_directed or measured.effect == 0 or math.isnan(measured.effect):
        return ""
    return "+" if measured.effect > 0 else "-"
