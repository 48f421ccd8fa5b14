"""From numbers to a verdict, by fixed rules.

supported     corrected p ≤ alpha, interval on the claimed side of zero, effect at least the smallest
              of interest
refuted       the 90 % interval lies within ± the smallest of interest (two one-sided tests), or the
              effect has the other sign than claimed
inconclusive  anything else, and whatever a capping caveat forbids to believe
not_testable  no test makes sense, or it could not be carried out

"Not significant" never refutes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from kosmos_nb.history.records import Hypothesis, Notice, Sign, Verdict, VerdictName
from kosmos_nb.inquiry import sentences
from kosmos_nb.inquiry.caveats import BLOCKS
from kosmos_nb.inquiry.intervals import widened
from kosmos_nb.inquiry.measurement import Measurement, Untestable, smallest_of

SMALL_N = 20
LINE_T, RANKS_P = 3.5, 0.01
MANY_MISSING = 0.05
OF_SOME_ROWS = frozenset(
    {"lag", "non_monotone", "conditional", "interaction"}
)  # these leave out rows on purpose


@dataclass(frozen=True, slots=True)
class Standard:
    """What a run holds its findings to.

    Attributes:
        alpha: False discovery rate.
        smallest: Smallest effect of interest on the rank and V scales.
        allow: Caveats that the user does not want to cap a verdict.
    """

    alpha: float
    smallest: float
    allow: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """All that a verdict rests on beside the measurement.

    Attributes:
        p_adj: Corrected p. m: Number of tests in the family.
        n_rows: Rows of the data, for the share of missing ones.
        notices: What the screens say of its columns.
        codes, worries: What its stress tests say, as caveats and in sentences.
        unchecked: Why a finding was not stressed; it is then not believed.
        claimed: The sign that the user claims.
        level: Of the interval that is shown, adjusted for the selection of findings.
        evidence: Id of the experiment.
        remark: A sentence on the whole run: that it is exploratory.
    """

    p_adj: float
    m: int
    n_rows: int
    notices: Sequence[Notice] = ()
    codes: tuple[str, ...] = ()
    worries: tuple[str, ...] = ()
    unchecked: str = ""
    claimed: Sign = ""
    level: float = 0.95
    evidence: str = ""
    remark: str = ""


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


def judge(hypothesis: Hypothesis, measured: Measurement, context: Context, standard: Standard) -> Verdict:
    """Return the verdict on a tested hypothesis."""
    smallest = smallest_of(measured.metric, standard.smallest)
    caveats = [*context.codes, *measured.caveats, *(notice.code for notice in context.notices)]
    lost = context.n_rows - measured.n
    if lost > MANY_MISSING * context.n_rows and hypothesis.family not in OF_SOME_ROWS:
        caveats.append("missing")
    if measured.n < SMALL_N:
        caveats.append("small_n")
    name, reason = _decide(measured, context, smallest, standard.alpha)
    capped = (BLOCKS - standard.allow).intersection(caveats)
    why_capped = [notice.sentence for notice in context.notices if notice.code in capped]
    if name == "supported" and (capped or context.unchecked):
        name, reason = "inconclusive", "" if capped else context.unchecked
    is_small = name != "refuted" and is_significant(measured, context.p_adj, standard.alpha)
    if is_small and abs(measured.effect) < smallest:
        caveats.append("negligible_effect")
    is_told = measured.is_directed or name == "supported"
    told = (sentences.effect_in_units(hypothesis, measured), *measured.notes) if is_told else ()
    low, high = widened(measured, context.level if name == "supported" else 0.95)
    parts = [*context.worries, *why_capped, reason, *told, context.remark]
    return Verdict(
        hypothesis_id=hypothesis.id,
        statement=hypothesis.statement,
        family=hypothesis.family,
        x=hypothesis.x,
        y=hypothesis.y,
        given=";".join(hypothesis.given),
        verdict=name,
        p=measured.p,
        p_adj=context.p_adj,
        effect=measured.effect,
        effect_metric=measured.metric,
        ci_low=low,
        ci_high=high,
        sign=_sign(measured),
        n=measured.n,
        caveats=tuple(dict.fromkeys(caveats)),
        evidence=context.evidence,
        effect_raw=measured.effect_raw,
        unit=measured.unit,
        detectable=measured.detectable,
        m=context.m,
        reason=sentences.joined(parts),
    )


def is_significant(measured: Measurement, p_adj: float, alpha: float) -> bool:
    """Whether p and the interval both speak for an effect."""
    low, high = measured.ci_claim
    return p_adj <= alpha and (low > 0 or high < 0)


def is_finding(measured: Measurement, p_adj: float, standard: Standard) -> bool:
    """Whether it would be supported, were it to stand the stress tests."""
    is_large = abs(measured.effect) >= smallest_of(measured.metric, standard.smallest)
    return is_large and is_significant(measured, p_adj, standard.alpha)


def is_line_alone(measured: Measurement) -> bool:
    """Whether a straight line claims what ranks do not: a few far points may be all there is."""
    return measured.line_t is not None and abs(measured.line_t) > LINE_T and measured.p > RANKS_P


def _decide(
    measured: Measurement, context: Context, smallest: float, alpha: float
) -> tuple[VerdictName, str]:
    low90, high90 = measured.ci90
    if max(abs(low90), abs(high90)) <= smallest:
        return "refuted", f"its 90 % interval lies within ±{smallest:.2g}: too small to matter"
    if is_significant(measured, context.p_adj, alpha):
        if context.claimed and _sign(measured) and _sign(measured) != context.claimed:
            return "refuted", f"the effect is {'positive' if measured.effect > 0 else 'negative'}"
        if abs(measured.effect) >= smallest:
            return "supported", ""
        return (
            "inconclusive",
            f"there is an effect, but it may be below the smallest of interest ({smallest:.2g})",
        )
    if measured.detectable > smallest:
        return "inconclusive", sentences.reach(measured, smallest)
    return "inconclusive", "neither an effect nor its absence is shown"


def _sign(measured: Measurement) -> Sign:
    if not measured.is_directed or measured.effect == 0 or math.isnan(measured.effect):
        return ""
    return "+" if measured.effect > 0 else "-"
