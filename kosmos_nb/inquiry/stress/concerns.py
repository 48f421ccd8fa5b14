"""What a reader must hear about a finding after its stress: caveat codes, and sentences with numbers.

leverage          a level with few rows, or one row in fifty, carries it
simpson           given another column it turns its sign, clearly and large enough to matter
confounded        given another column less than half is left and that is no longer clear
collinear         as well, where that column and x are so alike that the data cannot tell them apart; alone,
                  where it turns given a column that x and y together all but tell
suppression       given another column it more than doubles
borderline        halves of the rows do not agree
outliers          the rank effect stands, the slope in the data's units rests on few rows
nonlinear, heteroscedastic, unequal_variance, unbalanced   its form
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from kosmos_nb.core import units
from kosmos_nb.inquiry.measurement import Measurement
from kosmos_nb.inquiry.stress.associates import ROWS_TO_ORDER_BY
from kosmos_nb.inquiry.stress.outcome import (
    Adjusted,
    Effect,
    Halves,
    LevelOut,
    RowsOut,
    SlopeOut,
    Stress,
)

FEW_ROWS_OF_OTHER, FEW_ROWS_OF_OWN = 0.20, 0.05
FEWEST_OF_OWN = 10
ALIKE = 0.8
LEAST_TIE = 0.1
AGREEING = 0.9
FANNED = 0.3
MAD_RATIO = 2.0
SIZE_RATIO = 0.1
RANKS_MOVE = 4.0

Concern = tuple[str, str]  # a code, or nothing, and a sentence


def concerns(
    measured: Measurement, stress: Stress, smallest: float
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the caveat codes that the stress of a finding calls for, and what to say, worst first.

    Args:
        measured: The finding. stress: What `examine` found about it.
        smallest: Smallest effect of interest, on the scale of `measured.metric`.
    """
    shown = _Shown(measured.is_directed)
    found = [
        *_of_levels(stress.levels, smallest, shown),
        *_of_rows(stress.rows, smallest, shown),
        *_of_adjusters(stress, smallest, shown),
        *_of_halves(stress.halves),
        *_of_slope(stress.slope, measured),
        *_of_shape(stress),
    ]
    codes = dict.fromkeys(code for code, _ in found if code)
    return tuple(codes), tuple(dict.fromkeys(sentence for _, sentence in found))


class _Shown:
    """An effect as text: with its sign where it has one."""

    def __init__(self, is_directed: bool) -> None:
        self.is_directed = is_directed

    def __call__(self, value: float) -> str:
        return units.signed(value) if self.is_directed else f"{value:.2g}"


def _of_levels(found: tuple[LevelOut, ...], smallest: float, shown: _Shown) -> Iterator[Concern]:
    gone = [out for out in found if _is_gone(out.effect, out.without, smallest)]
    few = [out for out in gone if _is_few(out)]
    for out in (few or gone)[:1]:
        left = (
            "nothing is left to compare"
            if out.without is None
            else f"the effect is {shown(out.without.value)}"
        )
        sentence = (
            f"without {out.level} of {out.column} ({out.rows:,} rows, {units.share(out.share)}) {left}, "
            f"with it {shown(out.effect.value)}"
        )
        yield ("leverage" if few else ""), sentence


def _is_few(out: LevelOut) -> bool:
    """Whether a level holds so few rows that no finding on all of them can rest on it.

    That one of the compared groups alone differs is an ordinary finding, unless it is hardly there.
    """
    if out.own:
        return out.share < FEW_ROWS_OF_OWN or (out.rows < FEWEST_OF_OWN and out.share < 2 * FEW_ROWS_OF_OWN)
    return out.share < FEW_ROWS_OF_OTHER


