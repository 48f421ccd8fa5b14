"""Two research runs in the terminal: all of them, then each hypothesis that both tested."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from kosmos_nb.cli.profile.calls_view import call_changes
from kosmos_nb.cli.profile.view import change, heading, say, table
from kosmos_nb.cli.profile.workflow_view import elapsed_by_name, formula
from kosmos_nb.core import units
from kosmos_nb.history import WorkflowDiff, WorkflowProfile
from kosmos_nb.reporters import faster_or_slower, short_id


def print_difference(console: Console, difference: WorkflowDiff, *, top: int) -> None:
    """Print how a run differs from another one.

    Args:
        console: Where to.
        difference: What to print.
        top: Most hypotheses.
    """
    before, after = difference.before, difference.after
    say(console, f"\nCompared with run {short_id(before.run_id)}", style="bold")
    if before.wall_s is not None and after.wall_s is not None:
        word, _ = faster_or_slower(before.wall_s, after.wall_s)
        say(console, f"{word}: {units.seconds(before.wall_s)} → {units.seconds(after.wall_s)}")
    console.print(table("", ["", "before", "after", "change"], _numbers(before, after), console.width))
    if difference.hypotheses:
        console.print(_hypotheses(difference, top, console.width))
    for note in (*_tested_once(difference), *difference.notes):
        say(console, f"note: {note}", style="dim")


def _numbers(before: WorkflowProfile, after: WorkflowProfile) -> list[list[str]]:
    """Return a row for each number that both runs have."""
    pairs = [("wall", before.wall_s, after.wall_s), ("CPU", before.cpu_s, after.cpu_s)]
    if before.elapsed is not None and after.elapsed is not None:
        parts = elapsed_by_name(after.elapsed)
        pairs += [(name, old_s, parts[name]) for name, old_s in elapsed_by_name(before.elapsed).items()]
    if before.tests is not None and after.tests is not None:
        pairs.append(("all tests, sum", before.tests.wall_s, after.tests.wall_s))
        pairs.append(("of it computing", before.tests.computing_s, after.tests.computing_s))
    rows = [
        [name, units.seconds(old_s), units.seconds(new_s), change(new_s - old_s, units.seconds)]
        for name, old_s, new_s in pairs
        if old_s is not None and new_s is not None and (old_s or new_s)
    ]
    if before.peak_bytes is not None and after.peak_bytes is not None:
        old, new = before.peak_bytes, after.peak_bytes
        rows.append(["peak memory", units.size(old), units.size(new), units.size_change(new - old)])
    if before.all_calls is not None and after.all_calls is not None:
        rows += call_changes(before.all_calls, after.all_calls)
    return rows


def _hypotheses(difference: WorkflowDiff, top: int, width: int) -> Table:
    kept = difference.hypotheses[:top]
    rows = [
        [
            formula(one),
            units.seconds(one.before_s),
            units.seconds(one.after_s),
            change(one.change_s, units.seconds),
        ]
        for one in kept
    ]
    title = heading("Hypotheses", len(kept), len(difference.hypotheses), by="what got slower")
    return table(title, ["hypothesis", "before", "after", "change"], rows, width)


def _tested_once(difference: WorkflowDiff) -> list[str]:
    counts = (("before", difference.only_before), ("after", difference.only_after))
    return [
        f"{units.count(number)} hypothes{'is was' if number == 1 else 'es were'} tested {when} only."
        for when, number in counts
        if number
    ]
