"""Reading small system files without letting go of the interpreter lock.

`os.pread` frees the lock, as is right for files. But while another thread computes it takes 5 ms to
get it back, and the profiler would hand over the code's turn a hundred times a second.
"""

import ctypes
import os
from functools import cache
from typing import Any

_SIZE = 512


class HeldReader:
    """Reads the beginning of a file, again and again.

    Args:
        file: Number of the open file; whoever opened it closes it.

    Attributes:
        read_bytes: How much was read so far.
    """

    def __init__(self, file: int) -> None:
        self._file = file
        self._pread = _pread()
        self._buffer = ctypes.create_string_buffer(_SIZE)
        self.read_bytes = 0

    def read(self) -> bytes:
        """Return the first bytes, at most 512.

        Raises:
            OSError: It cannot be read.
        """
        if self._pread is None:
            data = os.pread(self._file, _SIZE, 0)
        else:
            size = self._pread(self._file, self._buffer, _SIZE, 0)
            if size < 0:
                raise OSError("The file cannot be read.")
            data = self._buffer.raw[:size]
        self.read_bytes += len(data)
        return data


@cache
def _pread() -> Any:
    """Return the C function; None where `off_t` is not known to be a long."""
    if ctypes.sizeof(ctypes.c_void_p) != 8 or os.name != "posix":
        return None
    try:
        function = ctypes.PyDLL(None).pread  # PyDLL keeps the lock
    except (OSError, AttributeError):
        return None
    function.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_long)
    function.restype = ctypes.c_ssize_t
    return function
