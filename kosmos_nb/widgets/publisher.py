"""One publisher between a run and its view: it looks at the run, and never so often that it slows it.

A run says that something happened, from any thread and up to thousands of times a second. The
publisher then takes a picture of it and draws: at once when it was quiet, at most ten times a
second, at least once a second (clocks go on), and always when the run has ended. A picture of a
wide run costs time in proportion to its hypotheses, so the rest after each is twenty times the
CPU time that it took. A process forked meanwhile draws nothing: the connection is its parent's.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Protocol

from kosmos_nb.core import KosmosError
from kosmos_nb.history import RunSnapshot

LEAST_S = 0.1
MOST_S = 1.0
REST = 20  # times the last drawing: views take at most a twentieth of one core
GLANCE_S = 0.25

_log = logging.getLogger(__name__)


class LiveRun(Protocol):
    """What a view needs to know of a run."""

    def snapshot(self) -> RunSnapshot:
        """Return the run as it is now."""
        ...

    def listen(self, on_change: Callable[[], None]) -> None:
        """Call back after every change, from any thread."""
        ...

    def cancel(self) -> None:
        """Stop the run."""
        ...

    def result(self, timeout: float | None = None) -> object:
        """Wait for the end; raise TimeoutError where it does not come within `timeout` seconds."""
        ...


def is_over(run: LiveRun) -> bool:
    """Whether a run has ended, without the cost of a picture of it."""
    try:
        run.result(0.0)
    except TimeoutError:
        return False
    except KosmosError:
        return True  # it failed, which is an end
    return True


class Publisher:
    """Draws a run again and again until it ends, from one thread.

    Args:
        run: The run; it wakes the publisher by itself.
        draw: Shows a picture; its failure is logged and the run goes on.
        least_s: Seconds between two pictures, at least.
        most_s: Seconds between two pictures of a run in which nothing happens.
    """

    def __init__(
        self,
        run: LiveRun,
        draw: Callable[[RunSnapshot], None],
        *,
        least_s: float = LEAST_S,
        most_s: float = MOST_S,
    ) -> None:
        self._run = run
        self._draw = draw
        self._least_s = least_s
        self._most_s = most_s
        self._news = threading.Event()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._pid = os.getpid()
        run.listen(self.wake)

    def start(self) -> None:
        """Draw in a thread of its own, until the run's end or `close`; a second start does nothing."""
        if os.getpid() == self._pid and self._thread is None and not self._closed.is_set():
            self._thread = threading.Thread(target=self.draw_until_end, name="kosmos-publisher", daemon=True)
            self._thread.start()

    def wake(self) -> None:
        """Say that something happened; cheap, from any thread."""
        if os.getpid() == self._pid and not self._news.is_set():
            self._news.set()

    def close(self, timeout_s: float = 5.0) -> None:
        """Draw no more and end the thread; may be called again."""
        if os.getpid() != self._pid:
            return
        self._closed.set()
        self._news.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout_s)

    def draw_until_end(self) -> None:
        """Draw in this thread until the run has ended; may be interrupted."""
        while not self._closed.is_set():
            self._news.clear()
            begun_s = time.thread_time()
            snapshot = self._run.snapshot()
            self._show(snapshot)
            if snapshot.run.status != "running":
                return
            self._rest(time.thread_time() - begun_s)

    def _rest(self, drawing_s: float) -> None:
        """Wait as long as the last drawing asks for, then for news; the run's end is heard at once."""
        rest_s = max(self._least_s, REST * drawing_s)
        ready_s = time.monotonic() + rest_s
        while (left_s := ready_s - time.monotonic()) > 0:
            if self._closed.wait(min(left_s, GLANCE_S)) or is_over(self._run):
                return
        self._news.wait(max(0.0, self._most_s - rest_s))

    def _show(self, snapshot: RunSnapshot) -> None:
        try:
            self._draw(snapshot)
        except Exception:
            # A view that cannot be drawn (a closed connection, a kernel that ends) must never
            # end the run whose thread or worker feeds it; the verdicts are in the history.
            _log.debug("a picture of the run could not be shown", exc_info=True)
