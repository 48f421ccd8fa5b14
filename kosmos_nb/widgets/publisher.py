"""One publisher between a run and its view: at most ten pictures a second, never an older one.

A run speaks whenever something happens, from any thread; a browser should hear of it at once
when it was quiet (leading edge), not oftener than it can paint, and always get the last word
(trailing edge). The publisher's thread starts with the first picture and ends with the run's
last; a process forked meanwhile publishes nothing, because the connection is its parent's.
"""

import logging
import os
import threading
from collections.abc import Callable

from kosmos_nb.history import RunSnapshot

LEAST_S = 0.1

_log = logging.getLogger(__name__)


class Publisher:
    """Hands the newest picture of a run to `draw`, from one thread of its own.

    Args:
        draw: Shows a picture; its failure is logged and the run goes on.
        least_s: Seconds between two pictures, at least.
    """

    def __init__(self, draw: Callable[[RunSnapshot], None], least_s: float = LEAST_S) -> None:
        self._draw = draw
        self._least_s = least_s
        self._news = threading.Condition()
        self._waiting: RunSnapshot | None = None
        self._newest_seq = -1
        self._is_closed = False
        self._thread: threading.Thread | None = None
        self._pid = os.getpid()

    def publish(self, snapshot: RunSnapshot) -> None:
        """Show this picture soon; one that is not newer than the last is dropped."""
        if os.getpid() != self._pid:
            return
        with self._news:
            if self._is_closed or snapshot.seq <= self._newest_seq:
                return
            self._newest_seq, self._waiting = snapshot.seq, snapshot
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="kosmos-publisher", daemon=True)
                self._thread.start()
            self._news.notify_all()

    def close(self, timeout_s: float = 5.0) -> None:
        """Show the picture that waits, if any, and end the thread; may be called again."""
        if os.getpid() != self._pid:
            return
        with self._news:
            self._is_closed = True
            self._news.notify_all()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout_s)

    def _run(self) -> None:
        while (snapshot := self._next()) is not None:
            self._show(snapshot)
            with self._news:
                if snapshot.run.status != "running" and self._waiting is None:
                    self._thread = None
                    return
                self._news.wait_for(lambda: self._is_closed, self._least_s)

    def _next(self) -> RunSnapshot | None:
        """Wait for a picture; None when the publisher is closed and none is left."""
        with self._news:
            self._news.wait_for(lambda: self._waiting is not None or self._is_closed)
            snapshot, self._waiting = self._waiting, None
            if snapshot is None:
                self._thread = None
            return snapshot

    def _show(self, snapshot: RunSnapshot) -> None:
        try:
            self._draw(snapshot)
        except Exception:
            # A view that cannot be drawn (a closed connection, a kernel that ends) must never
            # end the run whose thread or worker feeds it; the verdicts are in the history.
            _log.debug("a picture of the run could not be shown", exc_info=True)
