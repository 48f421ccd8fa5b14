"""A run that is played from pictures: what views follow where no data are to be tested."""

from __future__ import annotations

import threading
from collections.abc import Callable

from kosmos_nb.history import RunSnapshot


class PlayedRun:
    """Keeps `LiveRun`'s promises with pictures that `play` hands it."""

    def __init__(self, picture: RunSnapshot) -> None:
        self.picture = picture
        self.taken = 0
        self.cancelled = 0
        self.listeners: list[Callable[[], None]] = []
        self._ended = threading.Event()

    def play(self, picture: RunSnapshot) -> None:
        """Let the run be as this picture shows it, and tell who listens."""
        self.picture = picture
        if picture.run.status != "running":
            self._ended.set()
        for listener in tuple(self.listeners):
            listener()

    def snapshot(self) -> RunSnapshot:
        """Return the newest picture."""
        self.taken += 1
        return self.picture

    def listen(self, on_change: Callable[[], None]) -> None:
        """Call back whenever a picture is played."""
        self.listeners.append(on_change)

    def cancel(self) -> None:
        """Count that somebody cancelled."""
        self.cancelled += 1

    def result(self, timeout: float | None = None) -> PlayedRun:
        """Wait for a picture of the end."""
        if not self._ended.wait(timeout):
            raise TimeoutError
        return self
