"""Where records wait while the store cannot take them.

A file of JSON lines beside the store (`spool/`), or, where that folder cannot be written, in
the temp folder. Each line is `{"sha256": "…", "bundle": {…}}`; the checksum is over the exact
bytes of the bundle. Each process appends to a file of its own, under a lock, and writes it to
the disk before it counts. Whoever opens the store next replays every file by id, so that a
crash at any point loses nothing and doubles nothing. A line that is torn or damaged, or that
a working store refuses, is skipped and kept in a file `….kept`.
"""

from __future__ import annotations

import base64
import errno
import getpass
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from kosmos_nb.core import HistoryError, uuid7
from kosmos_nb.history.failures import RecordRefusedError
from kosmos_nb.history.files import identity, lock_file, make_lasting, own_folder, private_folder
from kosmos_nb.history.rows import Bundle

_HEAD = b'{"sha256": "'
_MIDDLE = b'", "bundle": '
_TAIL = b"}\n"


def encode(bundle: Bundle) -> bytes:
    """Return the bundle as one checksummed line."""
    rows = {table: [_text(row) for row in rows] for table, rows in bundle.rows.items()}
    body = json.dumps({"kind": bundle.kind, "id": bundle.id, "rows": rows}).encode()
    return _HEAD + hashlib.sha256(body).hexdigest().encode() + _MIDDLE + body + _TAIL


def decode(line: bytes) -> Bundle | None:
    """Read a line; None where it is torn or damaged."""
    start = len(_HEAD) + 64
    body = line[start + len(_MIDDLE) : -len(_TAIL)]
    whole = _HEAD + hashlib.sha256(body).hexdigest().encode() + _MIDDLE + body + _TAIL
    if line != whole:
        return None
    plain = json.loads(body)
    for row in plain["rows"].get("blobs", ()):
        row["data"] = base64.b64decode(row["data"])
    return Bundle(plain["kind"], plain["id"], plain["rows"])


def _text(row: dict[str, Any]) -> dict[str, Any]:
    if isinstance(row.get("data"), bytes):
        return {**row, "data": base64.b64encode(row["data"]).decode()}
    return row


