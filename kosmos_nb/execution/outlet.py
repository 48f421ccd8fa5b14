"""What a child process prints, taken in while it runs: any amount, however the child ends.

A named pipe for each stream, and one thread here that empties them. What is kept is the beginning
and the end; the middle of a flood is counted and let go, so neither the pipe, the disk nor the
memory of this process fills up.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import tempfile
import threading
from pathlib import Path
from typing import Self

from kosmos_nb.core import ExecutionError, units

_CHUNK_BYTES = 1 << 16
_GLANCE_S = 0.2


class Kept:
    """The beginning and the end of a stream of bytes, together at most `limit_bytes`."""

    def __init__(self, limit_bytes: int) -> None:
        self._half = limit_bytes // 2
        self._head = bytearray()
        self._tail = bytearray()
        self.left_out_bytes = 0

    def add(self, data: bytes) -> None:
        """Take in some more."""
        room = self._half - len(self._head)
        self._head += data[: max(0, room)]
        self._tail += data[max(0, room) :]
        over = len(self._tail) - self._half
        if over > 0:
            del self._tail[:over]
            self.left_out_bytes += over

    def text(self) -> str:
        """Return it as text; a line tells how much of the middle is missing."""
        if not self.left_out_bytes:
            return (self._head + self._tail).decode(errors="replace")
        gap = f"\n… {units.size(self.left_out_bytes)} left out …\n"
        return self._head.decode(errors="replace") + gap + self._tail.decode(errors="replace")


class Outlets:
    """Two named pipes in a folder of their own, emptied until `close`.

    Attributes:
        paths: What the child is to open for its standard output and its standard error.
        stdout, stderr: What came.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.stdout, self.stderr = Kept(limit_bytes), Kept(limit_bytes)
        try:
            self._folder = Path(tempfile.mkdtemp(prefix="kosmos-"))
        except OSError as error:
            raise ExecutionError(f"There is no place for temporary files: {error}.") from error
        self.paths = (str(self._folder / "stdout"), str(self._folder / "stderr"))
        self._ended = threading.Event()
        self._selector = selectors.DefaultSelector()
        for path, kept in zip(self.paths, (self.stdout, self.stderr), strict=True):
            os.mkfifo(path, 0o600)
            # Both ways, so that it never reads as closed before the child has opened it.
            self._selector.register(os.open(path, os.O_RDWR | os.O_NONBLOCK), selectors.EVENT_READ, kept)
        self._thread = threading.Thread(target=self._empty, name="kosmos-output", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take what is still there, and remove the pipes; a second time does nothing."""
        self._ended.set()
        self._thread.join()
        for key in list(self._selector.get_map().values() if self._selector.get_map() else ()):
            self._selector.unregister(key.fileobj)
            os.close(key.fd)
        self._selector.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *about: object) -> None:
        self.close()

    def _empty(self) -> None:
        while True:
            is_last = self._ended.is_set()
            for key, _ in self._selector.select(0 if is_last else _GLANCE_S):
                self._take(key)
            if is_last:
                return

    def _take(self, key: selectors.SelectorKey) -> None:
        with contextlib.suppress(BlockingIOError):
            for _ in range(64):  # what a pipe holds, and more; then the other one has its turn
                data = os.read(key.fd, _CHUNK_BYTES)
                key.data.add(data)
                if len(data) < 1:
                    return
