"""Clocks and counters of this process: what was spent between start and stop, without watching.

On Linux the peak is exact and free: writing 5 to `/proc/self/clear_refs` resets the kernel's
high-water mark (`VmHWM`), which is read back at the end. Elsewhere a thread looks now and then.
"""

import contextlib
import gc
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from kosmos_nb.profiling.meters.procfs import ProcessFigures, process_figures

if sys.platform != "win32":
    import resource

POLL_S = 0.02
LOCK_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What the process spent between `start` and `stop`; fields as in `ProfileResult`."""

    wall_s: float
    cpu_s: float
    user_s: float
    system_s: float
    thread_cpu_s: float
    rss_start_bytes: int
    rss_end_bytes: int
    peak_bytes: int
    peak_method: str
    minor_faults: int
    major_faults: int
    voluntary_switches: int
    involuntary_switches: int
    read_bytes: int | None
    written_bytes: int | None
    gc_runs: int
    gc_s: float


class _Reading(NamedTuple):
    wall_s: float
    cpu_s: float
    thread_cpu_s: float
    user_s: float
    system_s: float
    faults: tuple[int, int]
    switches: tuple[int, int]


class ProcessMeter:
    """Measures the process from `start` to `stop`, between `open` and `close`.

    Several may run at once, also nested.

    Args:
        track_memory: Whether to find the peak; without it the larger end is given.
        figures: Opens the system's figures.
    """

    _running: "list[ProcessMeter]" = []  # noqa: RUF012 - one kernel mark per process, shared on purpose
    _lock = threading.RLock()

    def __init__(
        self, *, track_memory: bool = True, figures: Callable[[], ProcessFigures] = process_figures
    ) -> None:
        self._track_memory = track_memory
        self._figures = figures
        self._gc = _GcTimer()
        self._poller: _Poller | None = None
        self._newest_bytes = self._peak_bytes = 0
        self._peak_method = "ends only"
        self._is_open = False
        self.is_running = False

    def open(self) -> None:
        """Open what `start`, `stop` and `rss_bytes` read."""
        self._proc = self._figures()
        self._is_open = True

    def close(self) -> None:
        """Let go of everything, also after a `start` that was cut short; a second time does nothing."""
        self.is_running = False
        self._gc.stop()
        if self._poller is not None:
            self._poller.stop()
        with _one_at_a_time():
            if self in ProcessMeter._running:
                ProcessMeter._running.remove(self)
        was_open, self._is_open = self._is_open, False
        if was_open:
            self._proc.close()

    def start(self) -> None:
        """Begin. The clocks are read last, so that the meter's own start is not in them."""
        self._start_peak()
        self._gc.start()
        self.rss_start_bytes = self._newest_bytes = self._proc.rss_bytes()
        self._io_start = self._proc.io()
        self._first = _read()
        self.is_running = True

    def stop(self) -> Costs:
        """End; the clocks are read first."""
        last, first = _read(), self._first
        io_end = self._proc.io()
        # The code may have taken all numbers of files there are: the newest reading is what there is.
        rss_end = self._newest_bytes
        with contextlib.suppress(OSError):
            rss_end = self._proc.rss_bytes()
        self._gc.stop()
        self._stop_peak()
        read_bytes, written_bytes = _difference(self._io_start, io_end)
        return Costs(
            wall_s=last.wall_s - first.wall_s,
            cpu_s=last.cpu_s - first.cpu_s,
            user_s=last.user_s - first.user_s,
            system_s=last.system_s - first.system_s,
            thread_cpu_s=last.thread_cpu_s - first.thread_cpu_s,
            rss_start_bytes=self.rss_start_bytes,
            rss_end_bytes=rss_end,
            peak_bytes=max(self._peak_bytes, self.rss_start_bytes, rss_end),
            peak_method=self._peak_method,
            minor_faults=last.faults[0] - first.faults[0],
            major_faults=last.faults[1] - first.faults[1],
            voluntary_switches=last.switches[0] - first.switches[0],
            involuntary_switches=last.switches[1] - first.switches[1],
            read_bytes=read_bytes,
            written_bytes=written_bytes,
            gc_runs=self._gc.runs,
            gc_s=self._gc.seconds,
        )

    def rss_bytes(self) -> int:
        """Return resident memory now, and remember it if it is the highest seen."""
        rss = self._newest_bytes = self._proc.rss_bytes(keep_turn=True)
        self._peak_bytes = max(self._peak_bytes, rss)
        if not self._is_open:  # who watches came in another thread, just after the end
            self._proc.close()
        return rss

    @property
    def peak_bytes(self) -> int:
        """Highest resident memory known so far."""
        return self._peak_bytes

    def leave_out(self, read_bytes: int) -> None:
        """Leave what somebody else of the profiler has read out of the bytes read."""
        self._proc.own_read_bytes += read_bytes

    def _start_peak(self) -> None:
        with _one_at_a_time():
            # The mark is one for the process: before it is reset, meters that run already
            # take what it says.
            others = any(meter._peak_method == "VmHWM" for meter in ProcessMeter._running)
            ProcessMeter._running.append(self)
            if not self._track_memory:
                return
            if others:
                _share_mark(self._proc.high_water_bytes())
            if self._proc.reset_high_water():
                self._peak_method = "VmHWM"
                return
        self._peak_method = "polled"
        self._poller = _Poller(self)
        self._poller.start()

    def _stop_peak(self) -> None:
        if self._peak_method == "VmHWM":
            with contextlib.suppress(OSError), _one_at_a_time():  # as above
                _share_mark(self._proc.high_water_bytes())
        if self._poller is not None:
            self._poller.stop()


