"""Memory that is free again, but that the C library still holds."""

import ctypes
import sys


def give_back() -> None:
    """Return freed memory to the system, where the C library can; a worker waits for its next task lean."""
    if sys.platform != "linux":
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it, musl has not
    if trim is not None:
        trim(0)
