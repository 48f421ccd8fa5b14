"""The processes below this one: who they are, and what each has taken so far.

Linux tells by `/proc`; elsewhere psutil does, which lists every process of the machine.
"""

import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

_MODULE = re.compile(r"[\w.]+")
_VERSION = re.compile(r"(python|pypy)[\d.]*w?")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessReading:
    """What one process had taken when it was looked at.

    Attributes:
        pid: Its number.
        born: Tells apart two processes that had the same number; of no meaning otherwise.
        name: The program, without its arguments.
        age_s: Seconds since it was made.
        cpu_s: Its own CPU.
        reaped_cpu_s: CPU of those of its children that it has waited for.
        peak_bytes: Highest resident memory of its life so far; None where unknown.
        is_running: False for one that has ended and was not waited for yet.
    """

    pid: int
    born: float
    name: str
    age_s: float
    cpu_s: float
    reaped_cpu_s: float
    peak_bytes: int | None
    is_running: bool


class Descendants(Protocol):
    """Looks at the processes below this one."""

    own_read_bytes: int

    def read(self) -> list[ProcessReading]:
        """Return all of them, children before their own children."""
        ...


def descendants() -> Descendants:
    """Return what this system offers."""
    return ProcDescendants() if ProcDescendants.works() else PsutilDescendants()


def may_have_children() -> bool:
    """Return whether this process has children, or True where the system does not say; 1 us."""
    if not hasattr(os, "waitid"):  # Windows, and macOS before Python 3.13
        return True
    try:
        # Takes nothing from whoever waits for them.
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def program_name(arguments: Sequence[str]) -> str:
    """Return what is safe to show of a command line: the program, and which Python it runs.

    Other arguments may hold secrets.
    """
    if not arguments or not arguments[0]:
        return "?"
    # A process may write what it likes here (`nginx: worker`); a first word is a program.
    program = os.path.basename(arguments[0].split()[0]) or "?"  # noqa: PTH119 - a hot path
    if not _VERSION.fullmatch(program.removesuffix(".exe")):
        return program
    return f"{program} {what}" if (what := _what_python_runs(arguments[1:])) else program


def _what_python_runs(arguments: Sequence[str]) -> str | None:
    """Return `-m module`, `-c`, or the script's file name.

    Source: the Python documentation, "Command line and environment".
    """
    left = list(arguments)
    while left:
        argument = left.pop(0)
        if not argument.startswith("-") or argument == "-":
            return os.path.basename(argument)  # noqa: PTH119 - as above
        if argument.startswith("--"):
            if argument == "--check-hash-based-pycs" and left:
                left.pop(0)
            continue
        for at, letter in enumerate(argument[1:], 2):
            if letter == "c":
                return "-c"
            if letter == "m":
                module = argument[at:] or (left[0] if left else "")
                return f"-m {module}" if _MODULE.fullmatch(module) else None
            if letter in "WX":  # these take the rest, or the next argument
                if not argument[at:] and left:
                    left.pop(0)
                break
    return None


