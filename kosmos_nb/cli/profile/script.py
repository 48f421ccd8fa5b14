"""`kosmos profile run script.py`: the script in a Python of its own, and what it cost.

The script has this terminal: its input, its output (with `--json` on standard error), its signals.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from kosmos_nb.core import ExecutionError
from kosmos_nb.history import ProfileResult
from kosmos_nb.profiling import ScriptOrder

if TYPE_CHECKING:
    from types import FrameType

_FORWARDED = ("SIGTERM", "SIGHUP")


def run_script(order: ScriptOrder, output: IO[Any] | None = None) -> tuple[ProfileResult | None, int]:
    """Run a script or module under a profile.

    Args:
        order: What to run, and how; where its result goes is decided here.
        output: Where its standard output goes, if not to ours.

    Returns:
        The profile, None where the script ended in a way that leaves none; and its exit code, as
        a shell tells it.
    """
    with tempfile.TemporaryDirectory(prefix="kosmos-") as folder:
        result = Path(folder) / "profile.json"
        command = dataclasses.replace(order, result=str(result)).command()
        with _signals_go_on() as follow:
            code = follow(subprocess.Popen(command, stdout=output))
        profile = ProfileResult.from_json(result.read_text("utf-8")) if result.exists() else None
    return profile, code if code >= 0 else 128 - code


def how_it_ended(code: int) -> str:
    """Say in words how a script ended that left no profile."""
    if code > 128:
        with contextlib.suppress(ValueError):
            return f"was ended by signal {code - 128} ({signal.Signals(code - 128).name})"
    return f"did not begin, or left by os._exit (exit code {code})"


@contextlib.contextmanager
def _signals_go_on() -> Iterator[Any]:
    """Let the script, not this process, answer signals; give what waits for the script."""
    running: list[subprocess.Popen[bytes]] = []
    interrupts = 0

    def interrupt(signum: int, frame: FrameType | None) -> None:
        nonlocal interrupts
        interrupts += 1
        # The terminal tells all that runs in it; a second Ctrl-C goes on in any case.
        if running and (interrupts > 1 or not _is_in_terminal()):
            running[0].send_signal(signum)

    def go_on(signum: int, frame: FrameType | None) -> None:
        if running:
            running[0].send_signal(signum)

    def follow(process: subprocess.Popen[bytes]) -> int:
        running.append(process)
        if interrupts and not _is_in_terminal():  # it came before there was anybody to tell
            process.send_signal(signal.SIGINT)
        return process.wait()

    handlers = {"SIGINT": interrupt, **dict.fromkeys(_FORWARDED, go_on)}
    previous = {}
    for name, handler in handlers.items():
        signum = getattr(signal, name, None)
        # What is ignored (nohup, a background job) stays ignored, here and in the script.
        if signum is not None and signal.getsignal(signum) is not signal.SIG_IGN:
            previous[signum] = signal.signal(signum, handler)
    try:
        yield follow
    finally:
        for signum, before in previous.items():
            signal.signal(signum, before)


def _is_in_terminal() -> bool:
    """Return whether a Ctrl-C at the terminal reaches the script without our help."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


def check_script(target: str) -> None:
    """Say what is wrong with a script's file before anything runs.

    Raises:
        ExecutionError: There is no such file, or it cannot be read.
    """
    path = Path(target)
    if path.is_dir():
        raise ExecutionError(f"{target} is a folder. Name a script in it, or use -m for a package.")
    if not path.exists():
        raise ExecutionError(f"There is no file {target}.")
    if not os.access(path, os.R_OK):
        raise ExecutionError(f"{target} cannot be read: no permission.")
