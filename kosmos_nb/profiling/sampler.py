"""The stack sampler: what the main thread does, about a hundred times a second.

A signal handler walks the stack and adds, to the stack that it sees, the wall and CPU time since
the sample before. Time, never a count: a handler that comes late, because a C function kept the
interpreter, brings the whole time of that function with it. Frames are kept as (code, position)
and become lines only after the cell has ended.
"""

import os
import random
import signal
import threading
import time
from collections.abc import Callable
from types import CodeType, FrameType
from typing import NamedTuple

from kosmos_nb.profiling.awaiting import suspended_in_loop
from kosmos_nb.profiling.collector import collections_held_back
from kosmos_nb.profiling.stack import JITTER, RawStack, SampledStack, Suspended, Suspension
from kosmos_nb.profiling.ticker import Ticker, tickers

INTERVAL_S = 0.01
# After two minutes the samples become rarer, so that a cell of hours stays small: 12,000 samples
# give a share of 5 % to within 0.2 points.
SAMPLES_BEFORE_SLOWING = 12_000

StackKey = tuple[int, ...]  # id(code), f_lasti, id(code), f_lasti, …, innermost first
WaitingKey = tuple[tuple[StackKey, ...], bool, bool]  # a Suspension with ids for its stacks


class Moment(NamedTuple):
    """The clocks when a sample is taken, and the time at which it fell due."""

    due_s: float
    wall_s: float
    cpu_s: float


class Recorder:
    """The stacks of one session, with their weights.

    Args:
        interval_s: Mean distance of the samples that it asks for.
        on_sample: Called at each sample with the wall clock, for what else is to be noted.
        suspended: Gives the frames of a coroutine that waits, for when it is not on the stack.
    """

    def __init__(
        self,
        interval_s: float = INTERVAL_S,
        on_sample: Callable[[float], None] | None = None,
        suspended: Suspended | None = None,
    ) -> None:
        self.interval_s = interval_s
        self.weights: dict[tuple[StackKey, WaitingKey], list[float]] = {}
        self.codes: dict[int, CodeType] = {}
        self.samples = 0
        self.overhead_s = 0.0
        self._on_sample = on_sample
        self._suspended = suspended or suspended_in_loop
        self.started_s = self._wall_s = time.perf_counter()
        self._cpu_s = time.thread_time()

    def record(self, frame: FrameType | None, key: StackKey, codes: dict[int, CodeType], now: Moment) -> None:
        """Add the time until now, since the sample before fell due, to a stack.

        Args:
            frame: The innermost frame of the stack.
            key, codes: The stack as ids, and what they stand for.
            now: The clocks. What has gone by since the sample fell due is left to the next one.
        """
        stacks, is_idle, in_loop = self._suspended(frame)
        waiting = (tuple([self._key_of(frames) for frames in stacks]), is_idle, in_loop)
        weight = self.weights.get((key, waiting))
        if weight is None:
            weight = self.weights[key, waiting] = [0.0, 0.0, 0]
            self.codes.update(codes)  # a code object that is let go would give its id away
        since_s = now.wall_s - self._wall_s
        due_share = min(1.0, (now.due_s - self._wall_s) / since_s) if now.due_s > self._wall_s else 0.0
        wall_s, cpu_s = since_s * due_share, max(0.0, now.cpu_s - self._cpu_s) * due_share
        weight[0] += wall_s
        weight[1] += cpu_s
        self._wall_s += wall_s
        self._cpu_s += cpu_s
        weight[2] += 1
        self.samples += 1
        if self._on_sample is not None:
            self._on_sample(now.wall_s)

    def resume(self, wall_s: float, cpu_s: float) -> None:
        """Leave out the handler's own time, by both clocks: it belongs to nobody's line."""
        self._wall_s += wall_s
        self._cpu_s += cpu_s
        # By the CPU clock: while the machine runs others, the profiler costs nothing.
        self.overhead_s += cpu_s

    def stacks(self) -> list[SampledStack]:
        """Return what was sampled."""
        return [
            SampledStack(
                self._frames(key),
                Suspension(tuple([self._frames(at) for at in waiting]), is_idle, in_loop),
                wall_s,
                cpu_s,
                int(samples),
            )
            for (key, (waiting, is_idle, in_loop)), (wall_s, cpu_s, samples) in self.weights.items()
        ]

    def _frames(self, key: StackKey) -> RawStack:
        pairs = zip(key[::2], key[1::2], strict=True)
        return [(self.codes[code], position) for code, position in pairs][::-1]

    def _key_of(self, frames: RawStack) -> StackKey:
        key: list[int] = []
        for code, position in reversed(frames):
            self.codes[id(code)] = code
            key += (id(code), position)
        return tuple(key)


