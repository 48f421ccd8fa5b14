"""One profile from start to result; the modes differ in what they watch meanwhile."""

import dataclasses
import functools
import platform
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from kosmos_nb.core import KosmosError, ProfilingError, SystemClock, uuid7
from kosmos_nb.core.clock import Clock
from kosmos_nb.core.masking import mask
from kosmos_nb.history import (
    MEGABYTE,
    InputData,
    MemorySnapshot,
    ModeName,
    ProfileResult,
    Status,
)
from kosmos_nb.profiling.analysis.subject import Subject
from kosmos_nb.profiling.environment import environment
from kosmos_nb.profiling.findings import Findings, Instrument
from kosmos_nb.profiling.meters.process import Costs, ProcessMeter
from kosmos_nb.profiling.sampling.stack import Suspended
from kosmos_nb.profiling.undisturbed import undisturbed


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who a profile belongs to; the fields are those of `ProfileResult`."""

    label: str | None = None
    experiment_id: str | None = None
    notebook: str | None = None
    cell_id: str | None = None
    execution_count: int | None = None
    kernel_id: str = ""
    code: str = ""
    code_hash: str = ""
    inputs: tuple[InputData, ...] = ()
    is_warm: bool | None = None


class ProfileSession:
    """One measurement: `start`, `stop`, `result`, each once and in this order.

    Args:
        mode: Name of the mode.
        instruments: What watches beyond the clocks.
        threshold_pct: Share of the time above which something is a bottleneck, in percent.
        track_memory: Whether to find the peak of memory.
        clock: Gives the stamp.
    """

    def __init__(
        self,
        mode: ModeName,
        instruments: Sequence[Instrument] = (),
        *,
        threshold_pct: float = 5.0,
        track_memory: bool = True,
        clock: Clock | None = None,
    ) -> None:
        self.mode = mode
        self.threshold_pct = threshold_pct
        self.track_memory = track_memory
        self._instruments = instruments
        self._watching: list[Instrument] = []
        self._failures: dict[object, Exception] = {}
        self._clock = clock or SystemClock()
        self._meter = ProcessMeter(track_memory=track_memory)
        self._costs: Costs | None = None
        self._overhead_s = 0.0
        self.started_at_us = 0
        self.is_running = False

    def start(self, suspended: Suspended | None = None) -> None:
        """Begin to measure. Where that fails nothing of it stays.

        Args:
            suspended: Gives the frames of the measured coroutine while it waits.

        Raises:
            ProfilingError: It could not begin, or has been started before.
            MissingExtraError: What is to be traced needs a library that is not installed.
        """
        if self.started_at_us:
            raise ProfilingError("This profile has been started already; each measures once.")
        try:
            undisturbed(functools.partial(self._begin, suspended))
        except BaseException as error:
            self.stop()
            self._costs = None  # what was cut short is no measurement
            if isinstance(error, Exception) and not isinstance(error, KosmosError):
                raise ProfilingError(f"The profile could not begin: {describe(error)}") from error
            raise

    def stop(self) -> None:
        """End the measurement; does nothing when it has ended.

        An instrument that fails is missing in the result, and no reason not to end the others. An
        interrupt is raised when all have ended.
        """
        if not self.is_running:
            return
        try:
            undisturbed(self._end)
        except BaseException:  # that interrupt: what it cut short is done again
            undisturbed(self._end)
            raise

    @property
    def has_measured(self) -> bool:
        """Whether there is a result."""
        return self._costs is not None and not self.is_running

    def _begin(self, suspended: Suspended | None) -> None:
        began_s = own_cpu_s()
        self.is_running = True
        self.started_at_us = self._clock.utc_us()
        self._meter.open()
        for instrument in self._instruments:
            self._watching.append(instrument)
            instrument.start(self._meter, suspended)
        self._meter.start()
        self._overhead_s += own_cpu_s() - began_s

    def _end(self) -> None:
        """Take down what `_begin` has put up; each step may be done twice."""
        if not self.is_running:
            return
        began_s = own_cpu_s()
        if self._costs is None and self._meter.is_running:
            self._attempt(self._meter, self._read_costs)
        while self._watching:
            instrument = self._watching[-1]
            self._attempt(instrument, instrument.stop)
            self._watching.pop()
        self._attempt(self._meter, self._meter.close)
        self._overhead_s += own_cpu_s() - began_s
        self.is_running = False

    def _read_costs(self) -> None:
        self._costs = self._meter.stop()

    def _attempt(self, part: object, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception as error:  # a door: the others are to end, and the user's code goes on
            self._failures[part] = error

    def _findings(self, subject: Subject) -> Findings:
        seen = Findings()
        for instrument in self._instruments:
            try:
                if instrument not in self._failures:
                    seen = instrument.add_to(seen, subject)
            except Exception as error:  # a door: what the others have measured is not lost
                self._failures[instrument] = error
        notes = [
            f"A part of this profile is missing: {type(part).__name__} failed ({describe(error)})."
            for part, error in self._failures.items()
        ]
        return dataclasses.replace(seen, notes=(*seen.notes, *notes)) if notes else seen

    def result(
        self,
        subject: Subject,
        identity: Identity,
        *,
        status: Status = "ok",
        exception_type: str | None = None,
        value: Any = None,
    ) -> ProfileResult:
        """Return what was measured; what looks like a secret in source or label is masked.

        Raises:
            ProfilingError: The session has not been started and stopped.
        """
        costs = self._costs
        if costs is None:
            raise ProfilingError("This profile has not been started and stopped yet.")
        began_s = own_cpu_s()
        code = mask(identity.code)
        subject = _with_masked_source(subject, identity.code, code)
        seen = undisturbed(functools.partial(self._findings, subject))
        overhead_s = self._overhead_s + seen.overhead_s + own_cpu_s() - began_s
        return ProfileResult(
            id=uuid7(),
            kind=subject.kind,
            mode=self.mode,
            status=status,
            started_at_us=self.started_at_us,
            wall_s=costs.wall_s,
            cpu_s=costs.cpu_s,
            user_s=costs.user_s,
            system_s=costs.system_s,
            main_thread_cpu_s=costs.thread_cpu_s,
            rss_start_bytes=costs.rss_start_bytes,
            rss_end_bytes=costs.rss_end_bytes,
            peak_bytes=costs.peak_bytes,
            peak_method=costs.peak_method,
            minor_faults=costs.minor_faults,
            major_faults=costs.major_faults,
            voluntary_switches=costs.voluntary_switches,
            involuntary_switches=costs.involuntary_switches,
            read_bytes=costs.read_bytes,
            written_bytes=costs.written_bytes,
            gc_runs=costs.gc_runs,
            gc_s=costs.gc_s,
            overhead_s=overhead_s,
            samples=seen.samples,
            interval_s=seen.interval_s,
            exception_type=exception_type,
            code=code,
            code_hash=identity.code_hash,
            label=mask(identity.label) if identity.label else identity.label,
            experiment_id=identity.experiment_id,
            notebook=identity.notebook,
            cell_id=identity.cell_id,
            execution_count=identity.execution_count,
            kernel_id=identity.kernel_id,
            host=_host(),
            python=_PYTHON,
            threshold_pct=self.threshold_pct,
            tree=seen.tree,
            function_stats=seen.function_stats,
            line_stats=seen.line_stats,
            bottlenecks=seen.bottlenecks,
            memory_snapshots=seen.memory_snapshots or self._ends(costs),
            children=seen.children,
            children_cpu_s=seen.children_cpu_s,
            traces=seen.traces,
            heap_peak_bytes=seen.heap_peak_bytes,
            allocation_sites=seen.allocation_sites,
            inputs=identity.inputs,
            environment=environment(),
            is_warm=identity.is_warm,
            notes=seen.notes,
            value=value,
        )

    def _ends(self, costs: Costs) -> tuple[MemorySnapshot, ...]:
        if not self.track_memory:
            return ()
        first, last, peak = (
            size / MEGABYTE for size in (costs.rss_start_bytes, costs.rss_end_bytes, costs.peak_bytes)
        )
        return (
            MemorySnapshot(timestamp=0.0, current_mb=first, peak_mb=first),
            MemorySnapshot(timestamp=costs.wall_s, current_mb=last, peak_mb=peak),
        )


def _with_masked_source(subject: Subject, code: str, masked_code: str) -> Subject:
    source = "\n".join(subject.source)
    masked = masked_code if source == code else mask(source)
    return subject if masked == source else dataclasses.replace(subject, source=tuple(masked.split("\n")))


def describe(error: BaseException) -> str:
    """Return an error as one line: its type, and what it says."""
    return " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")


_PYTHON = platform.python_version()


def own_cpu_s() -> float:
    """Return this thread's CPU clock, or the wall clock where that one is coarse (Windows).

    What the profiler takes is what it computes. By the wall clock it would also be charged for
    whatever other threads and processes do while it waits for its turn.
    """
    return time.thread_time() if _HAS_FINE_CPU_CLOCK else time.perf_counter()


_HAS_FINE_CPU_CLOCK = time.get_clock_info("thread_time").resolution < 1e-4


@cache
def _host() -> str:
    return socket.gethostname()
