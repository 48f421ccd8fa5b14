"""How one run stands among the earlier runs of its kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kosmos_nb.core import units

_NAMED = 3

State = Literal["first", "known", "usual", "slower once", "slower", "faster once", "faster"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How one run stands among the earlier runs of its kind; judged by `history.standing`.

    Attributes:
        state: `first` (none before), `known` (fewer than 8 before, nothing is concluded), `usual`,
            `slower once`, `slower` (the second in a row, or a later one), or the same with `faster`.
        wall_s: The run's own time.
        runs: How many runs it is held against.
        low_s, high_s: The fastest and the slowest of them; None where there is none.
        usual_s: Their median.
        reads_data: Whether the runs are of one size of data, too; else the code reads none that is known.
        grown: The function whose own time differs most from what is usual, where that explains it.
        grown_s: By how much.
        new_packages: Packages, with versions, that none of the usual runs had; of a slow or fast run alone.
        before_edit_s: The newest time of this cell before its code was changed; of a first run alone.
    """

    state: State
    wall_s: float
    runs: int = 0
    low_s: float | None = None
    high_s: float | None = None
    usual_s: float | None = None
    reads_data: bool = False
    grown: str = ""
    grown_s: float = 0.0
    new_packages: tuple[str, ...] = ()
    before_edit_s: float | None = None

    @property
    def ratio(self) -> float | None:
        """The run's time over the usual one."""
        return self.wall_s / self.usual_s if self.usual_s else None

    @property
    def is_notable(self) -> bool:
        """Whether it is worth a warning: slower, and not for the first time."""
        return self.state == "slower"

    def __str__(self) -> str:
        if self.low_s is None or self.high_s is None or self.ratio is None:
            if self.before_edit_s is not None:
                return f"Before the edit: {units.seconds(self.before_edit_s)}."
            return "The first run of its kind that the history knows."
        low, high, now = (units.seconds(value) for value in (self.low_s, self.high_s, self.wall_s))
        before = f"{low} in one run" if self.runs == 1 else f"{low} to {high} in {self.runs} runs"
        if self.state == "known":
            return f"Before: {before}."
        if self.state == "usual":
            return f"As usual: {before}."
        word, _, once = self.state.partition(" ")
        times = self.ratio if word == "slower" else 1 / self.ratio
        of_what = "this code and size of data" if self.reads_data else "this code"
        how = f"{word}, once" if once else f"{word} than usual for {of_what}"
        sign = "+" if self.grown_s > 0 else "−"
        grown = f"; {self.grown} {sign}{units.seconds(abs(self.grown_s))}" if self.grown else ""
        return f"{times:.1f}× {how}: {before} → {now}{grown}{self._first_seen()}."

    def _first_seen(self) -> str:
        """Say what the run had that the usual ones had not; that is when, not why."""
        named = ", ".join(self.new_packages[:_NAMED])
        more = len(self.new_packages) - _NAMED
        rest = f" and {more} other packages" if more > 1 else " and 1 other package" if more == 1 else ""
        return f"; first seen with {named}{rest}" if named else ""
