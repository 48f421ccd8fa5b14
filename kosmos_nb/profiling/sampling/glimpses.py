"""Where the thread was seen while it kept its tick waiting.

Python looks for signals at calls, at the start of functions and at the end of loops, not at operators:
`b @ b` for a second is followed by a tick at the next call, which had no part in it. While the C code
of an operator leaves the interpreter to others, the sampler's second thread can see where it is. As a
tick that is due comes before anything else that Python would do at such a place, the thread is in that
C code, or in another operator after it.
"""

from typing import NamedTuple

from kosmos_nb.profiling.sampling.stack import Suspension
from kosmos_nb.profiling.sampling.walk import StackKey

# A tick is that much overdue before anybody looks.
LATE_S = 0.001
# Mean distance of the looks, in those of the samples: each takes the interpreter away from the code for
# 0.1 to 0.3 ms. The longer one is for code that was never seen to keep a tick waiting for long.
INTERVALS, SELDOM = 4, 8
LONG_S = 0.01
# Nearer after a late tick, as operators may be shorter, unless so many looks in a row found none at
# work: C code that keeps the interpreter makes ticks late, too.
OFTEN_S, LATELY_S, IN_VAIN = 0.006, 0.1, 6
# And where one was found, by this part of the time that it is overdue by: little is left of what it ends.
PART = 0.125
STUCK_PAUSE_S = 0.02  # at most, while there is no sample at all


class Glimpse(NamedTuple):
    """One stack, and the clocks when it was seen.

    Attributes:
        key: The stack.
        suspension: Where a coroutine waited.
        wall_s, cpu_s, process_s: Wall clock, CPU clock of the thread, CPU clock of the process.
        rss_bytes: Resident memory; None where it was not asked for.
    """

    key: StackKey
    suspension: Suspension
    wall_s: float
    cpu_s: float
    process_s: float
    rss_bytes: int | None


class Pace:
    """How soon to look again for a late tick."""

    def __init__(self) -> None:
        self._late_s = 0.0  # wall clock of the newest one
        self._intervals = SELDOM
        self._in_vain = 0

    def note_late(self, now_s: float, late_s: float) -> None:
        """Take note of a tick that is handled only now."""
        self._late_s = now_s
        if late_s > LONG_S:
            self._intervals = INTERVALS

    def note(self, *, found: bool) -> None:
        """Take note of a look."""
        self._in_vain = 0 if found else self._in_vain + 1

    def pause_s(self, now_s: float, overdue_s: float, interval_s: float, *, is_stuck: bool) -> float:
        """Return the mean time to the next look.

        Args:
            now_s: The wall clock.
            overdue_s: How long the tick is overdue.
            interval_s: Mean distance of the samples.
            is_stuck: Whether there was no sample for long.
        """
        if now_s - self._late_s < LATELY_S and self._in_vain < IN_VAIN:
            return OFTEN_S
        pause_s = self._intervals * interval_s
        if self._in_vain == 0:
            pause_s = min(pause_s, max(OFTEN_S, PART * overdue_s))
        return min(pause_s, STUCK_PAUSE_S) if is_stuck else pause_s
