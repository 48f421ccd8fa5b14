"""Memory and I/O of this process: from `/proc/self` on Linux, from psutil elsewhere."""

import os
import sys
from typing import Protocol

from kosmos_nb.profiling.meters.files import OwnFile
from kosmos_nb.profiling.sampling.gil import HeldReader

_PAGE_BYTES = 4096
if sys.platform != "win32":
    import resource

    _PAGE_BYTES = resource.getpagesize()

_STATM_FIELDS = 7
_HAS_PROC = sys.platform.startswith("linux") and os.path.exists("/proc/self/statm")  # noqa: PTH110 - once


class ProcessFigures(Protocol):
    """What the meter asks of the system."""

    own_read_bytes: int

    def rss_bytes(self, *, keep_turn: bool = False) -> int:
        """Resident memory now.

        Args:
            keep_turn: Whether not to let go of the interpreter lock; for who asks often.
        """
        ...

    def io(self) -> tuple[int, int] | None:
        """Bytes read and written by calls so far; None where unknown."""
        ...

    def reset_high_water(self) -> bool:
        """Reset the system's mark of the highest resident memory; whether there is one."""
        ...

    def high_water_bytes(self) -> int:
        """Highest resident memory since the reset."""
        ...

    def close(self) -> None:
        """Let go of what is held open."""
        ...


def process_figures() -> ProcessFigures:
    """Return the figures that this system offers."""
    return ProcSelf() if _HAS_PROC else _Psutil()


class ProcSelf:
    """`/proc/self`, open from the first reading to `close`.

    Not longer: in the child of a fork it is still the parent's. What the user's code closes meanwhile is
    opened again.

    Attributes:
        own_read_bytes: What readings have read; it is left out of `io`.
    """

    def __init__(self) -> None:
        self.own_read_bytes = 0
        self._statm: OwnFile | None = None
        self._io: OwnFile | None = None
        self._held: HeldReader | None = None

    def rss_bytes(self, *, keep_turn: bool = False) -> int:
        """Resident memory, from `statm`.

        Raises:
            OSError: It cannot be opened again, after the user's code has closed it.
        """
        fields = self._statm_fields(keep_turn)
        if fields is None:
            statm, self._statm = self._statm, None
            if statm is not None:
                statm.close()  # if it is ours still
            fields = self._statm_fields(keep_turn)
        if fields is None:
            raise OSError("/proc/self/statm cannot be read.")
        return int(fields[1]) * _PAGE_BYTES

    def _statm_fields(self, keep_turn: bool) -> list[bytes] | None:
        """Return what it says; None where the number is no longer that of this file."""
        statm, held = self._statm, self._held  # another thread may close them meanwhile
        if statm is None:
            statm, held = OwnFile.open("/proc/self/statm"), None
            self._statm, self._held = statm, None
        try:
            if keep_turn:  # without asking whose the number is: that would let go of the lock
                held = self._held = held or HeldReader(statm.number)
                data = held.read()
            else:
                data = os.pread(statm.number, 200, 0)
        except OSError:
            return None
        fields = data.split()
        if len(fields) != _STATM_FIELDS or not all(map(bytes.isdigit, fields)):
            return None
        self.own_read_bytes += len(data)
        return fields

    def io(self) -> tuple[int, int] | None:
        """`rchar` and `wchar`, less what these readings read; None where it is not allowed."""
        own_bytes = self.own_read_bytes
        try:
            if self._io is None or not self._io.is_there:
                self._io = OwnFile.open("/proc/self/io")
            data = os.pread(self._io.number, 500, 0)
        except OSError:  # some containers
            return None
        self.own_read_bytes += len(data)
        read, written, _ = data.split(b"\n", 2)
        return int(read.split()[1]) - own_bytes, int(written.split()[1])

    def reset_high_water(self) -> bool:
        """Write 5 to `clear_refs`; False where the system does not let us (some containers)."""
        file = -1
        try:
            file = os.open("/proc/self/clear_refs", os.O_WRONLY | os.O_CLOEXEC)
            os.write(file, b"5")
        except OSError:
            return False
        finally:
            if file >= 0:
                os.close(file)
        return True

    def high_water_bytes(self) -> int:
        """`VmHWM` of `status`."""
        file = -1
        try:
            file = os.open("/proc/self/status", os.O_RDONLY | os.O_CLOEXEC)
            text = os.read(file, 8192)
        finally:
            if file >= 0:
                os.close(file)
        self.own_read_bytes += len(text)
        start = text.find(b"VmHWM:")
        return int(text[start + 6 : text.find(b"kB", start)]) * 1024 if start >= 0 else 0

    def close(self) -> None:
        """Close what is open; a later reading opens it again."""
        statm, self._statm = self._statm, None
        io, self._io = self._io, None
        for file in (statm, io):
            if file is not None:
                file.close()


class _Psutil:
    """macOS, Windows and the rest."""

    own_read_bytes = 0

    def __init__(self) -> None:
        import psutil  # noqa: PLC0415 - 20 ms that Linux does not pay

        self._process = psutil.Process()

    def rss_bytes(self, *, keep_turn: bool = False) -> int:
        return int(self._process.memory_info().rss)

    def io(self) -> tuple[int, int] | None:
        counters = getattr(self._process, "io_counters", None)  # macOS has none
        if counters is None:
            return None
        now = counters()
        return int(now.read_bytes), int(now.write_bytes)

    def reset_high_water(self) -> bool:
        return False

    def high_water_bytes(self) -> int:
        return 0

    def close(self) -> None:
        pass
