"""`kosmos history`: what the machine's notebooks have cost, from a shell."""

from __future__ import annotations

import sys
from collections.abc import Hashable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kosmos_nb.cli.history.erase import erase_command
from kosmos_nb.cli.history.reading import open_history, print_json
from kosmos_nb.cli.history.regressions import regressions_command
from kosmos_nb.cli.history.verify import salvage_command, verify_command
from kosmos_nb.cli.options import AsJson, Output, Overwrite, Top
from kosmos_nb.core import ConfigError, units

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console


MOST_ROWS = 1_000

history_app = typer.Typer(
    help="What the machine's notebooks have cost: every profile of every kernel.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    add_completion=False,
)

_REFERENCE = "An id or the beginning of one, a label, last or previous."


@history_app.command("list")
def list_command(
    last: Annotated[int, typer.Option(metavar="N", min=1, help="How many, the newest first.")] = 20,
    label: Annotated[str | None, typer.Option(help="Only profiles with this label.")] = None,
    cell: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="Only this cell: its Jupyter id, or its code hash's begin."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the newest profiles.

    [bold]Examples[/bold]

      kosmos history list

      kosmos history list --last 5 --label training --json
    """
    with open_history() as history:
        frame = history.last(last, label=label, cell=cell)
        if as_json:
            print_json(frame)
            return
        if frame.empty:
            which = " of that label or cell" if label or cell else ""
            print(f"The history {history.location} has no profile{which} yet.")
            return
        _list(frame)
        print(f"{units.size(history.disk_bytes())} on disk in {history.location}")


@history_app.command("show", no_args_is_help=True)
def show_command(
    profile: Annotated[str, typer.Argument(metavar="PROFILE", help=_REFERENCE, show_default=False)],
    top: Top = 15,
    output: Output = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Show one profile: where the time went, and how it stands among the earlier runs.

    [bold]Examples[/bold]

      kosmos history show last

      kosmos history show baseline -o baseline.html
    """
    from kosmos_nb.cli.profile.view import print_profile  # noqa: PLC0415 - rich, 50 ms; only here

    with open_history() as history:
        found = history.profile(history.find(profile))
        if output is not None:
            found.save(output, overwrite=overwrite)
        if as_json:
            print(found.to_json())
            return
        print_profile(_console(), found, name=_name(found.label, found.id), top=top)
        standing = history.standing(found)
        if standing is not None:
            print(standing)


@history_app.command("compare", no_args_is_help=True)
def compare_command(
    before: Annotated[str, typer.Argument(metavar="A", help=_REFERENCE, show_default=False)],
    after: Annotated[str, typer.Argument(metavar="B", help="The newer one, named alike.")] = "last",
) -> None:
    """Compare two profiles: what got slower, what got faster, and what is chance.

    [bold]Examples[/bold]

      kosmos history compare previous

      kosmos history compare baseline last
    """
    with open_history() as history:
        found = history.find(before), history.find(after)
        if found[0] == found[1]:
            raise ConfigError(f"{before!r} and {after!r} are the same profile.")
        print(history.compare(*found))


@history_app.command("sql", no_args_is_help=True)
def sql_command(
    query: Annotated[str, typer.Argument(metavar="SELECT", help="In DuckDB's dialect.", show_default=False)],
    rows: Annotated[
        str,
        typer.Option(
            metavar="N|all",
            help=f"Read only the first N rows of the result; {MOST_ROWS:,}, with --json all.",
            show_default=False,
        ),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Ask the history in SQL, read-only.

    [bold]Examples[/bold]

      kosmos history sql "SELECT label, execution_time FROM execution_profiles LIMIT 5"

      kosmos history sql "SELECT name, sum(self_s) FROM function_stats GROUP BY ALL" --json
    """
    limit = _row_limit(rows or ("all" if as_json else str(MOST_ROWS)))
    notes: list[str] = []
    with open_history() as history:
        frame = history.sql(query, rows=limit, note=notes.append)
    if as_json:
        print_json(frame)
    else:
        print(frame.to_string(index=False) if len(frame) else "No rows.")
    for note in notes:
        print(note, file=sys.stderr)


def _row_limit(text: str) -> int | None:
    """Return a number of rows, None for all."""
    if text == "all":
        return None
    if not text.isdecimal() or int(text) == 0:
        raise typer.BadParameter(f"{text!r} is neither a number above zero nor all.", param_hint="--rows")
    return int(text)


history_app.command("regressions")(regressions_command)
history_app.command("verify")(verify_command)
history_app.command("salvage")(salvage_command)
history_app.command("erase", no_args_is_help=True)(erase_command)


def _console() -> Console:
    from rich.console import Console  # noqa: PLC0415 - 50 ms

    return Console(highlight=False)


def _name(label: str | None, profile_id: str) -> str:
    return f"{label} ({profile_id})" if label else profile_id


def _list(frame: pd.DataFrame) -> None:
    from kosmos_nb.cli.profile.view import table  # noqa: PLC0415 - rich, 50 ms; only here

    columns = ("id", "started (UTC)", "wall", "peak", "mode", "cell")
    console = _console()
    rows = [_row(row) for row in frame.to_dict("records")]
    console.print(table("", columns, rows, console.width))


def _row(row: dict[Hashable, Any]) -> tuple[str, ...]:
    first_line = next((line for line in row["code"].splitlines() if line.strip()), row["kind"])
    what = row["label"] if isinstance(row["label"], str) else first_line  # pandas has NaN for None
    return (
        f"{row['id'][:8]}…{row['id'][-4:]}",
        f"{row['started_at']:%Y-%m-%d %H:%M}",
        units.seconds(row["wall_s"]),
        units.size(row["peak_mb"] * 1e6),
        row["mode"],
        ("" if row["status"] == "ok" else f"✗ {row['status']}: ") + what,
    )
