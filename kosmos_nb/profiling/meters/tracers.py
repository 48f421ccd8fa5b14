"""Others that watch the same code, and what that means for the numbers."""

import _tracemalloc
import dataclasses
import sys
import threading

from kosmos_nb.profiling.analysis.subject import Subject
from kosmos_nb.profiling.findings import Findings
from kosmos_nb.profiling.meters.process import ProcessMeter
from kosmos_nb.profiling.sampling.stack import Suspended

TRACE = (
    "A trace function was active (a debugger, or coverage): it runs at every line, so Python code took "
    "several times as long as alone, most of all code with many calls."
)
PROFILE = (
    "A profile function was active (sys.setprofile): it runs at every call, so functions with many small "
    "calls look dearer than they are."
)
ALLOCATIONS = (
    "tracemalloc was tracing: allocations took several times as long, and what it keeps counts as memory "
    "of this process."
)
MONITORING = "{} watched this code by sys.monitoring: lines and calls that it stops at took longer."


class TracersInstrument:
    """Notes who else traced while the code ran. It goes first, so as not to meet our own."""

    def __init__(self) -> None:
        self._notes: dict[str, None] = {}  # in order, each once

    def start(self, meter: ProcessMeter, suspended: Suspended | None) -> None:
        """Ask who is there; see `Instrument`."""
        self._ask()

    def stop(self) -> None:
        """Ask again: the code may have called one."""
        self._ask()

    def add_to(self, found: Findings, subject: Subject) -> Findings:
        """Add one note for each."""
        return dataclasses.replace(found, notes=(*found.notes, *self._notes)) if self._notes else found

    def _ask(self) -> None:
        for note in other_tracers():
            self._notes[note] = None


def other_tracers() -> list[str]:
    """Return a note for each tracer that is active in this thread, or will be in new ones."""
    notes = []
    if sys.gettrace() is not None or threading.gettrace() is not None:
        notes.append(TRACE)
    if sys.getprofile() is not None or threading.getprofile() is not None:
        notes.append(PROFILE)
    if _tracemalloc.is_tracing():
        notes.append(ALLOCATIONS)
    if sys.version_info >= (3, 12):
        monitoring = sys.monitoring
        for tool in (monitoring.DEBUGGER_ID, monitoring.COVERAGE_ID):
            # Some only reserve their place; those have no events.
            name = monitoring.get_tool(tool)
            if name is not None and (monitoring.get_events(tool) or name in _LOCAL_TOOLS):
                notes.append(MONITORING.format(name))
    return notes


# These ask for events of single functions, which nobody else can list.
_LOCAL_TOOLS = ("coverage.py", "pydevd")
