"""`--trace-memory`: every allocation, by memray; who held what when the heap was largest.

memray hooks the allocators of the process, C libraries included, and follows every Python call to
know on whose behalf they work. Small objects live in Python's own arenas, which count when Python
takes them from the system.
"""

import dataclasses
import tempfile
import threading
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from kosmos_nb.core import ProfilingError
from kosmos_nb.core.extras import require
from kosmos_nb.history import AllocationSite
from kosmos_nb.profiling.analysis.frames import FrameResolver, is_cell_file, package_folders
from kosmos_nb.profiling.analysis.subject import Subject
from kosmos_nb.profiling.findings import Findings
from kosmos_nb.profiling.meters.files import OwnFile
from kosmos_nb.profiling.meters.process import ProcessMeter
from kosmos_nb.profiling.sampling.stack import Suspended
from kosmos_nb.profiling.traces.counter import place_of, profile_hook

PRICE = (
    "--trace-memory (memray) takes some 40 ms a cell and makes code with many calls or allocations "
    "1.2-3 times slower: read the bytes, not the times."
)
MOST_SITES = 100

StackFrame = tuple[str, str, int]  # function, file, line
_Record = tuple[tuple[StackFrame, ...], int, int]  # its stack, innermost first; bytes; blocks


def check_memory() -> None:
    """Find out whether memory can be traced now; imports memray.

    Raises:
        MissingExtraError: memray is not installed.
        ProfilingError: Another tracker, or another profiler, is active.
    """
    _memray()
    hook = profile_hook()
    if hook is None:
        return
    if hook.startswith("memray"):
        raise ProfilingError(
            "--trace-memory cannot run while memory is traced already: memray has one tracker a process."
        )
    raise ProfilingError(
        f"--trace-memory needs the interpreter's profiling hook, which is in use ({hook}). "
        "Stop that profiler first, or leave --trace-memory out."
    )


def _memray() -> ModuleType:
    return require("memray", "--trace-memory", "memray")


class MemoryTrace:
    """Follows the allocations of the process.

    Raises:
        MissingExtraError: memray is not installed.
    """

    def __init__(self) -> None:
        self._library: Any = _memray()
        self._file: OwnFile | None = None
        self._tracker: Any = None
        self._records: list[_Record] | None = None
        self._peak_bytes = 0

    def start(self, meter: ProcessMeter, suspended: Suspended | None) -> None:
        """Begin to follow; see `Instrument`.

        Raises:
            ProfilingError: Another tracker, or another profiler, is active; or no file can be made.
        """
        check_memory()
        library = self._library
        try:
            number, name = tempfile.mkstemp(prefix="kosmos-memory-")
        except OSError as error:
            raise ProfilingError(f"--trace-memory needs a temporary file: {error}") from error
        self._file = OwnFile(number)
        # Without a name it ends with the process, whatever ends that.
        try:
            # Summed up in memory: the full list of a cell that allocates much would fill the disk.
            tracker = library.Tracker(
                destination=library.FileDestination(name, overwrite=True, compress_on_exit=False),
                file_format=library.FileFormat.AGGREGATED_ALLOCATIONS,
            )
        finally:
            Path(name).unlink()
        self._tracker = tracker
        try:
            _enter(tracker)
        except ProfilingError:
            self._tracker = None
            raise

    def stop(self) -> None:
        """End it, and read what was seen."""
        try:
            if self._tracker is not None:
                self._tracker.__exit__(None, None, None)
                self._tracker = None
                self._read()
        finally:
            if self._file is not None:
                self._file.close()

    def add_to(self, found: Findings, subject: Subject) -> Findings:
        """Add the high-water mark and who held it.

        Raises:
            ProfilingError: An interrupt ended it before that was read.
        """
        if self._records is None:
            raise ProfilingError("the allocations were not read")
        return dataclasses.replace(
            found,
            heap_peak_bytes=self._peak_bytes,
            allocation_sites=_sites(self._records, subject),
            traces=(*found.traces, "memory"),
            notes=(*found.notes, PRICE),
        )

    def _read(self) -> None:
        if self._file is None or not self._file.is_there:
            raise ProfilingError("the code has closed the file that takes the allocations")
        with self._library.FileReader(f"/dev/fd/{self._file.number}") as reader:
            self._peak_bytes = int(reader.metadata.peak_memory)
            self._records = [
                (tuple(record.stack_trace()), record.size, record.n_allocations)
                for record in reader.get_high_watermark_allocation_records(merge_threads=True)
            ]


def _enter(tracker: Any) -> None:
    """Start it from a thread of its own.

    memray takes the starting thread's stack for empty; it would lose as many of the cell's frames
    as we return through after the start. Of other threads it reads the stacks as they are.
    """
    failures: list[BaseException] = []

    def enter() -> None:
        try:
            tracker.__enter__()
        except BaseException as error:  # to be raised where it is awaited
            failures.append(error)

    thread = threading.Thread(target=enter, name="kosmos-trace-memory")
    thread.start()
    thread.join()
    if failures:
        raise ProfilingError(f"--trace-memory could not start: {failures[0]}") from failures[0]


def _sites(records: Iterable[_Record], subject: Subject) -> tuple[AllocationSite, ...]:
    """Add up by the innermost frame that is not the stage and the cell's line, most bytes first."""
    stage = package_folders(subject.hidden)
    place = place_of(subject, _modules(records))
    resolver = FrameResolver(place, subject.cells)
    cell, offset = ("", 0) if place is None else (place.filename, place.line_offset)
    held: dict[tuple[StackFrame, int | None], list[int]] = {}
    for stack, size, blocks in records:
        frame = next((frame for frame in stack if not frame[1].startswith(stage)), None)
        if frame is not None:
            on_behalf = next((line + offset for _, file, line in stack if file == cell), None)
            total = held.setdefault((frame, on_behalf), [0, 0])
            total[0] += size
            total[1] += blocks
    largest = sorted(held.items(), key=lambda item: -item[1][0])[:MOST_SITES]
    return tuple(
        AllocationSite(
            name=name,
            file=resolver.file(filename),
            line=line + (offset if filename == cell else 0),
            peak_bytes=size,
            peak_blocks=blocks,
            cell_line=cell_line,
        )
        for ((name, filename, line), cell_line), (size, blocks) in largest
    )


def _modules(records: Iterable[_Record]) -> list[str]:
    """Return the files of the outermost cells on the stacks."""
    found = []
    for stack, _, _ in records:
        outermost = next((frame for frame in reversed(stack) if is_cell_file(frame[1])), None)
        if outermost is not None:
            found.append(outermost[1])
    return found
