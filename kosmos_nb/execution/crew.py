"""The workers of one pool and the queue before them."""

from __future__ import annotations

import atexit
import heapq
import itertools
import os
import threading
import time
from collections.abc import Iterable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, Literal

from kosmos_nb.core import ExecutionError, TaskCancelledError
from kosmos_nb.execution.seat import Seat
from kosmos_nb.execution.task import PoolSnapshot
from kosmos_nb.execution.work import Work

_EXIT_LIMIT_S = 3.0
CANCELLED = "The task was stopped on request; its processes were killed."


class Crew:
    """Gives queued work to seats, which it hires as work comes, up to `max_workers`.

    An interrupt (Ctrl-C, the stop button) may hit the caller between any two steps in here. So
    the lock is taken without Python code around it, which could be left holding it, as
    `threading.Condition` can; and idle seats wait for news on a queue whose `put` is one step.
    """

    def __init__(self, max_workers: int) -> None:
        self._max_workers = max_workers
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._news: SimpleQueue[None] = SimpleQueue()
        self._queue: list[tuple[int, int, Work]] = []
        self._order = itertools.count()
        self._seats: dict[Seat, threading.Thread] = {}
        self._idle = 0
        self._is_closing = False
        self._is_killed = False
        self._imports: frozenset[str] = frozenset()

    def submit(self, work: Work) -> None:
        """Queue `work`.

        Raises:
            ExecutionError: The pool was shut down, or belongs to the process this one forked from.
        """
        self._check_usable()
        try:
            with self._lock:
                self._check_usable()
                heapq.heappush(self._queue, (work.priority, next(self._order), work))
                if len(self._queue) > self._idle and len(self._seats) < self._max_workers:
                    self._hire()
                self._news.put(None)
        except BaseException:
            self.cancel([work.future])  # nobody else will ever hold that future
            raise

    def warm(self, imports: Iterable[str]) -> None:
        """Start all workers in the background; each tries to import the modules named."""
        self._check_usable()
        with self._lock:
            self._imports |= {"kosmos_nb", *imports}
            while len(self._seats) < self._max_workers:
                self._hire()
            self._wake_all()

    def cancel(self, futures: Iterable[Future[Any]]) -> int:
        """Withdraw queued work and kill running work; return how many that stopped."""
        every = [future for future in futures if not future.done()]
        begun = {id(future) for future in every if not future.cancel()}
        # What could not be withdrawn has ended or has a seat by now: both change under one lock.
        running = [(seat, work) for seat, work in self._running() if id(work.future) in begun]
        stopped = sum(seat.interrupt(work, TaskCancelledError(CANCELLED)) for seat, work in running)
        return len(every) - len(begun) + stopped

    def close(self) -> None:
        """Take no more work; finish what is queued, then let the workers end. Returns at once."""
        if os.getpid() == self._pid:
            with self._lock:
                self._is_closing = True
                self._wake_all()

    def cancel_queued(self) -> None:
        """Withdraw everything that no worker has begun."""
        with self._lock:
            queued = self._drain()
        for work in queued:  # not under the lock: it calls whoever waits for the future
            work.future.cancel()

    def join(self, limit_s: float | None = None) -> None:
        """Wait until every worker has ended, at most `limit_s` seconds."""
        until_s = None if limit_s is None else time.monotonic() + limit_s
        for thread in list(self._seats.values()):
            if thread is not threading.current_thread():
                thread.join(None if until_s is None else max(0.0, until_s - time.monotonic()))

    def kill(self) -> None:
        """End everything now: queued work is withdrawn, running work stopped, workers killed."""
        if os.getpid() != self._pid:
            return
        with self._lock:
            self._is_closing = self._is_killed = True
            queued = self._drain()
            self._wake_all()
        for work in queued:
            work.future.cancel()
        for seat, work in self._running():
            seat.interrupt(work, TaskCancelledError(CANCELLED))
        for seat in list(self._seats):
            seat.kill()
        self.join(_EXIT_LIMIT_S)

    def snapshot(self) -> PoolSnapshot:
        """Return what the workers do now."""
        is_ours = os.getpid() == self._pid
        if not is_ours:
            return PoolSnapshot(max_workers=self._max_workers, closed=True)
        with self._lock:
            queued = sum(not work.future.cancelled() for _, _, work in self._queue)
            pids = tuple(seat.pid for seat in self._seats if seat.pid is not None)
            return PoolSnapshot(
                max_workers=self._max_workers,
                worker_pids=pids,
                busy=len(self._running()),
                queued=queued,
                closed=self._is_closing,
            )

    def _drain(self) -> list[Work]:
        queued, self._queue = self._queue, []
        return [work for _, _, work in queued]

    def _running(self) -> list[tuple[Seat, Work]]:
        with self._lock:
            pairs = [(seat, seat.work) for seat in self._seats]
        return [(seat, work) for seat, work in pairs if work is not None]

    def _check_usable(self) -> None:
        if os.getpid() != self._pid:
            raise ExecutionError(
                "This pool belongs to the process that made it. Make a new one after os.fork()."
            )
        if self._is_closing:
            raise ExecutionError("The pool was shut down and takes no more tasks. Make a new one.")

    def _hire(self) -> None:
        seat = Seat(lambda: self._imports)
        thread = threading.Thread(
            target=self._serve, args=(seat,), name=f"kosmos-pool-{len(self._seats) + 1}", daemon=True
        )
        _working.add(self)
        self._seats[seat] = thread
        try:
            thread.start()
        except BaseException:
            del self._seats[seat]  # should the thread have started after all, it looks here first
            raise

    def _wake_all(self) -> None:
        for _ in self._seats:
            self._news.put(None)

    def _serve(self, seat: Seat) -> None:
        with self._lock:
            if seat not in self._seats:
                return
        while True:
            task = self._next(seat)
            if task == "end":
                break
            if task == "warm":
                seat.warm()
            else:
                seat.run(task)
            del task  # a waiting seat keeps nobody's data alive
        if not self._is_killed:
            seat.stop()
        seat.discard()
        with self._lock:
            del self._seats[seat]
            if not self._seats:
                _working.discard(self)

    def _next(self, seat: Seat) -> Work | Literal["warm", "end"]:
        while True:
            with self._lock:
                while self._queue:
                    work = heapq.heappop(self._queue)[2]
                    if work.future.set_running_or_notify_cancel():
                        seat.take(work)
                        return work
                if self._is_closing:
                    return "end"
                if seat.needs_warming():
                    return "warm"
                self._idle += 1
            self._news.get()
            with self._lock:
                self._idle -= 1


# Crews with living threads. The threads are daemons, so that a running task cannot hold up the
# end of the interpreter; at its end their workers are killed here.
_working: set[Crew] = set()


@atexit.register
def _kill_all() -> None:
    for crew in tuple(_working):
        crew.kill()
