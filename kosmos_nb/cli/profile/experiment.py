"""`kosmos profile experiment`: the newest profile of an experiment, from the history."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kosmos_nb.core import HistoryError

if TYPE_CHECKING:
    from kosmos_nb.history import History, ProfileResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What is to be shown of an experiment.

    Attributes:
        experiment: Its id, as given with `--experiment` or to `profile_experiment`.
        mode: Only a profile taken in this mode; None for the newest.
        compare: Another experiment, to hold it against.
        output: A file to write the profile to.
        overwrite: Whether a file that is there may be replaced.
        top: Most rows of each table.
        as_json: Whether to write JSON alone.
    """

    experiment: str
    mode: str | None = None
    compare: str | None = None
    output: Path | None = None
    overwrite: bool = False
    top: int = 15
    as_json: bool = False


def show_experiment(ask: Ask) -> None:
    """Print the newest profile of an experiment, and how it differs from another one's.

    Raises:
        HistoryError: The history has no such profile.
        ConfigError: The output file cannot be written.
    """
    from kosmos_nb.history import History, json_text  # noqa: PLC0415 - settings and database; not for --help

    with History() as history:
        found = _newest(history, ask.experiment, ask.mode)
        other = _newest(history, ask.compare, ask.mode) if ask.compare is not None else None
        if ask.output is not None:
            found.save(ask.output, overwrite=ask.overwrite)
        difference = history.compare(other.id, found.id) if other is not None else None
    if ask.as_json:
        plain = found.to_dict() if other is None else {"profile": found.to_dict(), "compare": other.to_dict()}
        print(json_text(plain))
        return
    from rich.console import Console  # noqa: PLC0415 - 50 ms

    from kosmos_nb.cli.profile.view import print_profile  # noqa: PLC0415

    print_profile(Console(highlight=False), found, name=f"experiment {ask.experiment}", top=ask.top)
    if difference is not None:
        print(f"\n{difference}")
    if ask.output is not None:
        print(f"Written to {ask.output}")


def _newest(history: History, experiment: str, mode: str | None) -> ProfileResult:
    found = history.last(1, experiment=experiment, mode=mode)
    if len(found):
        return history.profile(str(found.id[0]))
    how = f" in {mode} mode" if mode is not None else ""
    known = history.sql(
        "SELECT DISTINCT experiment_id FROM executions WHERE experiment_id IS NOT NULL LIMIT 5"
    )
    names = ", ".join(json.dumps(name, ensure_ascii=False) for name in known.experiment_id)
    hint = f" It has: {names}." if names else " %%kosmos_profile --experiment ID gives a profile to one."
    raise HistoryError(f"The history has no profile{how} of the experiment {experiment!r}.{hint}")
