"""`kosmos history regressions`: which cells became slower for good, and what changed with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from kosmos_nb.cli.history.reading import open_history, print_json
from kosmos_nb.cli.options import AsJson
from kosmos_nb.core import units

if TYPE_CHECKING:
    from kosmos_nb.history import History


def regressions_command(
    last: Annotated[int, typer.Option(metavar="N", min=1, help="How many, the newest first.")] = 20,
    notebook: Annotated[str | None, typer.Option(help="Only this notebook: its path, or its name.")] = None,
    label: Annotated[str | None, typer.Option(help="Only cells with this label.")] = None,
    cell: Annotated[str | None, typer.Option(metavar="KEY", help="Only this cell.")] = None,
    as_json: AsJson = False,
) -> None:
    """List where cells became slower for good, the newest first.

    A cell's runs are searched for steps of no less than 20 % and 50 ms; what changed with the first slower
    run is told: code, data, machine, packages. A cell is judged from 11 runs.

    [bold]Examples[/bold]

      kosmos history regressions

      kosmos history regressions --notebook sales.ipynb --json
    """
    with open_history() as history:
        found = history.regressions(notebook=notebook, label=label, cell=cell).head(last)
        if as_json:
            print_json(found)
        elif found.empty:
            print(_none(history))
        else:
            for row in found.itertuples():
                print(_told(row))


def _none(history: History) -> str:
    return f"No cell with 11 or more runs became slower for good ({history.location})."


def _told(row: Any) -> str:
    where = f" of {row.notebook}" if isinstance(row.notebook, str) else ""
    since = "" if row.is_last else "; it has changed since"
    return (
        f"{row.started_at:%Y-%m-%d %H:%M}  {row.ratio:.1f}× slower: {units.seconds(row.before_s)} in "
        f"{row.runs_before} runs → {units.seconds(row.after_s)} in {row.runs_after} runs{since}\n"
        f"    {row.cell}{where}\n"
        f"    changed with it: {row.what_changed}"
    )
