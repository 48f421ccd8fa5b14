"""Keeps the profiler within its share of the time: who costs too much looks less often."""

# A decision needs some looks.
LEAST_LOOKS = 16
LEAST_S = 0.25
# The first ones see everything for the first time and start our thread. That costs once: only many
# times the budget counts.
FIRST = 4.0
# Quicker again when that would cost less than this share of the budget; not at once, to and fro.
COMES_BACK = 0.8
# Rarer than this it would tell nothing.
SLOWEST = 256


class Governor:
    """Says by what factor the intervals are to be longer.

    The factor doubles when the cost since the last decision passes the budget. It is halved when
    the cost would stay below 0.8 of the budget even then.

    Args:
        budget: Share of the elapsed time that may be used, 0 to 1.
        now_s: The wall clock.
        cost_s: CPU seconds that had been used before.

    Attributes:
        slowdown: The factor, a power of two.
    """

    def __init__(self, budget: float, now_s: float, cost_s: float = 0.0) -> None:
        self.budget = budget
        self.slowdown = 1
        self._looks = 0
        self._since_s = now_s
        self._cost_s = cost_s
        self._patience = FIRST

    def note(self, now_s: float, cost_s: float, looks: int = 1) -> None:
        """Take in further looks.

        Args:
            now_s: The wall clock.
            cost_s: CPU seconds of all looks so far.
            looks: How many there were since the last call.
        """
        self._looks += looks
        if self._looks < LEAST_LOOKS or now_s - self._since_s < LEAST_S:
            return
        share = (cost_s - self._cost_s) / (now_s - self._since_s)
        if share > self.budget * self._patience and self.slowdown < SLOWEST:
            self.slowdown *= 2
        elif 2 * share < COMES_BACK * self.budget and self.slowdown > 1:
            self.slowdown //= 2
        self._looks, self._since_s, self._cost_s, self._patience = 0, now_s, cost_s, 1.0