class Sampler:
    """The process's one sampler; sessions add their recorders to it.

    It holds a timer and a signal handler only while there is a recorder, and puts back what it
    found. After `os.fork` the child has neither.
    """

    def __init__(self) -> None:
        self._recorders: list[Recorder] = []
        self._ticker: Ticker | None = None
        self._previous: object = None
        self._failure: str | None = None
        self._due_s = 0.0
        self._random = random.Random(0)  # noqa: S311 - jitter, not a secret

    def add(self, recorder: Recorder) -> str | None:
        """Begin to sample for `recorder`; return why not, or None when it runs."""
        if threading.current_thread() is not threading.main_thread():
            return "No stack samples: this ran outside the main thread, where signals do not reach."
        if self._ticker is None:
            self._ticker = self._open()
        if self._ticker is None:
            return "No stack samples: the timer signals of this process are used by other code."
        self._recorders.append(recorder)
        self._due_s = time.perf_counter() + self._next_interval_s()
        self._arm(self._due_s - time.perf_counter())
        return None

    def remove(self, recorder: Recorder) -> str | None:
        """Stop sampling for `recorder`; return a note where sampling was cut short."""
        if recorder not in self._recorders:
            return None
        self._recorders.remove(recorder)
        note, self._failure = self._failure, None
        if self._ticker is not None and not self._is_ours():
            note = "Sampling ended early: the code took over the timer signal."
        if not self._recorders:
            self._close()
        return note

    def abandon(self) -> None:
        """Forget everything, in the child of a fork: it inherited the handler, not the timer."""
        if self._ticker is not None and self._is_ours():
            signal.signal(self._ticker.signum, self._previous)  # type: ignore[arg-type]
        self._recorders, self._ticker = [], None

    @property
    def is_running(self) -> bool:
        """Whether it holds the timer and the handler now."""
        return self._ticker is not None

    def _open(self) -> Ticker | None:
        for ticker in tickers():
            if ticker.open():
                self._previous = signal.signal(ticker.signum, self._on_tick)
                # System calls in the user's code go on instead of failing with EINTR.
                signal.siginterrupt(ticker.signum, False)
                return ticker
        return None

    def _close(self) -> None:
        ticker, self._ticker = self._ticker, None
        if ticker is None:
            return
        ours = signal.getsignal(ticker.signum) == self._on_tick
        if ours or ticker.is_private:
            ticker.close()
        if ours:
            # A signal that is on its way would end the process under SIG_DFL; SIG_IGN drops it.
            signal.signal(ticker.signum, signal.SIG_IGN)
            signal.signal(ticker.signum, self._previous)  # type: ignore[arg-type]

    def _is_ours(self) -> bool:
        return self._ticker is not None and signal.getsignal(self._ticker.signum) == self._on_tick

    def _next_interval_s(self) -> float:
        running_s = time.perf_counter() - self._recorders[0].started_s
        mean_s = max(
            min(recorder.interval_s for recorder in self._recorders), running_s / SAMPLES_BEFORE_SLOWING
        )
        return mean_s * self._random.uniform(1 - JITTER, 1 + JITTER)

    def _arm(self, delay_s: float) -> None:
        if self._ticker is not None:
            self._ticker.arm(max(delay_s, 1e-6))  # zero would stop the timer

    def _go_on(self, now_s: float) -> float:
        """Return when the newest sample fell due that is past, and set when the next one does.

        Samples fall due at times of their own, whatever keeps the handler waiting. Were they
        counted from the end of a long C call, short code between two such calls would never be
        seen: the next sample would always fall into the next call.
        """
        due_s, next_s = self._due_s, self._due_s + self._next_interval_s()
        if now_s - due_s > 1.0:  # thousands would have fallen due: begin anywhere in an interval
            due_s = next_s = now_s - self._random.random() * self._next_interval_s()
        while next_s <= now_s:
            due_s, next_s = next_s, next_s + self._next_interval_s()
        self._due_s = next_s
        return due_s

    def _on_tick(self, signum: int, frame: FrameType | None) -> None:
        wall_s, cpu_s = time.perf_counter(), time.thread_time()
        with collections_held_back():
            try:
                now = Moment(self._go_on(wall_s), wall_s, cpu_s)
                key, codes = _walk(frame)
                for recorder in self._recorders:
                    recorder.record(frame, key, codes, now)
            except Exception as error:  # a door: this runs in the user's cell, which must not notice
                self._failure = f"Sampling ended early: {type(error).__name__}: {error}"
                self._close()
            finally:
                own_s, own_cpu_s = time.perf_counter() - wall_s, time.thread_time() - cpu_s
                for recorder in self._recorders:
                    recorder.resume(own_s, own_cpu_s)
                self._due_s += own_s
                self._arm(self._due_s - wall_s - own_s)


def _walk(frame: FrameType | None) -> tuple[StackKey, dict[int, CodeType]]:
    key: list[int] = []
    codes: dict[int, CodeType] = {}
    while frame is not None:
        code = frame.f_code
        identity = id(code)
        codes[identity] = code
        key.append(identity)
        key.append(frame.f_lasti)
        frame = frame.f_back
    return tuple(key), codes


SAMPLER = Sampler()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=SAMPLER.abandon)
