"""Calls of language models in the terminal: sums by role or model, in words, and how they changed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from rich.table import Table

from kosmos_nb.cli.profile.view import change, table
from kosmos_nb.core import units
from kosmos_nb.history import CallTotals
from kosmos_nb.reporters import clean

NO_NAME = "(none)"


def calls_table(title: str, word: str, rows: Sequence[CallTotals], width: int) -> Table:
    """Return the sums as a table.

    Args:
        title: Above it.
        word: What the rows are: role or model.
        rows: In order.
        width: Columns of the terminal.
    """
    cells = [
        [
            clean(one.name, 80) or NO_NAME,
            units.count(one.calls),
            tokens(one.input_tokens),
            tokens(one.output_tokens),
            shown(one.cost_usd, units.dollars),
            shown(one.wall_s, units.seconds),
            shown(one.waited_s, units.seconds),
        ]
        for one in rows
    ]
    return table(title, [word, "calls", "tokens in", "out", "cost", "wall", "waited"], cells, width)


def tokens(number: int) -> str:
    """Return a number of tokens for a narrow column: `12 345`, `1.23 M`, `4.5 G`."""
    for sign, factor in (("G", 1e9), ("M", 1e6)):
        if number >= factor:
            return (
                f"{number / factor:.3g} {sign}"
                if number < 999.5 * factor
                else f"{number / factor:.0f} {sign}"
            )
    return units.count(number)


def shown(value: float | None, words: Callable[[float], str]) -> str:
    """Return a number in words; nothing where none was measured."""
    return "" if value is None or not math.isfinite(value) else words(value)


def in_words(one: CallTotals) -> str:
    """Return the sums as two lines, without what is zero or was not measured."""
    retries = one.attempts - (one.calls - one.cached)
    counts = [
        (one.calls, "call" if one.calls == 1 else "calls"),
        (one.failed, "failed"),
        (one.interrupted, "interrupted"),
        (one.cached, "from the cache"),
        (retries, "retry" if retries == 1 else "retries"),
    ]
    cost = "" if one.cost_usd is None else f" · {units.dollars(one.cost_usd)}"
    return (
        " · ".join(f"{units.count(number)} {word}" for number, word in counts if number > 0)
        + f"\n{units.count(one.input_tokens)} tokens in, {units.count(one.output_tokens)} out{cost}"
    )


def times_in_words(one: CallTotals) -> str:
    """Return what all calls took, and what one did that was sent, in a line each."""
    lines = []
    if one.wall_s is not None:
        waited = (
            "" if one.waited_s is None else f", of that waiting for their turn {units.seconds(one.waited_s)}"
        )
        lines.append(f"all calls, one after the other: {units.seconds(one.wall_s)}{waited}")
    named = [("median", one.median_s), ("p90", one.p90_s), ("p99", one.p99_s), ("longest", one.longest_s)]
    told = [f"{name} {units.seconds(value_s)}" for name, value_s in named if value_s is not None]
    return "\n".join((*lines, f"a call that was sent: {', '.join(told)}")) if told else "\n".join(lines)


def call_changes(before: CallTotals, after: CallTotals) -> list[list[str]]:
    """Return name, before, after and change of each number that both have."""
    counts = [
        ("calls", before.calls, after.calls),
        ("failed calls", before.failed, after.failed),
        ("calls from the cache", before.cached, after.cached),
        ("attempts", before.attempts, after.attempts),
        ("tokens in", before.input_tokens, after.input_tokens),
        ("tokens out", before.output_tokens, after.output_tokens),
    ]
    rows = [
        [name, units.count(old), units.count(new), change(new - old, lambda value: units.count(round(value)))]
        for name, old, new in counts
        if old or new
    ]
    if before.cost_usd is not None and after.cost_usd is not None:
        old_usd, new_usd = before.cost_usd, after.cost_usd
        more_usd = round(new_usd - old_usd, 6)  # the same calls in another order add up to almost the same
        rows.append(["cost", units.dollars(old_usd), units.dollars(new_usd), change(more_usd, units.dollars)])
    times = [
        ("all calls, sum", before.wall_s, after.wall_s),
        ("of it waiting", before.waited_s, after.waited_s),
        ("median call", before.median_s, after.median_s),
        ("p90 call", before.p90_s, after.p90_s),
        ("longest call", before.longest_s, after.longest_s),
    ]
    rows += [
        [name, units.seconds(old_s), units.seconds(new_s), change(new_s - old_s, units.seconds)]
        for name, old_s, new_s in times
        if old_s is not None and new_s is not None
    ]
    return rows