def _of_rows(found: tuple[RowsOut, ...], smallest: float, shown: _Shown) -> Iterator[Concern]:
    lost = [out for out in found if _is_lost(out, smallest)]
    if lost:
        out = min(lost, key=lambda out: out.rows)
        which = "most influential" if out.how == "influence" else "most extreme"
        left = (
            "nothing is left to compare"
            if out.without is None
            else f"the effect is {shown(out.without.value)}"
        )
        yield (
            "leverage",
            f"without the {out.rows:,} {which} of {out.n:,} rows {left}, with {_them(out.rows)} "
            f"{shown(out.effect.value)}",
        )


def _is_lost(out: RowsOut, smallest: float) -> bool:
    """Whether more than half is gone, and the claim with it, by more than any few rows could do."""
    if out.without is None:
        return True
    loss = abs(out.effect.value) - out.without.value * _sign(out.effect)
    claim_is_lost = _is_gone(out.effect, out.without, smallest) or not out.without.is_clear
    return _is_halved(out.effect, out.without) and claim_is_lost and loss > RANKS_MOVE * out.rows / out.n


def _of_slope(slope: SlopeOut | None, measured: Measurement) -> Iterator[Concern]:
    if slope is None or not slope.rests_on_few:
        return
    rows = "1 row" if slope.rows == 1 else f"{slope.rows:,} rows"
    low, high = measured.ci95
    if low > 0 or high < 0:
        yield (
            "outliers",
            f"the slope rests on {rows}: without {_them(slope.rows)} {_slope(slope.without)}, "
            f"with {_them(slope.rows)} {_slope(slope.slope)}",
        )
    elif slope.is_claimed:
        yield (
            "leverage",
            f"a straight line would claim r = {units.signed(slope.r)}, which rests on {rows}: "
            f"without {_them(slope.rows)} {units.signed(slope.r_without)}",
        )


def _of_adjusters(stress: Stress, smallest: float, shown: _Shown) -> Iterator[Concern]:
    tie = max(LEAST_TIE, 2 / math.sqrt(max(1, min(stress.n_looked_at, ROWS_TO_ORDER_BY))))
    # What goes with x or y by chance only cannot stand behind both: less is left by chance then.
    found = [out for out in stress.adjusted if min(out.with_x, out.with_y) >= tie]
    turned = [out for out in found if _turns(out, smallest)] if shown.is_directed else []
    made = [out for out in turned if out.told_by_both]
    turned = [out for out in turned if not out.told_by_both]
    melted = [out for out in found if not out.recodes and _melts(out, smallest)]
    if made:
        out = made[0]
        yield (
            "collinear",
            f"given {out.by} the effect turns from {shown(out.overall.value)} to {shown(out.effect.value)}, "
            f"but {stress.x} and {stress.y} together all but tell {out.by}: it may be made of them",
        )
    if turned:
        # A number may well be a step between x and y, and then be no reason to doubt that they go together.
        inside = [out for out in turned if out.kind == "levels"]
        out = max(inside or turned, key=lambda out: abs(out.effect.value))
        yield (
            "simpson" if inside else "confounded",
            f"{_direction(out.effect)} {_where(out)}, {_direction(out.overall)} overall "
            f"({shown(out.effect.value)} against {shown(out.overall.value)})",
        )
        return
    if melted:
        out = min(melted, key=lambda out: abs(out.effect.value))
        sentence = (
            f"given {out.by} the effect shrinks from {shown(out.overall.value)} to {shown(out.effect.value)}"
        )
        yield "confounded", sentence
        if all(one.with_x >= ALIKE for one in melted):
            yield "collinear", f"{stress.x} and {out.by} go together too closely to tell them apart"
        return
    for out in [out for out in found if not out.recodes and _grows(out)][:1]:
        yield (
            "suppression",
            f"given {out.by} the effect grows from {shown(out.overall.value)} to {shown(out.effect.value)}",
        )
    yield from _holds(found, smallest, shown)


def _holds(found: list[Adjusted], smallest: float, shown: _Shown) -> Iterator[Concern]:
    """Say so where the effect is there inside every level of the strongest category."""
    for out in [out for out in found if out.kind == "levels" and not out.recodes][:1]:
        inside = [value for _, value in out.per_level]
        least = 0.0 if shown.is_directed else smallest
        if len(inside) > 1 and out.effect.is_clear and all(v * _sign(out.overall) > least for v in inside):
            yield (
                "",
                f"holds inside every level of {out.by}: {shown(min(inside))} to {shown(max(inside))}",
            )


