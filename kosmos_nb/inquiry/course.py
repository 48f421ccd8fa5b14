"""The way of one hypothesis through a run."""

from __future__ import annotations

from kosmos_nb.history.records import Hypothesis, HypothesisState, Progress, Verdict
from kosmos_nb.inquiry.measurement import Measurement
from kosmos_nb.inquiry.states import Event, step


class Course:
    """Where a hypothesis stands and what is known of it; whoever holds it holds the ledger's lock.

    Args:
        hypothesis: As it was proposed.
    """

    __slots__ = (
        "_measured",
        "_picture",
        "_reason",
        "_started_s",
        "_verdict",
        "_wall_s",
        "hypothesis",
        "state",
    )

    def __init__(self, hypothesis: Hypothesis) -> None:
        self.hypothesis = hypothesis
        self.state: HypothesisState = "proposed"
        self._started_s = 0.0
        self._wall_s: float | None = None
        self._measured: Measurement | None = None
        self._verdict: Verdict | None = None
        self._reason = ""
        self._picture: Progress | None = None

    def move(
        self,
        event: Event,
        now_s: float,
        *,
        reason: str = "",
        measured: Measurement | None = None,
        verdict: Verdict | None = None,
    ) -> None:
        """Take the step that the event stands for.

        Raises:
            ValueError: The table of states has no such step.
        """
        before, self.state = self.state, step(self.state, event)
        if self.state == "running":
            self._started_s = now_s
        elif before == "running":
            self._wall_s = now_s - self._started_s
        self._measured = measured or self._measured
        self._verdict = verdict or self._verdict
        self._reason = verdict.reason if verdict is not None else reason or self._reason
        self._picture = None

    def picture(self, now_s: float) -> Progress:
        """Return where it stands, frozen; made anew only where something has changed."""
        if self._picture is not None:
            return self._picture
        is_running = self.state == "running"
        low, high = self._measured.ci95 if self._measured is not None else (None, None)
        picture = Progress(
            hypothesis=self.hypothesis,
            state=self.state,
            wall_s=now_s - self._started_s if is_running else self._wall_s,
            effect=None if self._measured is None else self._measured.effect,
            ci_low=low,
            ci_high=high,
            verdict=self._verdict,
            reason=self._reason,
        )
        if not is_running:
            self._picture = picture
        return picture
