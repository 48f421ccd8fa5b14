"""`kosmos db`: the history's database, its version and what lies beside it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from kosmos_nb.cli.options import AsJson
from kosmos_nb.core import HistoryError, units

if TYPE_CHECKING:
    from kosmos_nb.history import DatabaseState, KeptFile

db_app = typer.Typer(
    help="The database of the history: its version, its backups.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    add_completion=False,
)


@db_app.command("upgrade")
def upgrade_command() -> None:
    """Bring the database up to date with this kosmos_nb; a backup is made first.

    Saving and reading do the same by themselves. A database that a newer kosmos_nb made is not changed.

    [bold]Examples[/bold]

      kosmos db upgrade
    """
    from kosmos_nb.history import database_state, upgrade_database  # noqa: PLC0415 - not for --help

    folder = _folder()
    done = upgrade_database(folder)
    state = database_state(folder)
    if done is None:
        print(f"{state.path} is already up to date (revision {state.head}).")
    elif done.backup is None:
        print(f"{state.path} is new (revision {done.after}).")
    else:
        print(f"{state.path} is upgraded from revision {done.before} to {done.after}.")
        size = units.size(done.backup.stat().st_size)
        print(f"What it was before is kept: {done.backup} ({size}).")


@db_app.command("current")
def current_command(as_json: AsJson = False) -> None:
    """Show the database's version and size, and the backups and damaged copies beside it.

    [bold]Examples[/bold]

      kosmos db current

      kosmos db current --json
    """
    from kosmos_nb.history import database_state  # noqa: PLC0415 - not for --help

    state = database_state(_folder())
    if as_json:
        print(json.dumps(_plain(state), ensure_ascii=False))
    else:
        _show(state)
    if state.trouble:
        raise HistoryError(state.trouble)


def _folder() -> Path:
    from kosmos_nb.config import settings  # noqa: PLC0415 - pydantic, 0.1 s

    return settings().home.absolute()


def _plain(state: DatabaseState) -> dict[str, object]:
    return {
        "path": str(state.path),
        "is_there": state.is_there,
        "revision": state.revision,
        "head": state.head,
        "is_up_to_date": state.is_up_to_date,
        "disk_bytes": state.disk_bytes,
        "spool_bytes": state.spool_bytes,
        "backups": [_plain_file(file) for file in state.backups],
        "damaged": [_plain_file(file) for file in state.damaged],
        "trouble": state.trouble,
    }


def _plain_file(file: KeptFile) -> dict[str, object]:
    return {**dataclasses.asdict(file), "path": str(file.path)}


def _show(state: DatabaseState) -> None:
    if state.is_there:
        print(f"{state.path}, {units.size(state.disk_bytes)} on disk")
    else:
        print(f"{state.path} is not there yet; the first record that is saved makes it.")
    print(_standing(state))
    if state.spool_bytes:
        print(f"{units.size(state.spool_bytes)} wait in the spool, or could not be saved.")
    for name, files in (("backup", state.backups), ("damaged", state.damaged)):
        for file in files:
            print(f"{name:<8}{units.size(file.disk_bytes):>8}  {file.path}")


def _standing(state: DatabaseState) -> str:
    if state.is_up_to_date:
        return f"Revision {state.revision}, up to date with this kosmos_nb."
    if state.is_newer:
        return (
            f"Revision {state.revision}, written by a newer kosmos_nb; this one writes {state.head}. It "
            "reads what it knows, and new records wait in the spool: upgrade kosmos_nb."
        )
    if state.revision is not None:
        return (
            f"Revision {state.revision}; this kosmos_nb writes {state.head}. Upgrade it with: kosmos db "
            "upgrade (the next save does the same)."
        )
    return f"This kosmos_nb writes revision {state.head}."
