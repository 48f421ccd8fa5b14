"""Memory and I/O of this process: from `/proc/self` on Linux, from psutil elsewhere."""

import os
import sys
from pathlib import Path
from typing import Protocol

_PAGE_BYTES = 4096
if sys.platform != "win32":
    import resource

    _PAGE_BYTES = resource.getpagesize()

_IS_LINUX = sys.platform.startswith("linux")


class ProcessFigures(Protocol):
    """What the meter asks of the system."""

    def rss_bytes(self) -> int:
        """Resident memory now."""
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


class ProcSelf:
    """`/proc/self`. What the readings themselves read is taken out of `io`."""

    def __init__(self) -> None:
        self._own_read_bytes = 0
        # Held open, because the sampler asks a hundred times a second.
        self._statm = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)

    @staticmethod
    def open() -> ProcessFigures:
        """Return the figures that this system offers."""
        return ProcSelf() if _IS_LINUX and Path("/proc/self/statm").exists() else _Psutil()

    def rss_bytes(self) -> int:
        """Resident memory, from `statm`."""
        data = os.pread(self._statm, 200, 0)
        self._own_read_bytes += len(data)
        return int(data.split()[1]) * _PAGE_BYTES

    def io(self) -> tuple[int, int] | None:
        """`rchar` and `wchar`, less what these readings read; None where it is not allowed."""
        own_bytes = self._own_read_bytes
        try:
            lines = self._read("/proc/self/io").split(b"\n")
        except OSError:
            return None
        return int(lines[0].split()[1]) - own_bytes, int(lines[1].split()[1])

    def reset_high_water(self) -> bool:
        """Write 5 to `clear_refs`; False where the system does not let us (some containers)."""
        try:
            with open("/proc/self/clear_refs", "wb", buffering=0) as file:  # noqa: PTH123 - 5x quicker
                file.write(b"5")
        except OSError:
            return False
        return True

    def high_water_bytes(self) -> int:
        """`VmHWM` of `status`."""
        text = self._read("/proc/self/status")
        start = text.find(b"VmHWM:")
        return int(text[start + 6 : text.find(b"kB", start)]) * 1024 if start >= 0 else 0

    def close(self) -> None:
        """Close `statm`; a second time does nothing."""
        if self._statm >= 0:
            os.close(self._statm)
            self._statm = -1

    def _read(self, path: str) -> bytes:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - unbuffered, one read
            data = file.read(8192)
        self._own_read_bytes += len(data)
        return data


class _Psutil:
    """macOS, Windows and the rest."""

    def __init__(self) -> None:
        import psutil  # noqa: PLC0415 - 20 ms that Linux does not pay

        self._process = psutil.Process()

    def rss_bytes(self) -> int:
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
