"""A research run's cost in the terminal: what its time went into, then hypotheses and calls as tables."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from kosmos_nb.cli.profile.calls_view import calls_table, in_words
from kosmos_nb.cli.profile.view import heading, say, table
from kosmos_nb.core import units
from kosmos_nb.history import Elapsed, HypothesisChange, HypothesisCost, TestsCost, WorkflowProfile
from kosmos_nb.reporters import clean, short_id

UNTITLED = "Research run"
STEP_CHARACTERS = 100
FORMULA_CHARACTERS = 160


def print_workflow(console: Console, run: WorkflowProfile, *, top: int) -> None:
    """Print the whole run.

    Args:
        console: Where to.
        run: What to print.
        top: Most rows of each table.
    """
    question = clean(run.question, 200) or UNTITLED
    say(console, f"\n{question} (run {short_id(run.run_id)})", style="bold")
    say(console, _numbers(run))
    say(console, _hypotheses_in_words(run))
    if run.status != "done":
        why = f": {clean(run.error)}" if run.error else ""
        say(console, f"✗ {run.status}{why}", style="red")
    if run.slowest_step_s is not None:
        slowest = (
            f"slowest step: {clean(run.slowest_step, STEP_CHARACTERS)}, {units.seconds(run.slowest_step_s)}"
        )
        say(console, slowest)
    if run.elapsed is not None:
        console.print(_elapsed(run.elapsed, console.width))
    if run.tests is not None:
        say(console, _tests_in_words(run.tests, run.workers))
    measured = [one for one in run.hypotheses if one.wall_s is not None]
    if measured:
        console.print(_hypotheses(measured, top, console.width))
    if run.all_calls is not None:
        title = heading("Calls of language models", len(run.calls[:top]), len(run.calls))
        console.print(calls_table(title, "role", run.calls[:top], console.width))
        say(console, in_words(run.all_calls))
    for note in run.notes:
        say(console, f"note: {note}", style="dim")


def elapsed_by_name(elapsed: Elapsed) -> dict[str, float]:
    """Return the parts of a run's elapsed time by what was under way."""
    return {
        "before the first test or call": elapsed.before_s,
        "with a test under way": elapsed.tests_s,
        "with a call under way, and no test": elapsed.calls_s,
        "afterwards and in between": elapsed.rest_s,
    }


def formula(one: HypothesisCost | HypothesisChange) -> str:
    """Return a hypothesis in short, as the board has it: `y ~ x`, `y ~ x | given`."""
    given = f" | {', '.join(one.given)}" if one.given else ""
    return clean(f"{one.y} ~ {one.x}{given}", FORMULA_CHARACTERS)


def _numbers(run: WorkflowProfile) -> str:
    parts = []
    if run.wall_s is not None:
        parts.append(f"{units.seconds(run.wall_s)} wall")
    if run.cpu_s is not None:
        cores = f" ({run.cpu_s / run.wall_s:.2f} cores)" if run.wall_s else ""
        parts.append(f"{units.seconds(run.cpu_s)} CPU{cores}")
    if run.peak_bytes is not None:
        parts.append(f"{units.size(run.peak_bytes)} peak memory")
    plural = "" if run.workers == 1 else "s"
    parts.append(f"{run.workers} worker{plural}" if run.workers else "no workers")
    return " · ".join(parts)


def _hypotheses_in_words(run: WorkflowProfile) -> str:
    shape = f"{units.count(run.n_rows)} rows × {units.count(run.n_columns)} columns"
    number = sum(run.states.values())
    told = f"{units.count(number)} hypothes{'i' if number == 1 else 'e'}s"
    verdicts = ", ".join(f"{units.count(many)} {_plain(name)}" for name, many in run.verdicts.items())
    states = [f"{units.count(many)} {name}" for name, many in run.states.items() if name != "verdict"]
    data = " · ".join(part for part in (clean(run.data_name, 60), shape) if part)
    return f"{data}\n" + " · ".join((f"{told}: {verdicts}" if verdicts else told, *states))


def _elapsed(elapsed: Elapsed, width: int) -> Table:
    parts = {name: value_s for name, value_s in elapsed_by_name(elapsed).items() if value_s > 0}
    total_s = sum(parts.values())
    rows = [[name, units.seconds(value_s), units.share(value_s / total_s)] for name, value_s in parts.items()]
    return table("Where the time went", ["", "wall", "%"], rows, width)


def _tests_in_words(tests: TestsCost, workers: int) -> str:
    failed = f" ({units.count(tests.failed)} failed)" if tests.failed else ""
    told = (
        f"{units.count(tests.number)} test{'' if tests.number == 1 else 's'}{failed}, "
        f"{units.seconds(tests.wall_s)} in all: {units.seconds(tests.computing_s)} computing, "
        f"{units.seconds(tests.waiting_s)} waiting"
    )
    if tests.busy_share is None or not workers:
        return told
    told += f"\nworkers busy with tests: {units.share(tests.busy_share)} of the run"
    during = tests.busy_share_of_tests
    return told if during is None else f"{told}, {units.share(during)} while a test was under way"


def _hypotheses(measured: Sequence[HypothesisCost], top: int, width: int) -> Table:
    kept = measured[:top]
    has_cpu = any(one.cpu_s is not None for one in kept)
    columns = ["hypothesis", "wall", *(["CPU", "peak"] if has_cpu else []), "verdict"]
    rows = []
    for one in kept:
        row = [f"{one.id} {formula(one)}", units.seconds(one.wall_s or 0.0)]
        if has_cpu:
            row.append("" if one.cpu_s is None else units.seconds(one.cpu_s))
            row.append("" if one.peak_bytes is None else units.size(one.peak_bytes))
        rows.append([*row, "✗ failed" if one.error else _plain(one.verdict or one.state)])
    return table(heading("Hypotheses", len(kept), len(measured)), columns, rows, width)


def _plain(name: str) -> str:
    return name.replace("_", " ")
