"""The sentences of the bottlenecks: where, and whether it computed or waited, in plain words."""

from dataclasses import dataclass, field

from kosmos_nb.core import units
from kosmos_nb.profiling.analysis.frames import Function, WeightedPath
from kosmos_nb.profiling.analysis.stage import THREAD

# Shares of wall time. A machine with other work lowers the CPU share of code that only computes,
# hence the wide middle: off the CPU is not yet waiting for something.
COMPUTING = 0.6
WAITING = 0.1
WHOLLY = 0.9
_LONGEST_TEXT = 40


@dataclass(slots=True)
class Use:
    """How time was spent, in seconds; `threads` by id."""

    wall_s: float = 0.0
    cpu_s: float = 0.0
    lock_s: float = 0.0
    await_s: float = 0.0
    threads: set[int] = field(default_factory=set)

    def add(self, path: WeightedPath) -> None:
        """Add what a path weighs."""
        self.wall_s += path.wall_s
        self.cpu_s += path.cpu_s
        self.lock_s += path.lock_s
        self.await_s += path.await_s
        self.threads.add(path.thread_id)


def spent(use: Use) -> str:
    """Say how the time was spent, and by how many threads: `CPU-bound, 1 thread`."""
    words = activity(use)
    count = len(use.threads)
    if count > 1:
        return f"{words}, {count} threads"
    return f"{words}, 1 thread" if words == "CPU-bound" else words


def activity(use: Use) -> str:
    """Say how the time was spent: by the CPU clock, by what the event loop and the locks did."""
    if use.wall_s <= 0:
        return "CPU-bound"
    # An idle loop takes a little CPU time as well, which must not make a whole of more than one.
    awaiting = use.await_s / use.wall_s
    locked = min(use.lock_s / use.wall_s, 1 - awaiting)
    busy = min(use.cpu_s / use.wall_s, max(0.0, 1 - awaiting - locked))
    if awaiting >= WHOLLY:
        return "awaiting"
    if locked >= WHOLLY:
        return "waiting for a lock or the GIL"
    kinds = [(busy, "computing"), (awaiting, "awaiting"), (locked, "waiting for a lock or the GIL")]
    named = sorted((kind for kind in kinds if kind[0] >= WAITING), reverse=True)
    if not named:
        return "waiting (I/O or sleep)"
    if busy >= COMPUTING and len(named) == 1:
        return "CPU-bound"
    clause = ", ".join(f"{units.share(part)} {word}" for part, word in named)
    rest = 1 - sum(part for part, _ in named)
    return f"{clause}, the rest off CPU" if rest >= WAITING else clause


def share(value: float, error: float) -> str:
    """Write a share, with its error where that is more than a point: `82 %`, `82 ± 4 %`."""
    percent = units.share(value)
    if error <= 0.01:
        return percent
    return f"{percent.removesuffix(' %')} ± {error * 100:.0f} %"


def called(function: Function) -> str:
    """Return a function's name as it is called: `clean()`, without the functions around it."""
    name = function.name.rpartition("<locals>.")[2]
    return name if name.startswith("<") or function.file == THREAD else f"{name}()"


def at_line(line: int, text: str) -> str:
    """Say that it was at a line of the cell: "at line 3, `df.apply(clean)`"."""
    return f"at line {line}{_quoted(text, ', ')}"


def in_function(function: Function, line: int, text: str, *, is_of_cell: bool) -> str:
    """Say that it was in a function, and at or below which line of the cell.

    Args:
        function: The function.
        line, text: Where in the cell most of it went; zero where none of it.
        is_of_cell: Whether the line is the function's own; else one from which it was reached.
    """
    name = called(function)
    if function.file == THREAD:
        return f"in {name}"
    if not line:
        return f"in {name} ({function.file}:{function.line})"
    return (
        f"in {name} at line {line}" if is_of_cell else f"in {name}{_quoted(text, ', from ')} at line {line}"
    )


def _quoted(text: str, before: str) -> str:
    if not text:
        return ""
    short = text if len(text) <= _LONGEST_TEXT else f"{text[: _LONGEST_TEXT - 1].rstrip()}…"
    return f"{before}`{short}`"
