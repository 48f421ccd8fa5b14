"""Killing a process with everything that it started."""

import contextlib
import os
import signal


def kill_tree(pid: int) -> None:
    """Kill the process group that `pid` leads, and its descendants that left the group.

    The caller makes sure that `pid` was not reaped yet, so that it can be nobody else's.
    """
    import psutil  # noqa: PLC0415 - 15 ms, and most pools never kill

    descendants: list[psutil.Process] = []
    with contextlib.suppress(psutil.Error):
        descendants = psutil.Process(pid).children(recursive=True)
    kill_group(pid)
    for process in descendants:
        with contextlib.suppress(psutil.Error):  # psutil compares start times: never a stranger
            process.kill()


def kill_group(pid: int) -> None:
    """Kill the process group that `pid` leads."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(pid, signal.SIGKILL)
        else:
            os.kill(pid, signal.SIGTERM)
