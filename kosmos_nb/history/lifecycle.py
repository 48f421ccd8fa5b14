"""What threads, connections and queues do when the process forks or ends.

`os.register_at_fork` cannot be undone, so one set of hooks is registered, once, and serves
whatever is alive then; with nothing alive it does nothing.
"""

from __future__ import annotations

import atexit
import os
import weakref
from typing import Protocol


class Part(Protocol):
    """Something that must not be carried across a fork as it is."""

    def before_fork(self) -> None:
        """Close what is open, and hold still."""

    def after_fork_in_parent(self) -> None:
        """Go on."""

    def after_fork_in_child(self) -> None:
        """Begin anew."""

    def at_exit(self) -> None:
        """Finish; the process ends."""


# Those that use others come first: they are stopped first, so that no lock waits for a lock.
_ORDER = ("QueryEngine", "Writer")

_parts: weakref.WeakSet[Part] = weakref.WeakSet()
_stopped: list[Part] = []
_is_registered = False


def track(part: Part) -> None:
    """Call the part's hooks from now on, for as long as something else refers to it."""
    global _is_registered
    _parts.add(part)
    if not _is_registered:
        _is_registered = True
        atexit.register(_at_exit)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=_before_fork,
                after_in_parent=_after_fork_in_parent,
                after_in_child=_after_fork_in_child,
            )


def forget(part: Part) -> None:
    """Call the part's hooks no more."""
    _parts.discard(part)


def _before_fork() -> None:
    _stopped[:] = sorted(_parts, key=lambda part: _ORDER.index(type(part).__name__))
    for part in _stopped:
        part.before_fork()


def _after_fork_in_parent() -> None:
    for part in reversed(_stopped):
        part.after_fork_in_parent()
    _stopped.clear()


def _after_fork_in_child() -> None:
    for part in reversed(_stopped):
        part.after_fork_in_child()
    _stopped.clear()


def _at_exit() -> None:
    for part in list(_parts):
        part.at_exit()
