"""Messages over two pipes: each is a header and a body, both with their length before them."""

import contextlib
import io
import os
import struct

_LENGTH = struct.Struct("<Q")
_SMALL_BYTES = 1 << 16

# Whatever a `sitecustomize` prints while a worker starts lands before this mark and is skipped.
MARK = b"\x00kosmos_nb worker\x00"


class Channel:
    """One end of a conversation. Not for two threads in the same direction.

    A closed peer is an `EOFError` when receiving and an `OSError` when sending.
    """

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self._open = [read_fd, write_fd]
        self._write_fd = write_fd
        self._reader = io.FileIO(read_fd, "rb", closefd=False)

    def send(self, header: bytes, body: bytes = b"") -> None:
        """Write one message; waits while the peer reads."""
        lengths = _LENGTH.pack(len(header)) + header + _LENGTH.pack(len(body))
        if len(body) <= _SMALL_BYTES:
            self.write(lengths + body)
        else:
            self.write(lengths)
            self.write(body)

    def receive(self) -> tuple[bytearray, bytearray]:
        """Wait for one message and return its header and body."""
        return self._part(), self._part()

    def write(self, data: bytes) -> None:
        """Write bytes as they are."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._write_fd, rest) :]

    def skip_to_mark(self) -> None:
        """Read and drop everything up to and with `MARK`."""
        seen = b""
        while not seen.endswith(MARK):
            byte = self._reader.read(1)
            if not byte:
                raise EOFError
            seen = seen[-len(MARK) :] + byte

    def close(self) -> None:
        """Close both pipes; harmless when they are closed."""
        while self._open:
            with contextlib.suppress(OSError):
                os.close(self._open.pop())

    def _part(self) -> bytearray:
        (length,) = _LENGTH.unpack(self._exactly(_LENGTH.size))
        return self._exactly(length)

    def _exactly(self, length: int) -> bytearray:
        data = bytearray(length)
        view = memoryview(data)
        while view:
            count = self._reader.readinto(view)
            if not count:
                raise EOFError
            view = view[count:]
        return data