def _of_halves(halves: Halves | None) -> Iterator[Concern]:
    if halves is None:
        return
    if halves.agreeing < AGREEING:
        yield (
            "borderline",
            f"only {units.share(halves.agreeing)} of random halves of the rows point the same way",
        )
    if halves.in_order is False:
        seen = "they show different patterns"
        if halves.first is not None and halves.second is not None:
            seen = f"{units.signed(halves.first)} and {units.signed(halves.second)}"
        yield "borderline", f"the first and the second half of the table disagree: {seen}"


def _of_shape(stress: Stress) -> Iterator[Concern]:
    shape = stress.shape
    if shape is None:
        return
    if shape.bend_is_clear and abs(shape.bend) > abs(shape.slope):
        form = "a valley" if shape.bend > 0 else "a hill"
        yield (
            "nonlinear",
            f"its form is more {form} than a slope (bend {units.signed(shape.bend)}, "
            f"slope {units.signed(shape.slope)})",
        )
    if shape.spread is not None and abs(shape.spread) >= FANNED:
        way = "grows" if shape.spread > 0 else "shrinks"
        yield (
            "heteroscedastic",
            f"the spread of {stress.y} {way} with {stress.x} ({units.signed(shape.spread)})",
        )
    if shape.spread_ratio is not None and shape.spread_ratio > MAD_RATIO:
        yield (
            "unequal_variance",
            f"{shape.widest} spreads {shape.spread_ratio:.1f} times as widely as {shape.narrowest}",
        )
    if shape.smallest < SIZE_RATIO * shape.largest:
        yield "unbalanced", f"the smallest group has {shape.smallest:,} rows, the largest {shape.largest:,}"


def _is_gone(effect: Effect, without: Effect | None, smallest: float) -> bool:
    """Whether what is left is below half, and below what matters or on the other side."""
    if without is None:
        return True
    return _is_halved(effect, without) and without.value * _sign(effect) < smallest


def _is_halved(effect: Effect, without: Effect | None) -> bool:
    return without is None or without.value * _sign(effect) < abs(effect.value) / 2


def _turns(out: Adjusted, smallest: float) -> bool:
    return out.effect.is_clear and out.effect.value * _sign(out.overall) <= -smallest


def _melts(out: Adjusted, smallest: float) -> bool:
    """Whether less than half is left, no longer clear, and the loss is more than a wider interval."""
    unclear = not out.effect.is_clear or abs(out.effect.value) < smallest
    largest = max(end * _sign(out.overall) for end in out.effect.ci95)
    return _is_halved(out.overall, out.effect) and unclear and largest < abs(out.overall.value)


def _grows(out: Adjusted) -> bool:
    """Whether it more than doubles, beyond what chance allows; a share can hardly be more than one."""
    nearest = min(abs(end) for end in out.effect.ci95) if out.effect.is_clear else 0.0
    doubled = abs(out.effect.value) > 2 * abs(out.overall.value)
    return doubled and nearest > abs(out.overall.value) and out.effect.value * _sign(out.overall) > 0


def _where(out: Adjusted) -> str:
    if out.kind == "value":
        return f"given {out.by}"
    same = sum(value * out.effect.value > 0 for _, value in out.per_level)
    if same == len(out.per_level):
        return f"inside every level of {out.by}"
    return f"inside {same} of {len(out.per_level)} levels of {out.by}"


def _sign(effect: Effect) -> float:
    return -1.0 if effect.value < 0 else 1.0


def _direction(effect: Effect) -> str:
    return "positive" if effect.value > 0 else "negative"


def _slope(value: float) -> str:
    return units.number(value, 3, is_signed=True)


def _them(rows: int) -> str:
    return "it" if rows == 1 else "them"
