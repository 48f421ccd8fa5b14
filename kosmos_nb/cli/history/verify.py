"""`kosmos history verify` and `salvage`: is everything still what was saved, and what can be had back."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kosmos_nb.cli.options import AsJson
from kosmos_nb.cli.patience import patience

if TYPE_CHECKING:
    from kosmos_nb.history import Verified

MOST_LINES = 20
_REASONS = {"changed": "is not what was saved", "unreadable": "cannot be read"}


def verify_command(as_json: AsJson = False) -> None:
    """Check the whole history: the file, and that every record is what was saved.

    Nothing is changed. The exit code is 1 where something is damaged.

    [bold]Examples[/bold]

      kosmos history verify

      kosmos history verify --json
    """
    from kosmos_nb.history import History  # noqa: PLC0415 - settings and database; not for --help

    with History() as history:
        with patience() as watch:
            found = history.verify(watch)
        if as_json:
            print(json.dumps({**dataclasses.asdict(found), "is_sound": found.is_sound}))
        else:
            _show(found, history.location)
    if not found.is_sound:
        raise typer.Exit(1)


def salvage_command(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE",
            help="A damaged copy (history.damaged-….sqlite); by default all in the history's folder.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Copy every record of a damaged history that is still sound into the present one.

    A damaged history is set aside when kosmos_nb meets the damage; this does it now, if it was not. Damaged
    files are kept, and no record is there twice.

    [bold]Examples[/bold]

      kosmos history salvage

      kosmos history salvage ~/.kosmos_nb/history.damaged-20260131T120000_000000.sqlite
    """
    from kosmos_nb.history import History  # noqa: PLC0415 - settings and database; not for --help

    with History() as history, patience() as watch:
        found = history.salvage(file, watch)
    if as_json:
        plain = [{**dataclasses.asdict(one), "file": str(one.file), "damaged": one.damaged} for one in found]
        print(json.dumps(plain))
        return
    for one in found:
        print(one)
    if not found:
        print(f"{history.location} is not damaged, and has no damaged copy.")


def _show(found: Verified, where: Path) -> None:
    lines = [f"✗ {one.rstrip('.')}." for one in found.complaints]
    lines += [f"✗ The {one.kind.replace('_', ' ')} {one.id} {_REASONS[one.reason]}." for one in found.damage]
    for line in lines[:MOST_LINES]:
        print(line)
    if len(lines) > MOST_LINES:
        print(f"… and {len(lines) - MOST_LINES:,} more; --json writes all.")
    print(f"{where}: {found}")
    if found.complaints:
        print(
            "`kosmos history salvage` sets the damaged file aside and copies what is sound into a new one.",
            file=sys.stderr,
        )
    elif found.damage:
        print("A damaged record is never shown; `kosmos history erase ID` removes it.", file=sys.stderr)
