"""Where code comes from: the user's own, a library, Python's, or the stage's."""

import enum
import os
import sysconfig

from kosmos_nb.profiling.sampling.walk import FrameNumber, FrameTable


class Place(enum.Enum):
    """Where a frame's code comes from. `WAITER`: a module of Python's in which threads wait."""

    USER = "user"
    LIBRARY = "library"
    PYTHON = "python"
    WAITER = "waiter"
    STAGE = "stage"


# Packages that serve the kernel, a debugger, or us.
STAGE = frozenset(
    (
        *("IPython", "ipykernel", "ipykernel_launcher", "zmq", "tornado", "jupyter_client", "traitlets"),
        *("comm", "kosmos_nb", "debugpy", "pydevd", "_pydevd_bundle", "_pydev_bundle"),
    )
)
_WAITERS = ("threading.py", "queue.py", "selectors.py", "socketserver.py", "concurrent/", "multiprocessing/")
_PACKAGES = ("site-packages", "dist-packages")


class Places:
    """Remembers where the frames of a table come from."""

    def __init__(self, table: FrameTable) -> None:
        self._table = table
        self._by_number: dict[FrameNumber, Place] = {}

    def of(self, number: FrameNumber) -> Place:
        """Return where a frame comes from."""
        place = self._by_number.get(number)
        if place is None:
            place = self._by_number[number] = place_of(self._table.filename(number))
        return place


def place_of(filename: str) -> Place:
    """Return where a file of code comes from.

    A cell, a script and an editable install are the user's own.
    """
    path = filename.replace("\\", "/")
    inside = _inside(path, tuple(f"/{folder}/" for folder in _PACKAGES))
    if inside is not None:
        package = inside.partition("/")[0].removesuffix(".py")
        return Place.STAGE if package in STAGE else Place.LIBRARY
    if filename.startswith(_OWN):
        return Place.STAGE
    if filename.startswith("<frozen"):
        return Place.PYTHON
    if filename.startswith(_PYTHON):
        inside = path[len(_PYTHON) :]
        return Place.WAITER if inside.startswith(_WAITERS) else Place.PYTHON
    return Place.USER


def _inside(path: str, folders: tuple[str, ...]) -> str | None:
    for folder in folders:
        _, found, rest = path.rpartition(folder)
        if found:
            return rest
    return None


_PYTHON = os.path.join(sysconfig.get_path("stdlib"), "")  # noqa: PTH118 - a prefix for strings
_OWN = os.path.join(os.path.dirname(os.path.dirname(__file__)), "")  # noqa: PTH118, PTH120
