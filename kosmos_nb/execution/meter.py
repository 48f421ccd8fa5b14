"""What one call costs: elapsed time, CPU time, highest resident memory."""

import os
import sys
import time


class Meter:
    """Measures from its making to `read()`."""

    def __init__(self) -> None:
        self._is_exact = _reset_peak()
        self._cpu_s = _cpu_s()
        self._start_s = time.perf_counter()

    def read(self) -> tuple[float, float, int]:
        """Return wall seconds, CPU seconds with ended children, and the peak in bytes."""
        wall_s = time.perf_counter() - self._start_s
        return wall_s, _cpu_s() - self._cpu_s, _peak_bytes(self._is_exact)


def _cpu_s() -> float:
    children = os.times()
    return time.process_time() + children.children_user + children.children_system


def _reset_peak() -> bool:
    """Start the kernel's high-water mark anew; False where it cannot be.

    Source: proc_pid_clear_refs(5), value 5.
    """
    try:
        fd = os.open("/proc/self/clear_refs", os.O_WRONLY)
    except OSError:
        return False
    try:
        os.write(fd, b"5")
    except OSError:
        return False
    finally:
        os.close(fd)
    return True


def _peak_bytes(is_exact: bool) -> int:
    if is_exact:
        with open("/proc/self/status", "rb") as status:  # noqa: PTH123 - pathlib costs an import
            for line in status:
                if line.startswith(b"VmHWM:"):
                    return int(line.split()[1]) * 1024
    return _peak_of_life_bytes()


def _peak_of_life_bytes() -> int:
    """Highest resident memory since the process began: the best that other systems tell."""
    if sys.platform == "win32":
        return 0
    import resource  # noqa: PLC0415 - POSIX only

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