class ProcDescendants:
    """By `/proc`: about 50 us for each process."""

    def __init__(self) -> None:
        self.own_read_bytes = 0
        self._names: dict[tuple[int, float], tuple[bytes, str]] = {}
        self._own_line: bytes | None = None

    @staticmethod
    def works() -> bool:
        """Return whether the system has lists of children (Linux with CONFIG_PROC_CHILDREN)."""
        return os.path.exists(f"/proc/self/task/{os.getpid()}/children")  # noqa: PTH110 - a hot path

    def read(self) -> list[ProcessReading]:
        """Return all of them; one that ends meanwhile is left out."""
        found = []
        waiting = list(self._children_of("self"))
        while waiting:
            pid = waiting.pop(0)
            reading = self._reading(pid)
            if reading is not None:
                found.append(reading)
                waiting.extend(self._children_of(pid))
        living = {(reading.pid, reading.born) for reading in found}
        self._names = {key: name for key, name in self._names.items() if key in living}
        return found

    def _children_of(self, pid: str) -> Iterator[str]:
        try:
            threads = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208 - a hot path
        except OSError:
            return
        for thread in threads:
            for child in (self._file(f"/proc/{pid}/task/{thread}/children") or b"").split():
                yield child.decode()

    def _reading(self, pid: str) -> ProcessReading | None:
        stat = self._file(f"/proc/{pid}/stat")
        if stat is None:
            return None
        # proc_pid_stat(5); the name in brackets may hold anything.
        begin, end = stat.index(b"("), stat.rindex(b")")
        fields = stat[end + 2 :].split()
        user, system, reaped_user, reaped_system = map(int, fields[11:15])
        born = int(fields[19]) / _TICKS_PER_S
        is_running = fields[0] not in (b"Z", b"X", b"x")
        return ProcessReading(
            pid=int(pid),
            born=born,
            name=self._name(pid, born, stat[begin + 1 : end], is_running),
            age_s=time.clock_gettime(time.CLOCK_BOOTTIME) - born,
            cpu_s=_exact_cpu_s(int(pid)) or (user + system) / _TICKS_PER_S,
            reaped_cpu_s=(reaped_user + reaped_system) / _TICKS_PER_S,
            peak_bytes=self._peak_bytes(pid) if is_running else None,
            is_running=is_running,
        )

    def _peak_bytes(self, pid: str) -> int | None:
        text = self._file(f"/proc/{pid}/status") or b""
        start = text.find(b"VmHWM:")
        return int(text[start + 6 : text.find(b"kB", start)]) * 1024 if start >= 0 else None

    def _name(self, pid: str, born: float, short: bytes, is_running: bool) -> str:
        """Return the name; it is asked for anew when the process has become another program."""
        known = self._names.get((int(pid), born))
        if known is not None and (not is_running or (known[0] == short and not known[1].endswith(_FORK))):
            return known[1]
        line = self._file(f"/proc/{pid}/cmdline") or b""
        if known is not None and not line:  # it has ended since it was seen
            return known[1]
        if self._own_line is None:
            self._own_line = self._file("/proc/self/cmdline") or b""
        if line == self._own_line:
            name = program_name([os.fsdecode(line.split(b"\0")[0])]) + _FORK
        else:
            name = program_name([os.fsdecode(part) for part in line.split(b"\0")])
            if name == "?":  # it has ended, and left its short name
                name = program_name([os.fsdecode(short)])
        self._names[int(pid), born] = (short, name)
        return name

    def _file(self, path: str) -> bytes | None:
        try:
            file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            data = os.read(file, 16_384)
        except OSError:
            return None
        finally:
            os.close(file)
        self.own_read_bytes += len(data)
        return data


_FORK = " (fork)"
_TICKS_PER_S = os.sysconf("SC_CLK_TCK") if sys.platform.startswith("linux") else 100


def _exact_cpu_s(pid: int) -> float | None:
    """Return the CPU clock of another process, which `/proc` rounds down to hundredths.

    Source: clock_getcpuclockid(3), whose rule for the number glibc and Linux keep as ABI.
    """
    try:
        return time.clock_gettime(~pid << 3 | 2)
    except (OSError, OverflowError):
        return None


class PsutilDescendants:
    """By psutil: macOS, Windows and the rest."""

    own_read_bytes = 0

    def __init__(self) -> None:
        import psutil  # noqa: PLC0415 - 20 ms that Linux does not pay

        self._psutil = psutil
        self._own_line = psutil.Process().cmdline()
        self._peaks: dict[tuple[int, float], int] = {}

    def read(self) -> list[ProcessReading]:
        """Return all of them; one that ends meanwhile, or may not be looked at, is left out."""
        found = []
        for process in self._psutil.Process().children(recursive=True):
            try:
                with process.oneshot():
                    found.append(self._reading(process))
            except self._psutil.Error:
                continue
        return found

    def _reading(self, process: Any) -> ProcessReading:
        born = float(process.create_time())
        times, memory, line = process.cpu_times(), process.memory_info(), process.cmdline()
        key = (int(process.pid), born)
        # Windows keeps the peak; macOS does not, there it is the highest that was seen.
        peak = max(self._peaks.get(key, 0), int(getattr(memory, "peak_wset", memory.rss)))
        self._peaks[key] = peak
        return ProcessReading(
            pid=key[0],
            born=born,
            name=program_name(line[:1]) + _FORK if line == self._own_line else program_name(line),
            age_s=max(0.0, time.time() - born),
            cpu_s=float(times.user + times.system),
            reaped_cpu_s=float(getattr(times, "children_user", 0) + getattr(times, "children_system", 0)),
            peak_bytes=peak,
            is_running=process.status() != self._psutil.STATUS_ZOMBIE,
        )
