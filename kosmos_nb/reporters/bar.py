"""A stretch of time, parted by what the thread did: computing, waiting, held up by a lock, awaiting."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from kosmos_nb.core import units
from kosmos_nb.reporters.numbers import seconds_within

KINDS = ("computing", "waiting", "lock", "await")  # in the order in which a bar shows them
MOSTLY = 0.95
SEEN = 0.02


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of time.

    Attributes:
        wall_s, cpu_s: Seconds, and those of them on the CPU.
        share: Of the cell's own time.
        computing, waiting: Parts of the longest row. `waiting` is for I/O, a sleep, or another
            process that had the CPU.
        lock, awaiting: The rest: for a lock or the GIL; awaiting while the loop had nothing to run.
        error_s: Half width of the 95 % interval of `wall_s`.
        lock_s, await_s: In seconds.
    """

    wall_s: float
    cpu_s: float
    share: float
    computing: float
    waiting: float
    lock: float = 0.0
    awaiting: float = 0.0
    error_s: float = 0.0
    lock_s: float = 0.0
    await_s: float = 0.0

    @property
    def parts(self) -> tuple[float, float, float, float]:
        """Lengths in the order of `KINDS`."""
        return (self.computing, self.waiting, self.lock, self.awaiting)

    @property
    def wall(self) -> str:
        """`4.86 s ± 0.07`; nothing where there was no time."""
        return seconds_within(self.wall_s, self.error_s) if self.wall_s > 0 else ""

    @property
    def percent(self) -> str:
        """`82 %`; nothing where there was no time."""
        return units.share(self.share) if self.wall_s > 0 else ""

    @property
    def off_cpu(self) -> str:
        """`0.3 s`, `0.3 s lock`, `0.3 s: lock 0.1 s, await 0.1 s`; `0` where it computed all the time."""
        off_s = self.wall_s - self.cpu_s
        if self.wall_s <= 0:
            return ""
        if off_s <= 0:
            return "0"
        told = [
            (name, part)
            for name, part in (("lock", self.lock_s), ("await", self.await_s))
            if part > SEEN * off_s
        ]
        if len(told) == 1 and told[0][1] > MOSTLY * off_s:
            return f"{units.seconds(off_s)} {told[0][0]}"
        detail = ", ".join(f"{name} {units.seconds(part)}" for name, part in told)
        return f"{units.seconds(off_s)}: {detail}" if detail else units.seconds(off_s)


def make_bar(
    wall_s: float,
    cpu_s: float,
    whole_s: float,
    longest_s: float,
    *,
    error_s: float = 0.0,
    lock_s: float = 0.0,
    await_s: float = 0.0,
) -> Bar:
    """Return a row of time beside a longest row of `longest_s`, its share being of `whole_s`.

    The clocks differ a little: CPU, lock and await time are cut to what the wall clock leaves.
    """
    wall = max(0.0, wall_s)
    cpu = max(0.0, min(cpu_s, wall))
    awaited = max(0.0, min(await_s, wall - cpu))
    locked = max(0.0, min(lock_s, wall - cpu - awaited))
    scale = longest_s if longest_s > 0 and math.isfinite(longest_s) else 1.0
    parts = (cpu, wall - cpu - awaited - locked, locked, awaited)
    computing, waiting, lock, awaiting = (min(1.0, max(0.0, part / scale)) for part in parts)
    share = min(1.0, wall / whole_s) if whole_s > 0 else 0.0
    return Bar(wall, cpu, share, computing, waiting, lock, awaiting, max(0.0, error_s), locked, awaited)


def kinds_seen(bars: Iterable[Bar]) -> tuple[str, ...]:
    """Return which kinds of time the bars show, in the order of `KINDS`: for a legend."""
    seen = {kind for bar in bars for kind, part in zip(KINDS, bar.parts, strict=True) if part > 0.0005}
    return tuple(kind for kind in KINDS if kind in seen)
