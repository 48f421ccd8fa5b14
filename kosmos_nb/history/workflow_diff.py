"""Two research runs side by side: what got slower. Hypotheses are matched by their statement.

Their ids are numbers in order of registration, which another column in the data moves.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kosmos_nb.history.records.plain import as_plain
from kosmos_nb.history.workflow import HypothesisCost, WorkflowProfile

ONE_RUN_EACH = "One run each: how much the machine varies from run to run is not in it."


@dataclass(frozen=True, slots=True, kw_only=True)
class HypothesisChange:
    """The tests of one hypothesis in both runs, in seconds as in `HypothesisCost.wall_s`.

    Attributes:
        statement, x, y, given: As in the later run.
        before_s, after_s: In each run; of several hypotheses with one statement, their sum.
    """

    statement: str
    x: str
    y: str
    given: tuple[str, ...]
    before_s: float
    after_s: float

    @property
    def change_s(self) -> float:
        """Above zero: slower."""
        return self.after_s - self.before_s


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowDiff:
    """What differs between two runs.

    Attributes:
        before, after: The runs.
        hypotheses: Those that both measured, the largest slow-down first.
        only_before, only_after: How many hypotheses one of the runs measured alone.
        notes: What makes the two hard to compare.
    """

    before: WorkflowProfile
    after: WorkflowProfile
    hypotheses: tuple[HypothesisChange, ...]
    only_before: int
    only_after: int
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain dicts, lists, numbers and texts, without the two runs."""
        return as_plain(self, leave=("before", "after"))


def compare_workflows(before: WorkflowProfile, after: WorkflowProfile) -> WorkflowDiff:
    """Lay two runs side by side; `before` is what the other is judged against."""
    old, new = _measured(before), _measured(after)
    changes = [_change(old[statement], new[statement]) for statement in old.keys() & new.keys()]
    return WorkflowDiff(
        before=before,
        after=after,
        hypotheses=tuple(sorted(changes, key=lambda one: (-one.change_s, one.statement))),
        only_before=len(old.keys() - new.keys()),
        only_after=len(new.keys() - old.keys()),
        notes=(*(note for say in _SAYINGS if (note := say(before, after))), ONE_RUN_EACH),
    )


def _measured(run: WorkflowProfile) -> dict[str, list[HypothesisCost]]:
    """Return what has a measured time, by statement."""
    found: dict[str, list[HypothesisCost]] = {}
    for one in run.hypotheses:
        if one.wall_s is not None:
            found.setdefault(one.statement, []).append(one)
    return found


def _change(before: list[HypothesisCost], after: list[HypothesisCost]) -> HypothesisChange:
    one = after[0]
    before_s, after_s = (math.fsum(cost.wall_s or 0.0 for cost in costs) for costs in (before, after))
    return HypothesisChange(
        statement=one.statement, x=one.x, y=one.y, given=one.given, before_s=before_s, after_s=after_s
    )


def _other(what: str, of: Callable[[WorkflowProfile], str]) -> Callable[..., str]:
    def say(before: WorkflowProfile, after: WorkflowProfile) -> str:
        old, new = of(before), of(after)
        return f"Other {what}: {old} before, {new} after." if old != new else ""

    return say


def _other_data(before: WorkflowProfile, after: WorkflowProfile) -> str:
    if before.data_hash == after.data_hash:
        return ""
    shapes = [f"{one.n_rows:,} × {one.n_columns}" for one in (before, after)]
    same = shapes[0] == shapes[1]
    return (
        f"Other data, {shapes[0]} in both." if same else f"Other data: {shapes[0]} before, {shapes[1]} after."
    )


def _cut_short(before: WorkflowProfile, after: WorkflowProfile) -> str:
    ends = [f"{one.status} {name}" for name, one in (("before", before), ("after", after))]
    short = [end for end in ends if not end.startswith("done ")]
    return f"The run did not come to its end: {', '.join(short)}." if short else ""


def _versions(run: WorkflowProfile) -> str:
    return ", ".join(f"{name} {version}" for name, version in sorted(run.versions.items())) or "none told"


_SAYINGS = (
    _other_data,
    _other("workers", lambda run: str(run.workers or "none")),
    _other("versions", _versions),
    _cut_short,
)
