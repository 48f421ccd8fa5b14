"""A language model's calls in one role, in the terminal: sums, models, errors, then the slowest calls."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from kosmos_nb.cli.profile.calls_view import (
    NO_NAME,
    call_changes,
    calls_table,
    in_words,
    shown,
    times_in_words,
    tokens,
)
from kosmos_nb.cli.profile.view import heading, say, table
from kosmos_nb.core import units
from kosmos_nb.history import AgentProfile, CallTotals, LlmCall
from kosmos_nb.reporters import clean, short_id

ROLE_CHARACTERS = 80


def print_agent(console: Console, agent: AgentProfile, *, top: int) -> None:
    """Print what the calls in one role cost.

    Args:
        console: Where to.
        agent: What to print.
        top: Most rows of each table.
    """
    title = f"\nRole {clean(agent.role, ROLE_CHARACTERS) or NO_NAME}{_of(agent.run_id)}"
    say(console, title, style="bold")
    span = f"{_minute(agent.first_at_us)} to {_minute(agent.last_at_us)} UTC"
    for words in (in_words(agent.total), times_in_words(agent.total), span):
        say(console, words)
    for what, counts in (("errors", agent.errors), ("answers ended by", agent.stop_reasons)):
        if counts:
            say(console, f"{what}: {_counts(counts)}")
    title = heading("Models", len(agent.models[:top]), len(agent.models))
    console.print(calls_table(title, "model", agent.models[:top], console.width))
    console.print(_calls(agent.calls, top, console.width))


def print_compared(console: Console, before: AgentProfile, after: AgentProfile) -> None:
    """Print how the calls in one role differ from those of another run."""
    say(console, f"\nCompared with run {short_id(before.run_id or '')}", style="bold")
    rows = call_changes(before.total, after.total)
    console.print(table("", ["", "before", "after", "change"], rows, console.width))
    models = [", ".join(sorted(clean(model.name, 80) for model in one.models)) for one in (before, after)]
    if models[0] != models[1]:
        note = f"note: Other models: {models[0]} before, {models[1]} after."
        say(console, note, style="dim")


def print_roles(
    console: Console, roles: Sequence[CallTotals], everything: CallTotals, *, run_id: str | None, top: int
) -> None:
    """Print the roles, the longest sum of times first, and all of them together in words."""
    title = heading(f"Calls of language models{_of(run_id)}", len(roles[:top]), len(roles))
    console.print(calls_table(title, "role", roles[:top], console.width))
    say(console, in_words(everything))


def _of(run_id: str | None) -> str:
    return f" in run {short_id(run_id)}" if run_id is not None else ""


def _minute(stamp_us: int) -> str:
    return f"{dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=stamp_us):%Y-%m-%d %H:%M}"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{clean(word, 80)} {units.count(number)}" for word, number in counts.items())


def _calls(calls: Sequence[LlmCall], top: int, width: int) -> Table:
    kept = calls[:top]
    rows = [
        [
            _call(call),
            tokens(call.input_tokens),
            tokens(call.output_tokens),
            shown(call.cost_usd, units.dollars),
            shown(call.wall_s, units.seconds),
            shown(call.waited_s, units.seconds),
        ]
        for call in kept
    ]
    columns = ["call", "tokens in", "out", "cost", "wall", "waited"]
    return table(heading("Calls", len(kept), len(calls)), columns, rows, width)


def _call(call: LlmCall) -> str:
    """Return its id, then what is unusual, then the model: what does not fit is cut at the end."""
    parts = [short_id(call.id)]
    if call.status != "ok":
        parts.append(f"✗ {clean(call.error_type or call.status, 40)}")
    if call.is_cached:
        parts.append("cached")
    elif call.attempts > 1:
        parts.append(f"sent {call.attempts}×")
    return " ".join((*parts, clean(call.model, 60)))
