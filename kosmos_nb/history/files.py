"""Files and folders: locks between processes, private folders, writes that last."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def lock_file(descriptor: int, *, wait: bool = True) -> None:
        """Lock the first byte of an open file; BlockingIOError where it is taken."""
        os.lseek(descriptor, 0, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError(*error.args) from error
else:
    import fcntl

    def lock_file(descriptor: int, *, wait: bool = True) -> None:
        """Lock an open file against other processes; BlockingIOError where it is taken.

        The lock goes when the descriptor is closed, or its process dies.
        """
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock file `path` against every other process."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        lock_file(descriptor)
        yield
    finally:
        os.close(descriptor)


def private_folder(path: Path) -> Path:
    """Make a folder that only this user can enter; what lies above it is made as usual.

    Raises:
        OSError: It cannot be made, or is not a folder.
    """
    if not path.is_dir():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)
    return path


def make_private(path: Path) -> None:
    """Make an empty file that only this user can read, unless there is one already.

    Never opens one that is there: closing it would end SQLite's locks on it.

    Raises:
        OSError: It cannot be made.
    """
    if not path.exists():
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def own_folder(path: Path) -> Path:
    """Make, or accept, a folder that is this user's alone: for places that others can write to.

    Raises:
        OSError: Somebody else made it, or it is a link.
    """
    path.mkdir(mode=0o700, exist_ok=True)
    if hasattr(os, "getuid"):
        found = path.lstat()
        if path.is_symlink() or found.st_uid != os.getuid() or found.st_mode & 0o077:
            raise PermissionError(f"{path} is not this user's alone")
    return path


def identity(path: Path) -> tuple[int, int] | None:
    """Tell which file the path leads to now; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def make_lasting(folder: Path) -> None:
    """Write the folder's own entries to the disk, so that new and renamed files stay."""
    if sys.platform == "win32":
        return  # folders cannot be opened there
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