class Spool:
    """The spool of one history folder."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._name = self._new_name()

    def add(self, bundle: Bundle) -> Path:
        """Append a record; durable when this returns.

        Returns:
            The file that holds it.

        Raises:
            OSError: Neither the history's folder nor the temp folder can be written.
        """
        line = encode(bundle)
        try:
            return self._append(private_folder(self._home / "spool"), line)
        except OSError:
            return self._append(self._temp_folder(make=True), line)

    def files(self) -> list[Path]:
        """Return the files that wait to be replayed, oldest first."""
        return self._found("*.jsonl")

    def disk_bytes(self) -> int:
        """Return what waits and what is kept, in bytes."""
        total = 0
        for file in self._all_files():
            with suppress(OSError):
                total += file.stat().st_size
        return total

    def replay(self, save: Callable[[Bundle], object]) -> int:
        """Hand every waiting record to `save`, and remove the files that are done.

        Returns:
            How many records were handed over.

        Raises:
            HistoryError: The store failed again; what is left stays.
            OSError: A file cannot be read or removed; it stays.
        """
        return sum(_replay_file(file, save) for file in self.files())

    def records(self) -> Iterator[Bundle]:
        """Give every record that lies here: those that wait, and those that a working store refused.

        Raises:
            HistoryError: A file cannot be read.
        """
        for file in self._all_files():
            for line in _lines(file):
                bundle = decode(line)
                if bundle is not None:
                    yield bundle

    def unreadable(self) -> list[Path]:
        """Return the files with lines that are torn or damaged: nobody knows what of.

        Raises:
            HistoryError: A file cannot be read.
        """
        return [file for file in self._all_files() if any(decode(line) is None for line in _lines(file))]

    def drop(self, ids: Container[str], *, unreadable: bool) -> None:
        """Take records out for good.

        Args:
            ids: Which.
            unreadable: Whether lines that are torn or damaged go as well.

        Raises:
            HistoryError: A file cannot be read; it is as it was.
            OSError: A file cannot be written; it is as it was.
        """

        def goes(line: bytes) -> bool:
            bundle = decode(line)
            return unreadable if bundle is None else bundle.id in ids

        for file in self._all_files():
            with suppress(FileNotFoundError):  # it was replayed meanwhile
                _rewrite(file, goes)

    def after_fork_in_child(self) -> None:
        """Write to a file of our own."""
        self._name = self._new_name()

    def _all_files(self) -> list[Path]:
        return self._found("*.jsonl*")

    def _found(self, pattern: str) -> list[Path]:
        found: list[Path] = []
        for folder in (self._home / "spool", self._temp_folder()):
            with suppress(OSError):
                found += sorted(folder.glob(pattern))
        return found

    @staticmethod
    def _new_name() -> str:
        return f"{uuid7()}-{os.getpid()}.jsonl"

    def _temp_folder(self, *, make: bool = False) -> Path:
        user = os.getuid() if hasattr(os, "getuid") else getpass.getuser()
        above = Path(tempfile.gettempdir()) / f"kosmos_nb-{user}"
        folder = above / hashlib.sha256(str(self._home.absolute()).encode()).hexdigest()[:16]
        if make:
            own_folder(above)
            own_folder(folder)
        return folder

    def _append(self, folder: Path, line: bytes) -> Path:
        path = folder / self._name
        is_new = not path.exists()
        with _locked(path, os.O_RDWR | os.O_CREAT | os.O_APPEND) as descriptor:
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                line = b"\n" + line  # leave a torn tail behind, as a line of its own
            _write(descriptor, line, size)
        if is_new:
            make_lasting(folder)
        return path


def _write(descriptor: int, line: bytes, size: int) -> None:
    """Append everything or nothing: a full disk takes a part of a line."""
    try:
        if os.write(descriptor, line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(descriptor)
    except OSError:
        with suppress(OSError):
            os.ftruncate(descriptor, size)
        raise


@contextmanager
def _locked(path: Path, flags: int, *, wait: bool = True) -> Iterator[int]:
    """Open and lock; again where the file was replayed and removed in between."""
    while True:
        descriptor = os.open(path, flags | getattr(os, "O_CLOEXEC", 0), 0o600)
        try:
            lock_file(descriptor, wait=wait)
            found = os.fstat(descriptor)
            if (found.st_dev, found.st_ino) == identity(path):
                yield descriptor
                return
        finally:
            os.close(descriptor)


def _replay_file(path: Path, save: Callable[[Bundle], object]) -> int:
    count, kept = 0, []
    try:
        with _locked(path, os.O_RDWR, wait=False) as descriptor:
            # A descriptor of its own: closing it does not end the lock, which is on ours.
            for line in path.read_bytes().splitlines(keepends=True):
                bundle = decode(line)
                try:
                    if bundle is None:
                        kept.append(line)
                    else:
                        save(bundle)
                        count += 1
                except RecordRefusedError:
                    kept.append(line)
            if any(line.strip() for line in kept):
                _keep(path.with_name(path.name + ".kept"), b"".join(kept), mode="ab")
            os.fsync(descriptor)
            path.unlink()
            make_lasting(path.parent)
    except (BlockingIOError, FileNotFoundError):
        return count  # another process is at it
    return count


def _lines(path: Path) -> list[bytes]:
    try:
        return [line for line in path.read_bytes().splitlines(keepends=True) if line.strip()]
    except FileNotFoundError:  # it was replayed meanwhile
        return []
    except OSError as error:
        raise HistoryError(
            f"The file {path}, where records wait, cannot be read: {error.strerror}."
        ) from error


def _rewrite(path: Path, goes: Callable[[bytes], bool]) -> None:
    """Replace a file by one without some of its lines; whole at any moment."""
    with _locked(path, os.O_RDWR):
        lines = _lines(path)
        kept = [line for line in lines if not goes(line)]
        if kept and len(kept) < len(lines):
            new = path.with_name(path.name + ".new")
            _keep(new, b"".join(kept))
            new.replace(path)
        elif not kept:
            path.unlink()
        make_lasting(path.parent)


def _keep(path: Path, content: bytes, *, mode: Literal["wb", "ab"] = "wb") -> None:
    with path.open(mode) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
