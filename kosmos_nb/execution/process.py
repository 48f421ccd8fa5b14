"""The parent's side of one worker process: start it, talk to it, end it."""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Iterable
from typing import IO, Any

from kosmos_nb.execution import lifelines
from kosmos_nb.execution.channel import Channel
from kosmos_nb.execution.tree import kill_group, kill_tree

_BOOTSTRAP = (
    "import sys, os; sys.path[:] = sys.argv[1].split(os.pathsep); "
    "from kosmos_nb.execution.worker import main; main(int(sys.argv[2]))"
)
# One thread for each numerical library: the workers themselves are the parallelism.
_ENVIRONMENT = {
    **dict.fromkeys(
        (
            "OMP_NUM_THREADS",
            "OPENBLAS_NUM_THREADS",
            "MKL_NUM_THREADS",
            "NUMEXPR_NUM_THREADS",
            "VECLIB_MAXIMUM_THREADS",
            "POLARS_MAX_THREADS",
        ),
        "1",
    ),
    "MPLBACKEND": "agg",  # a kernel's own backend would look for the kernel
}
_GRACE_S = 1.0
_LAST_WORDS_BYTES = 2_000

Context = tuple[str | None, list[str]]


class WorkerProcess:
    """One worker. Used by one thread, but `kill` may come from any.

    Raises from `load`, `begin` and `finish`: EOFError or OSError when the process is gone.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._is_over = False
        self._output = _output_file()
        # Modules the worker was asked to import; empty until it is up.
        self.imported: frozenset[str] = frozenset()
        # CPU seconds that are accounted for: start-up, imports, earlier tasks.
        self.spent_cpu_s = 0.0
        with lifelines.lock:
            self._process, self._channel, self._lifeline = _spawn(self._output)
            lifelines.hold(id(self), self._forget)
        self.pid = self._process.pid

    def load(self, names: Iterable[str]) -> None:
        """Wait until the worker is up and has tried to import `names`."""
        first_time = not self.imported
        self._channel.send(pickle.dumps(("import", tuple(names))))
        if first_time:
            self._channel.skip_to_mark()
        self.spent_cpu_s = self._receive()[0][1]
        self.imported |= {*names, "kosmos_nb"}

    def begin(self, call: bytes) -> bool:
        """Send a pickled call and wait until the worker begins it.

        False: it will not, since modules that it has imported changed on disk.
        """
        self._channel.send(pickle.dumps(("call", context())), call)
        return bool(self._receive()[0][0] == "began")

    def finish(self) -> tuple[tuple[Any, ...], bytearray]:
        """Wait for what came of the call: kind and figures, and the pickled value."""
        return self._receive()

    def _receive(self) -> tuple[tuple[Any, ...], bytearray]:
        header, body = self._channel.receive()
        return pickle.loads(header), body  # noqa: S301 - our own worker

    def is_alive(self) -> bool:
        """Say whether the process still runs, without taking its exit code."""
        if not hasattr(os, "waitid"):
            return self._process.poll() is None
        try:
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
        except ChildProcessError:
            return False

    def kill(self) -> None:
        """End the process and everything that it started; returns at once."""
        with self._guard:
            if not self._is_over:
                kill_tree(self.pid)

    def stop(self) -> None:
        """Ask an idle worker to end, wait a second for its exit handlers, then `bury` it."""
        with contextlib.suppress(OSError):
            self._channel.send(pickle.dumps(("stop",)))
        until_s = time.monotonic() + _GRACE_S
        # Not a timer: at the interpreter's end no thread can be started.
        while self.is_alive() and time.monotonic() < until_s:
            time.sleep(0.005)
        self.bury()

    def bury(self) -> tuple[int, float, str]:
        """End what is left of the process; return exit code, its whole CPU seconds, last words."""
        with self._guard:
            self._is_over = True
            kill_group(self.pid)  # its id is still its own: nobody has waited for it yet
        code, cpu_s = _wait(self._process)
        with lifelines.lock:
            lifelines.release(id(self))
            self._close()
        return code, cpu_s, _tail(self._output)

    def _close(self) -> None:
        self._channel.close()
        lifeline, self._lifeline = self._lifeline, -1
        if lifeline >= 0:
            os.close(lifeline)

    def _forget(self) -> None:
        """In a forked child: let go of the pipes; the process is the parent's, not ours."""
        self._is_over = True
        self._process.returncode = 0
        self._close()


def context() -> Context:
    """Working directory and import path that a call shall find in the worker.

    The standard library comes first: a `random.py` beside the notebook does no harm in a kernel
    that has imported the real one long ago, and shall do none in a fresh worker.
    """
    try:
        directory: str | None = os.getcwd()  # noqa: PTH109 - a string is what travels
    except FileNotFoundError:
        directory = None
    return directory, sorted((p for p in sys.path if isinstance(p, str)), key=_is_added)


_STANDARD_LIBRARY = sysconfig.get_path("stdlib")
_STANDARD_ZIP = f"python{sys.version_info.major}{sys.version_info.minor}.zip"


def _is_added(path: str) -> bool:
    is_standard = path.startswith(_STANDARD_LIBRARY) or path.endswith(_STANDARD_ZIP)
    return not is_standard or "site-packages" in path or "dist-packages" in path


def _spawn(output: IO[bytes] | int) -> tuple[subprocess.Popen[bytes], Channel, int]:
    there_read, here_write = os.pipe()
    here_read, there_write = os.pipe()
    has_lifeline = os.name == "posix"
    life_read, lifeline = os.pipe() if has_lifeline else (-1, -1)
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | _ENVIRONMENT
    channel = Channel(here_read, here_write)
    try:
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", _BOOTSTRAP, os.pathsep.join(context()[1]), str(life_read)],
            stdin=there_read,
            stdout=there_write,
            stderr=output,
            pass_fds=(life_read,) if has_lifeline else (),
            env=environment,
            start_new_session=True,
        )
    except BaseException:
        channel.close()
        if has_lifeline:
            os.close(lifeline)
        raise
    finally:
        for fd in (there_read, there_write, life_read):
            if fd >= 0:
                os.close(fd)
    return process, channel, lifeline


def _output_file() -> IO[bytes] | int:
    """Where the worker's standard output and error go: a nameless file, which cannot fill a pipe."""
    try:
        return tempfile.TemporaryFile(prefix="kosmos-")
    except OSError:  # no room for temporary files: the tasks still run
        return subprocess.DEVNULL


def _tail(output: IO[bytes] | int) -> str:
    if isinstance(output, int):
        return ""
    with output:
        size = output.seek(0, os.SEEK_END)
        output.seek(max(0, size - _LAST_WORDS_BYTES))
        return output.read().decode(errors="replace").strip()


def _wait(process: subprocess.Popen[bytes]) -> tuple[int, float]:
    if not hasattr(os, "wait4"):
        return process.wait(), 0.0
    try:
        _, status, usage = os.wait4(process.pid, 0)
    except ChildProcessError:  # the notebook waits for any child, and was faster
        process.returncode = 0
        return 0, 0.0
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage.ru_utime + usage.ru_stime
