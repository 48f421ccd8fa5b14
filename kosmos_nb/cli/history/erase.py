"""`kosmos history erase`: take profiles and runs out of the history for good."""

from __future__ import annotations

import dataclasses
import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kosmos_nb.cli.options import AsJson
from kosmos_nb.core import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from kosmos_nb.history import Erased


def erase_command(
    profiles: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PROFILE",
            help="Ids, their beginnings, last or previous; a label means the newest profile that has it.",
            show_default=False,
        ),
    ] = None,
    notebook: Annotated[
        str | None, typer.Option(metavar="PATH|NAME", help="Those of this notebook.", show_default=False)
    ] = None,
    label: Annotated[str | None, typer.Option(help="All with this label.", show_default=False)] = None,
    cell: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="Those of this cell: its Jupyter id, or its code hash's begin."),
    ] = None,
    experiment: Annotated[str | None, typer.Option(metavar="ID", help="Those of this experiment.")] = None,
    before: Annotated[
        str | None, typer.Option(metavar="DATE", help="Those before this date (ISO 8601, UTC).")
    ] = None,
    runs: Annotated[
        bool, typer.Option("--runs", help="Research runs, not profiles: those named, those before, or all.")
    ] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="The whole history, with its backups and damaged copies.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how many.")] = False,
    as_json: AsJson = False,
) -> None:
    """Erase profiles or research runs for good: what was measured, the source, labels and notes.

    Options go together: --notebook a.ipynb --before 2026-01-31 erases what is of both.

    [bold]Examples[/bold]

      kosmos history erase last

      kosmos history erase --notebook secret.ipynb

      kosmos history erase --before 2026-01-31 --dry-run

      kosmos history erase --runs --yes

      kosmos history erase --all
    """
    from kosmos_nb.history import History  # noqa: PLC0415 - settings and database; not for --help

    chosen: dict[str, Any] = {
        "notebook": notebook,
        "label": label,
        "cell": cell,
        "experiment": experiment,
        "before": before,
        "runs": runs,
        "everything": everything,
    }
    with History() as history:
        where = history.location
        would = history.erase(*profiles or (), **chosen, dry_run=True)
        if dry_run:
            _tell(would, f"{would.what()} of {where} would be erased.", as_json)
            return
        if (would.records or would.deleted) and not yes:
            _ask(f"{would.what()} of {where}")
        # By id: meanwhile another kernel may have saved what is now the last one.
        erased = history.erase(*would.named, **chosen)
    _tell(erased, str(erased), as_json)
    if erased.trouble:
        print(
            f"kosmos: The text may still lie in the files of {where}, because {erased.trouble}. Run this "
            "command again when that has ended.",
            file=sys.stderr,
        )
        raise typer.Exit(1)


def _ask(what: str) -> None:
    if not sys.stdin.isatty():
        raise ConfigError(f"{what} would be erased, and there is no terminal to ask at: --yes erases.")
    if not typer.confirm(f"Erase {what} for good?", err=True):
        print("Nothing was erased.", file=sys.stderr)
        raise typer.Exit(1)


def _tell(erased: Erased, said: str, as_json: bool) -> None:
    if as_json:
        plain = dataclasses.asdict(erased)
        print(json.dumps({**plain, "deleted": _names(erased.deleted), "left": _names(erased.left)}))
        return
    print(said)
    if erased.left:
        named = ", ".join(str(file) for file in erased.left)
        print(f"Copies of it may still lie in {named}: delete them when you need them no more.")


def _names(files: tuple[Path, ...]) -> list[str]:
    return [str(file) for file in files]
