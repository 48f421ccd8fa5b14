"""`kosmos profile agent`: a language model's calls in one role, from the history."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from kosmos_nb.cli.profile.delivery import Delivery
from kosmos_nb.core import ConfigError, HistoryError

if TYPE_CHECKING:
    from rich.console import Console

    from kosmos_nb.history import AgentProfile, History, LlmCall

_MOST_NAMED = 10  # roles in a message


def show_agent(role: str, run: str | None, compare: str | None, *, top: int, delivery: Delivery) -> None:
    """Print what the calls in one role cost, and how they differ from those of another run.

    Args:
        role: As what the model worked.
        run: Only the calls of this research run, as for `History.find_run`; None for all.
        compare: An earlier run, to hold it against.
        top: Most rows of each table.
        delivery: Where to.

    Raises:
        HistoryError: The history has no such run, or no calls in that role.
        ConfigError: The output file cannot be written, or there are no two runs to compare.
    """
    from kosmos_nb.history import History  # noqa: PLC0415 - settings and database; not for --help

    if compare is not None and run is None:
        raise ConfigError("--compare holds one run against another: name the first one with --run.")
    with History() as history:
        found = _profile(history, role, run)
        other = _profile(history, role, compare) if compare is not None else None
    if other is not None and other.run_id == found.run_id:
        raise ConfigError(f"{compare!r} and {run!r} are the same run.")
    plain = found.to_dict()
    if other is not None:
        plain = {"profile": plain, "compare": other.to_dict()}

    def draw(console: Console) -> None:
        from kosmos_nb.cli.profile.agent_view import print_agent, print_compared  # noqa: PLC0415 - draws with rich

        print_agent(console, found, top=top)
        if other is not None:
            print_compared(console, other, found)

    delivery.hand_over(plain, draw)


def show_roles(run: str | None, *, top: int, delivery: Delivery) -> None:
    """Print the roles that have calls, with their sums.

    Arguments and errors are those of `show_agent`.
    """
    from kosmos_nb.history import History, totals, totals_by  # noqa: PLC0415 - as above

    with History() as history:
        run_id = history.find_run(run) if run is not None else None
        calls = _calls(history, run_id)
    if not calls:
        raise HistoryError(f"{_whose(run_id)} has no calls of a language model.")
    everything, roles = totals(calls, ""), totals_by(calls, lambda call: call.role)

    def draw(console: Console) -> None:
        from kosmos_nb.cli.profile.agent_view import print_roles  # noqa: PLC0415 - draws with rich

        print_roles(console, roles, everything, run_id=run_id, top=top)

    delivery.hand_over({"run_id": run_id, "roles": [one.to_dict() for one in roles]}, draw)


def _profile(history: History, role: str, run: str | None) -> AgentProfile:
    from kosmos_nb.history import agent_profile  # noqa: PLC0415 - as above

    run_id = history.find_run(run) if run is not None else None
    calls = _calls(history, run_id, role)
    if not calls:
        there = _roles(call.role for call in _calls(history, run_id))
        raise HistoryError(f"{_whose(run_id)} has no calls of a language model in the role {role!r}.{there}")
    return agent_profile(calls, role, run_id)


def _calls(history: History, run_id: str | None, role: str | None = None) -> Sequence[LlmCall]:
    from kosmos_nb.history import call_records  # noqa: PLC0415 - as above

    return call_records(history.llm_calls(run=run_id, role=role))


def _whose(run_id: str | None) -> str:
    return "The history" if run_id is None else f"The research run {run_id}"


def _roles(roles: Iterable[str]) -> str:
    """Say which roles there are."""
    names = sorted(set(roles))
    if not names:
        return " It has none in any role."
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f" It has: {', '.join(map(repr, names[:_MOST_NAMED]))}{more}."
