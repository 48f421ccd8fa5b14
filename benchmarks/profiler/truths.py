"""Programs whose costs are known, because they read the clocks themselves.

Each does fixed work in named parts. A part's truth is what its clocks said in runs without any
profiler, since that is what a user wants to know; a profiler that slows one part more than
another, and then reports it faithfully, is wrong. No part keeps many objects: what memory and its
collection cost depends on what else the process holds.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field


@dataclass
class Clocks:
    """What the parts took, by the wall and by the CPU clock of the thread that ran them."""

    wall_s: dict[str, float] = field(default_factory=dict)
    cpu_s: dict[str, float] = field(default_factory=dict)

    def add(self, name: str, wall_s: float, cpu_s: float) -> None:
        """Add seconds to a part."""
        self.wall_s[name] = self.wall_s.get(name, 0.0) + wall_s
        self.cpu_s[name] = self.cpu_s.get(name, 0.0) + cpu_s


@dataclass(frozen=True)
class Truth:
    """One program.

    Attributes:
        name: As in the tables.
        scene: Runs it: clocks, and the turns of a plain loop that make a millisecond.
        parts: Function names, or lines of `three_lines` counted from its `def`, whose shares are judged.
        clock: By which an engine is judged if it has both.
        of: Shares of everything, or of the parts together (threads: who else waits is a matter of taste).
        leaves: Parts that call nothing: for them self time is all time.
    """

    name: str
    scene: Callable[[Clocks, int], None]
    parts: tuple[str, ...]
    clock: str = "cpu"
    of: str = "whole"
    leaves: tuple[str, ...] = ()

    @property
    def first_line(self) -> int:
        """The line of this file where the scene begins."""
        return self.scene.__code__.co_firstlineno


def timed(clocks: Clocks, part: Callable[[int], object], size: int) -> None:
    """Run a part under the clocks."""
    wall_s, cpu_s = time.perf_counter(), time.thread_time()
    try:
        part(size)
    finally:
        clocks.add(part.__name__, time.perf_counter() - wall_s, time.thread_time() - cpu_s)


def spin_turns_per_ms() -> int:
    """Return how many turns of the plain loop make a millisecond here."""
    best_s = min(_spun_s(20_000) for _ in range(50))
    return max(1, round(20_000 / best_s / 1e3))


def _spun_s(turns: int) -> float:
    began_s = time.thread_time()
    plain(turns)
    return time.thread_time() - began_s


def plain(turns: int) -> int:
    total = 0
    for n in range(turns):
        total = (total + n * 3) % 7919
    return total


# --- 70:30 -------------------------------------------------------------------------------------------


def seventy(turns: int) -> int:
    total = 0
    for n in range(turns):
        total = (total + n * 3) % 7919
    return total


def thirty(turns: int) -> int:
    total = 0
    for n in range(turns):
        total = (total + n * 3) % 7919
    return total


def split(clocks: Clocks, ms: int) -> None:
    for _ in range(10):
        timed(clocks, seventy, 70 * ms)
        timed(clocks, thirty, 30 * ms)


# --- many tiny calls against one loop ----------------------------------------------------------------


def tiny(n: int) -> int:
    return n + 1


def calls(turns: int) -> None:
    for n in range(turns):
        tiny(n)


def tiny_and_loop(clocks: Clocks, ms: int) -> None:
    for _ in range(10):
        timed(clocks, calls, 50 * ms)
        timed(clocks, plain, 50 * ms)


# --- recursion ---------------------------------------------------------------------------------------


def recurses(n: int) -> int:
    return n if n < 2 else recurses(n - 1) + recurses(n - 2)


def recursion(clocks: Clocks, ms: int) -> None:
    for _ in range(10):
        timed(clocks, recurses, 28)
        timed(clocks, plain, 40 * ms)


# --- C code that holds the interpreter, and C code that lets it go -----------------------------------

_NUMBERS: list[float] = []


def holds(size: int) -> None:
    sorted(_numbers(), key=None)
    sorted(_numbers(), reverse=True)


def _numbers() -> list[float]:
    if not _NUMBERS:
        draw = random.Random(1)
        _NUMBERS.extend(draw.random() for _ in range(150_000))
    return _NUMBERS


def c_holds(clocks: Clocks, ms: int) -> None:
    _numbers()
    for _ in range(8):
        timed(clocks, holds, 0)
        timed(clocks, plain, 60 * ms)


_BLOCK = bytes(1) * 12_000_000


def frees(size: int) -> None:
    for _ in range(size):
        hashlib.blake2b(_BLOCK).digest()


def c_frees(clocks: Clocks, ms: int) -> None:
    for _ in range(8):
        timed(clocks, frees, 4)
        timed(clocks, plain, 50 * ms)


# --- sleep -------------------------------------------------------------------------------------------


def sleeps(ms: int) -> None:
    time.sleep(ms / 1e3)


def sleep(clocks: Clocks, ms: int) -> None:
    for _ in range(8):
        timed(clocks, sleeps, 60)
        timed(clocks, plain, 60 * ms)


# --- two coroutines that compute ---------------------------------------------------------------------


async def sixty_task(clocks: Clocks, ms: int) -> None:
    for _ in range(4000):
        wall_s, cpu_s = time.perf_counter(), time.thread_time()
        total = 0
        for n in range(3 * ms // 10):
            total = (total + n * 3) % 7919
        clocks.add("sixty_task", time.perf_counter() - wall_s, time.thread_time() - cpu_s)
        await asyncio.sleep(0)


async def forty_task(clocks: Clocks, ms: int) -> None:
    for _ in range(4000):
        wall_s, cpu_s = time.perf_counter(), time.thread_time()
        total = 0
        for n in range(2 * ms // 10):
            total = (total + n * 3) % 7919
        clocks.add("forty_task", time.perf_counter() - wall_s, time.thread_time() - cpu_s)
        await asyncio.sleep(0)


def coroutines(clocks: Clocks, ms: int) -> None:
    async def both() -> None:
        await asyncio.gather(sixty_task(clocks, ms), forty_task(clocks, ms))

    asyncio.run(both())


# --- two threads that compute ------------------------------------------------------------------------


def sixty_thread(turns: int) -> int:
    total = 0
    for n in range(turns):
        total = (total + n * 3) % 7919
    return total


def forty_thread(turns: int) -> int:
    total = 0
    for n in range(turns):
        total = (total + n * 3) % 7919
    return total


def threads(clocks: Clocks, ms: int) -> None:
    both = [
        threading.Thread(target=timed, args=(clocks, sixty_thread, 600 * ms)),
        threading.Thread(target=timed, args=(clocks, forty_thread, 400 * ms)),
    ]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()


# --- generators and comprehensions -------------------------------------------------------------------


def odd(turns: int) -> Iterator[int]:
    for n in range(turns):
        if n % 2:
            yield n


def tripled(numbers: Iterator[int]) -> Iterator[int]:
    for n in numbers:
        yield n * 3


def generates(turns: int) -> int:
    return sum(tripled(odd(turns)))


def comprehends(turns: int) -> int:
    return sum([sum([m * n % 7 for m in range(20)]) for n in range(turns // 26)])


def generators(clocks: Clocks, ms: int) -> None:
    for _ in range(10):
        timed(clocks, generates, 40 * ms)
        timed(clocks, comprehends, 40 * ms)
        timed(clocks, plain, 20 * ms)


# --- an exception in the middle ----------------------------------------------------------------------


def before(turns: int) -> int:
    total = 0
    for n in range(turns):
        total = (total + n * 3) % 7919
    return total


def fails(turns: int) -> None:
    total = 0
    for n in range(turns):
        total = (total + n * 3) % 7919
    raise LookupError("in the middle")


def raises(clocks: Clocks, ms: int) -> None:
    for turn in range(10):
        timed(clocks, before, 60 * ms)
        try:
            timed(clocks, fails, 40 * ms)
        except LookupError:
            if turn == 9:
                raise
    timed(clocks, plain, 100 * ms)


# --- lines of one function ---------------------------------------------------------------------------


def three_lines(clocks: Clocks, ms: int) -> None:
    now = time.perf_counter, time.thread_time
    for _ in range(10):
        times = [(now[0](), now[1]())]
        squares = sum([n * n % 7 for n in range(30 * ms)])
        times.append((now[0](), now[1]()))
        lengths = sum(map(int.bit_length, range(40 * ms)))
        times.append((now[0](), now[1]()))
        total = sum(n % 7 for n in range(40 * ms))
        times.append((now[0](), now[1]()))
        clocks.add("line 5", times[1][0] - times[0][0], times[1][1] - times[0][1])
        clocks.add("line 7", times[2][0] - times[1][0], times[2][1] - times[1][1])
        clocks.add("line 9", times[3][0] - times[2][0], times[3][1] - times[2][1])
        assert lengths > squares > total % 7


def scene(truth: Truth, clocks: Clocks, ms: int) -> None:
    """Run a program: one frame below which all of it happens."""
    truth.scene(clocks, ms)


TRUTHS = (
    Truth("70:30 split", split, ("seventy", "thirty"), leaves=("seventy", "thirty")),
    Truth("tiny calls, one loop", tiny_and_loop, ("calls", "plain"), leaves=("plain",)),
    Truth("recursion", recursion, ("recurses", "plain"), leaves=("recurses", "plain")),
    Truth("C holds the GIL", c_holds, ("holds", "plain"), leaves=("plain",)),
    Truth("C frees the GIL", c_frees, ("frees", "plain"), leaves=("frees", "plain")),
    Truth("sleep", sleep, ("sleeps", "plain"), clock="wall", leaves=("sleeps", "plain")),
    Truth("asyncio 60:40", coroutines, ("sixty_task", "forty_task"), leaves=("sixty_task", "forty_task")),
    Truth("threads 60:40", threads, ("sixty_thread", "forty_thread"), of="parts"),
    Truth("generators", generators, ("generates", "comprehends", "plain"), leaves=("plain",)),
    Truth("an exception", raises, ("before", "fails"), leaves=("before", "fails")),
    Truth("lines of a function", three_lines, ("line 5", "line 7", "line 9")),
)
