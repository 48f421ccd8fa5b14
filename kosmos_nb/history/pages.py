"""What is left of a damaged SQLite database, read page by page and without SQLite.

SQLite finds a row through the pages above it, and gives up where one of them is damaged. The rows
themselves lie in pages that say what they hold, so here every page of the file and of its log is looked
at, in whatever tree it once was. What a page says is not trusted: a row that makes no sense is left out,
and the caller has checksums.

Source: SQLite, Database File Format, https://www.sqlite.org/fileformat2.html, sections 1.3, 1.5, 1.6, 2
and 4.1 to 4.3.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Self

Value = str | bytes | int | float | None

PAGE_BYTES = 4096  # SQLite's default, for a file whose header does not say
_TABLE_LEAF, _INDEX_LEAF, _INDEX_INTERIOR = _KINDS = 0x0D, 0x0A, 0x02
_WAL_HEADER, _FRAME_HEADER = 32, 24
_HEADER = 100
# By serial type 1 to 6: bytes of the number.
_INTEGERS = (1, 2, 3, 4, 6, 8)

# So many places in a row that lead nowhere end a list; fewer are damage.
_MOST_MISSES = 64
# A page's number, its file, and its place there.
_Image = tuple[int, BinaryIO, int]
# What reading nonsense can raise.
_NONSENSE = (ValueError, IndexError, struct.error, OverflowError)


@dataclass(frozen=True, slots=True)
class PageRows:
    """The rows of one page.

    Attributes:
        of_table: Whether it is a page of a table with row numbers; else of an index, or of a table
            without row numbers, which has the form of one.
        rows: Their values. SQLite does not write the trailing columns that were added later.
    """

    of_table: bool
    rows: list[tuple[Value, ...]]


class Pages:
    """The pages of a database file, and of the log beside it.

    Args:
        path: The database; its log is the file of that name with `-wal`.

    Raises:
        OSError: It cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        wal = path.with_name(path.name + "-wal")
        self._log = wal.open("rb") if wal.is_file() else BytesIO()
        self._size = self._page_size()
        # Newest first: of a page that is in the log, the log's last version counts.
        self._images: list[_Image] = list(self._frames())[::-1]
        whole = range(0, self._file.seek(0, os.SEEK_END), self._size)
        self._images += [(n + 1, self._file, at) for n, at in enumerate(whole)]
        self._newest: dict[int, _Image] = {}
        for image in self._images:
            self._newest.setdefault(image[0], image)

    def __len__(self) -> int:
        return len(self._images)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._log.close()

    def rows(self) -> Iterator[PageRows | None]:
        """Give the rows of each page, the newest first; None for a page without any."""
        free = self._free()
        # What lies in pages that are no longer in use comes last: it gives way to what is in use.
        for number, file, at in sorted(self._images, key=lambda image: image[0] in free):
            yield self._rows(_read(file, at, self._size), _HEADER if number == 1 else 0)

    def _page_size(self) -> int:
        for file, at in ((self._file, 16), (self._log, 10)):
            size = int.from_bytes(_read(file, at, 2), "big")
            if 512 <= size < 2**16 and size & (size - 1) == 0:
                return size
        return PAGE_BYTES

    def _frames(self) -> Iterator[_Image]:
        """Give the pages in the log, oldest first; not those of an older log, which were copied."""
        salts = {_read(self._log, 16, 8), _read(self._log, _WAL_HEADER + 8, 8)}
        length = self._log.seek(0, os.SEEK_END)
        for at in range(_WAL_HEADER, length - _FRAME_HEADER - self._size + 1, _FRAME_HEADER + self._size):
            header = _read(self._log, at, 16)
            if header[8:] in salts:
                yield int.from_bytes(header[:4], "big"), self._log, at + _FRAME_HEADER

    def _free(self) -> set[int]:
        """Return the pages that are no longer in use, as far as the file knows them."""
        free: set[int] = set()
        trunk = int.from_bytes(self._page(1)[32:36], "big")
        while trunk in self._newest and trunk not in free:
            free.add(trunk)
            page = self._page(trunk).ljust(self._size, b"\0")
            trunk, count, *numbers = struct.unpack(f">{self._size // 4}I", page)
            free.update(numbers[:count])
        return free

    def _page(self, number: int) -> bytes:
        _, file, at = self._newest.get(number, (0, BytesIO(), 0))
        return _read(file, at, self._size)

    def _rows(self, page: bytes, start: int) -> PageRows | None:
        """Read a page as what it says it is; where that makes no sense, as what else it can be."""
        if len(page) < self._size or not page[start]:
            return None
        for kind in sorted(_KINDS, key=lambda kind: kind != page[start]):
            rows = list(self._cells(page, start, kind))
            if rows:
                return PageRows(kind == _TABLE_LEAF, rows)
        return None

    def _cells(self, page: bytes, start: int, kind: int) -> Iterator[tuple[Value, ...]]:
        # The places of the rows are listed from here on; the rows fill the page from its end. So the
        # list ends where the first row begins, or where it makes no sense, whatever its length is said to be.
        end, misses = self._size - 1, 0
        for at in range(start + (12 if kind == _INDEX_INTERIOR else 8), end, 2):
            if at >= end or misses > _MOST_MISSES:
                return
            place, misses = page[at] << 8 | page[at + 1], misses + 1
            with suppress(*_NONSENSE):
                row = _values(self._payload(page, place or self._size, kind))
                end, misses = min(end, place), 0
                yield row

    def _payload(self, page: bytes, at: int, kind: int) -> bytes:
        """Return the bytes of one row, with those that overflow into other pages."""
        if kind == _INDEX_INTERIOR:
            at += 4
        size, at = _varint(page, at)
        if kind == _TABLE_LEAF:
            _, at = _varint(page, at)
        usable = self._size
        if size > usable * len(self._newest):
            raise ValueError("A row longer than the file.")
        most = usable - 35 if kind == _TABLE_LEAF else (usable - 12) * 64 // 255 - 23
        here = size
        if size > most:
            least = (usable - 12) * 32 // 255 - 23
            here = least + (size - least) % (usable - 4)
            here = here if here <= most else least
        parts, missing = [page[at : at + here]], size - here
        following = at + here
        holder = page
        while missing > 0:
            (number,) = struct.unpack_from(">I", holder, following)
            holder, following = self._page(number), 0
            parts.append(holder[4 : 4 + missing])
            missing -= usable - 4
        payload = b"".join(parts)
        if len(payload) != size:
            raise ValueError("A row ends outside of its page.")
        return payload


