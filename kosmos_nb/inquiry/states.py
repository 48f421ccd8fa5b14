"""The states of a hypothesis, as a table: event by state. An unlisted step is an error."""

from collections.abc import Mapping
from typing import Literal

from kosmos_nb.history.records import HypothesisState

Event = Literal[
    "register", "queue", "start", "measure", "analyse", "conclude", "rule_out", "drop", "fail", "skip"
]

STEPS: Mapping[HypothesisState, Mapping[Event, HypothesisState]] = {
    "proposed": {"register": "registered", "skip": "skipped"},
    "registered": {"queue": "queued", "rule_out": "verdict", "drop": "dropped", "skip": "skipped"},
    "queued": {"start": "running", "drop": "dropped", "fail": "failed", "skip": "skipped"},
    "running": {"measure": "measured", "rule_out": "verdict", "fail": "failed", "skip": "skipped"},
    "measured": {"analyse": "analysed", "skip": "skipped"},
    "analysed": {"conclude": "verdict", "skip": "skipped"},
    "verdict": {},
    "failed": {},
    "dropped": {},
    "skipped": {},
}


def step(state: HypothesisState, event: Event) -> HypothesisState:
    """Return the state after the event.

    Raises:
        ValueError: The table has no such step.
    """
    try:
        return STEPS[state][event]
    except KeyError:
        raise ValueError(f"A hypothesis that is {state!r} cannot {event!r}.") from None