class _one_at_a_time:  # noqa: N801 - used like the functions of contextlib, in half their time
    def __enter__(self) -> None:
        # What an interrupt kept from its release is no reason to wait for ever.
        self._lock = ProcessMeter._lock
        self._is_held = self._lock.acquire(timeout=LOCK_S)

    def __exit__(self, *_raised: object) -> None:
        if self._is_held:
            self._lock.release()


def _share_mark(high_water_bytes: int) -> None:
    for meter in ProcessMeter._running:
        if meter._peak_method == "VmHWM":
            meter._peak_bytes = max(meter._peak_bytes, high_water_bytes)


def _read() -> _Reading:
    wall_s, cpu_s, thread_cpu_s = time.perf_counter(), time.process_time(), time.thread_time()
    if sys.platform == "win32":
        times = os.times()
        return _Reading(wall_s, cpu_s, thread_cpu_s, times.user, times.system, (0, 0), (0, 0))
    use = resource.getrusage(resource.RUSAGE_SELF)
    faults, switches = (use.ru_minflt, use.ru_majflt), (use.ru_nvcsw, use.ru_nivcsw)
    return _Reading(wall_s, cpu_s, thread_cpu_s, use.ru_utime, use.ru_stime, faults, switches)


def _difference(first: tuple[int, int] | None, last: tuple[int, int] | None) -> tuple[int | None, int | None]:
    if first is None or last is None:
        return None, None
    return max(0, last[0] - first[0]), max(0, last[1] - first[1])


class _GcTimer:
    """Counts and times garbage collections while it runs."""

    def __init__(self) -> None:
        self.runs = 0
        self.seconds = 0.0
        self._began_s: float | None = None

    def start(self) -> None:
        gc.callbacks.append(self._on_gc)

    def stop(self) -> None:
        if self._on_gc in gc.callbacks:
            gc.callbacks.remove(self._on_gc)

    def _on_gc(self, phase: str, info: object) -> None:
        if phase == "start":
            self._began_s = time.perf_counter()
        elif self._began_s is not None:
            self.seconds += time.perf_counter() - self._began_s
            self.runs += 1
            self._began_s = None


class _Poller(threading.Thread):
    """Looks at resident memory until stopped; only where the system keeps no mark to reset."""

    def __init__(self, meter: ProcessMeter) -> None:
        super().__init__(name="kosmos-memory", daemon=True)
        self._meter = meter
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(POLL_S):
            with contextlib.suppress(OSError):  # no number is left for a file: later, perhaps
                self._meter.rss_bytes()

    def stop(self) -> None:
        self._ended.set()
        if self.ident is not None:  # its start was not cut short
            self.join()


def _after_fork_in_child() -> None:
    ProcessMeter._lock = threading.RLock()
    for meter in ProcessMeter._running:  # `stop` still works in the child, should it come there
        meter._gc.stop()
        meter._proc.close()  # these are the parent's
    ProcessMeter._running.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
