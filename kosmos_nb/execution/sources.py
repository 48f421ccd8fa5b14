"""Notices that a module of the user changed on disk after a worker imported it.

A worker stays warm for the life of a kernel. The user edits `helpers.py`, the notebook reloads it
(`%autoreload`), and the worker would go on with the old code and give wrong answers in silence.
"""

import os
import sys
import time

_UNKNOWN = (0, 0)


class SourceWatch:
    """Remembers the files of modules that do not belong to the interpreter's installation."""

    def __init__(self) -> None:
        self._installed = tuple({os.path.realpath(p) + os.sep for p in (sys.prefix, sys.base_prefix)})
        self._seen: set[str] = set()
        self._stamps: dict[str, tuple[int, int]] = {}
        self.look(time.time_ns())

    def look(self, since_ns: int) -> None:
        """Stamp the files of modules imported since the last look, which was before `since_ns`.

        A file written between then and now may have been written before or after its import:
        it counts as stale at once.
        """
        now_ns = time.time_ns()
        if len(sys.modules) == len(self._seen):
            return
        for name in sys.modules.keys() - self._seen:
            file = getattr(sys.modules.get(name), "__file__", None)
            if not isinstance(file, str) or not self._is_the_users(file):
                continue
            stamp = _stamp(file)
            if stamp is not None:  # else it lies in a zip file, or was deleted after its import
                self._stamps.setdefault(file, _UNKNOWN if since_ns < stamp[0] <= now_ns else stamp)
        self._seen = set(sys.modules)

    def is_stale(self) -> bool:
        """Say whether one of the files is no longer what was imported."""
        return any(_stamp(file) != stamp for file, stamp in self._stamps.items())

    def _is_the_users(self, file: str) -> bool:
        real = os.path.realpath(file)
        return not (real.startswith(self._installed) or "site-packages" in real or "dist-packages" in real)


def _stamp(file: str) -> tuple[int, int] | None:
    try:
        status = os.stat(file)  # noqa: PTH116 - runs before every task; pathlib would cost an import
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
