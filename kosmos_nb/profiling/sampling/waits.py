"""What a thread does in the kernel: whether it runs, waits for a lock, or for something else.

On Linux `/proc/self/task/…/syscall` names the system call in which a thread waits. All locks of
Python, the interpreter lock too, are a `futex` there; sleeping, reading and polling are not.
"""

import enum
import os
import sys

from kosmos_nb.profiling.sampling.gil import HeldReader


class Wait(enum.Enum):
    """What a thread does. `UNKNOWN` where the system does not tell."""

    RUNS = "runs"
    LOCK = "lock"
    OTHER = "other"
    UNKNOWN = "unknown"


_FUTEX = {"x86_64": 202, "aarch64": 98, "riscv64": 98, "loongarch64": 98, "ppc64le": 221, "s390x": 238}


class WaitChannel:
    """Looks at one thread.

    Args:
        native_id: The system's number of the thread; None where it is not known.
    """

    def __init__(self, native_id: int | None) -> None:
        self._native_id = native_id if _LOCK_CALL else None
        self._reader: HeldReader | None = None
        self._file = -1

    @property
    def read_bytes(self) -> int:
        """How much its looks have read."""
        return self._reader.read_bytes if self._reader is not None else 0

    def look(self) -> Wait:
        """Say what the thread does now."""
        try:
            data = self._read()
        except OSError:  # the thread has ended, or the system forbids it
            return Wait.UNKNOWN
        if data.startswith(_LOCK_CALL):
            return Wait.LOCK
        if not data:
            return Wait.UNKNOWN
        # "-1" is a thread that was stopped outside any call, as by a page fault.
        return Wait.RUNS if data.startswith((b"running", b"-1")) else Wait.OTHER

    def close(self) -> None:
        """Close the file; a second time does nothing."""
        self._native_id = self._reader = None
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _read(self) -> bytes:
        if self._reader is None:
            if self._native_id is None:
                return b""
            path, self._native_id = f"/proc/self/task/{self._native_id}/syscall", None  # once
            self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            self._reader = HeldReader(self._file)
        return self._reader.read()


def cpu_clock(native_id: int | None) -> int | None:
    """Return the number of a thread's CPU clock; None where the system has none.

    `time.pthread_getcpuclockid` gives the same number, but reads the memory of a thread that may
    have ended meanwhile: between the check that it lives and the call the interpreter lock can
    change hands. Linux makes the number from the thread's own, and refuses it when there is no
    such thread any more (kernel, include/linux/posix-timers.h: CPUCLOCK_SCHED of one thread).
    """
    if native_id is None or not sys.platform.startswith("linux"):
        return None
    return (~native_id << 3) | 6


def _lock_call() -> bytes:
    if not sys.platform.startswith("linux"):
        return b""
    number = _FUTEX.get(os.uname().machine)
    return b"%d " % number if number is not None and sys.maxsize > 2**32 else b""


_LOCK_CALL = _lock_call()
