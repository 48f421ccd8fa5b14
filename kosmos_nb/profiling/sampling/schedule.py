"""When samples fall due: at times of their own, whatever keeps the one who takes them waiting."""

import random

# Wide, so that the samples keep step with no program: see uncertainty.py, whose EXCESS goes with it.
SPREAD = 0.5


class Schedule:
    """Draws the times at which samples fall due.

    Were they counted from the end of a long C call, short code between two such calls would never
    be seen: the next sample would always fall into the next call.

    Args:
        seed: Of the jitter.

    Attributes:
        due_s: Wall clock at which the next one falls due; may be put off.
        interval_s: The interval that was drawn for it.
    """

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed).random  # noqa: S311 - jitter, not a secret
        self.due_s = self.interval_s = 0.0

    def begin(self, now_s: float, mean_s: float) -> None:
        """Let the first one fall due an interval from now."""
        self.interval_s = self._draw(mean_s)
        self.due_s = now_s + self.interval_s

    def go_on(self, now_s: float, mean_s: float) -> tuple[float, float]:
        """Return when the newest one fell due that is past, and after what interval; set the next."""
        due_s, drawn_s = self.due_s, self.interval_s
        self.interval_s = mean_s * (1 - SPREAD + 2 * SPREAD * self._random())  # here, in haste
        self.due_s = due_s + self.interval_s
        if self.due_s <= now_s:
            if now_s - due_s > 100 * mean_s:  # a great many would have: begin anywhere in an interval
                self.due_s = now_s - self._random() * mean_s
            while self.due_s <= now_s:
                due_s = self.due_s
                self.interval_s = self._draw(mean_s)
                self.due_s += self.interval_s
        return due_s, drawn_s

    def _draw(self, mean_s: float) -> float:
        return mean_s * (1 - SPREAD + 2 * SPREAD * self._random())
