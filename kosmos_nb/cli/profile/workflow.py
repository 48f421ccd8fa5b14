"""`kosmos profile workflow`: what a whole research run cost, from the history."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kosmos_nb.cli.profile.delivery import Delivery
from kosmos_nb.core import ConfigError

if TYPE_CHECKING:
    from rich.console import Console

    from kosmos_nb.history import History, WorkflowProfile


def show_workflow(run: str, compare: str | None, *, top: int, delivery: Delivery) -> None:
    """Print what a run cost, and how it differs from another one.

    Args:
        run: Which one, as for `History.find_run`.
        compare: An earlier one, to hold it against.
        top: Most rows of each table.
        delivery: Where to.

    Raises:
        HistoryError: The history has no such run.
        ConfigError: The output file cannot be written, or a run is compared with itself.
    """
    from kosmos_nb.history import History, compare_workflows  # noqa: PLC0415 - a database; not for --help

    with History() as history:
        found = _profile(history, run)
        other = _profile(history, compare) if compare is not None else None
    if other is not None and other.run_id == found.run_id:
        raise ConfigError(f"{compare!r} and {run!r} are the same run.")
    plain = found.to_dict()
    difference = compare_workflows(other, found) if other is not None else None
    if other is not None and difference is not None:
        plain = {"profile": plain, "compare": other.to_dict(), "changes": difference.to_dict()}

    def draw(console: Console) -> None:
        from kosmos_nb.cli.profile.workflow_diff_view import print_difference  # noqa: PLC0415 - draws with rich
        from kosmos_nb.cli.profile.workflow_view import print_workflow  # noqa: PLC0415

        print_workflow(console, found, top=top)
        if difference is not None:
            print_difference(console, difference, top=top)

    delivery.hand_over(plain, draw)


def _profile(history: History, reference: str) -> WorkflowProfile:
    from kosmos_nb.history import call_records, workflow_profile  # noqa: PLC0415 - as above

    run_id = history.find_run(reference)
    return workflow_profile(history.run(run_id), call_records(history.llm_calls(run=run_id)))
