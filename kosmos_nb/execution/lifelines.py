"""What a forked child of the kernel must let go of.

A cell may call `os.fork`. The child would keep the workers' pipes open, so that they would not
notice the kernel's end, and could write into them. One hook for the whole process: no fork while
pipes are being made, and in the child every pipe is closed at once.
"""

import os
import threading
from collections.abc import Callable

lock = threading.RLock()
_forgetters: dict[int, Callable[[], None]] = {}


def hold(key: int, forget: Callable[[], None]) -> None:
    """Call `forget` in every child that this process forks, until `release(key)`."""
    _forgetters[key] = forget


def release(key: int) -> None:
    """Undo `hold`."""
    _forgetters.pop(key, None)


def _hold_still() -> None:
    lock.acquire()


def _go_on() -> None:
    lock.release()


def _forget_all() -> None:
    global lock
    lock = threading.RLock()
    for forget in list(_forgetters.values()):
        forget()
    _forgetters.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_hold_still,
        after_in_parent=_go_on,
        after_in_child=_forget_all,
    )