def _read(file: BinaryIO, at: int, size: int) -> bytes:
    """Read a part; less of it, or nothing, where the disk does not give it."""
    with suppress(OSError):
        file.seek(at)
        return file.read(size)
    return b""


def _varint(page: bytes, at: int) -> tuple[int, int]:
    """Read a number of 1 to 9 bytes; return it, and where it ends."""
    value = 0
    for n in range(8):
        byte = page[at + n]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + n + 1
    return value << 8 | page[at + 8], at + 9


def _values(payload: bytes) -> tuple[Value, ...]:
    """Read a row's values.

    Raises:
        ValueError: It is not exactly as long as it says, or a text is not UTF-8.
    """
    end, at = _varint(payload, 0)
    place = end
    values: list[Value] = []
    while at < end:
        kind, at = _varint(payload, at)
        value, place = _value(payload, place, kind)
        values.append(value)
    if at != end or place != len(payload):
        raise ValueError("A row that is longer or shorter than it says.")
    return tuple(values)


def _value(payload: bytes, at: int, kind: int) -> tuple[Value, int]:
    if kind == 0:
        return None, at
    if kind in (8, 9):
        return kind - 8, at
    if 1 <= kind <= 6:
        end = at + _INTEGERS[kind - 1]
        return int.from_bytes(payload[at:end], "big", signed=True), end
    if kind == 7:
        (number,) = struct.unpack_from(">d", payload, at)
        return float(number), at + 8
    if kind < 12:
        raise ValueError("A kind of value that is not in use.")
    end = at + (kind - 12) // 2
    part = payload[at:end]
    return (part.decode() if kind % 2 else part), end
