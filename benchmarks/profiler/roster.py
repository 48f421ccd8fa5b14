"""Who is compared, and who shares a process with whom."""

from __future__ import annotations

NONE = "none"
AGAIN = "none again (A/A)"
LIGHT, STANDARD, FULL = "kosmos light", "kosmos standard", "kosmos full"
OURS = (LIGHT, STANDARD, FULL)
OUTSIDE = ("py-spy", "profiling.sampling")
TRACERS = ("cProfile", "cProfile + tracemalloc", "pyinstrument", "memray", "line_profiler")
ENGINES = (NONE, AGAIN, *OURS, *OUTSIDE, *TRACERS)


def groups(engines: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Return who shares a worker: all samplers one, each tracer its own.

    A tracer leaves marks in the interpreter (specialised bytecode thrown away, hooked allocators)
    that would slow down whoever came next. Every group has its own run without a profiler.
    """
    samplers = tuple(name for name in engines if name != NONE and name not in TRACERS)
    return [group for group in (samplers, *((name,) for name in engines if name in TRACERS)) if group]


# What a peer has no way to report: they follow one thread, or functions only.
CANNOT = {
    "cProfile": {"threads 60:40", "lines of a function"},
    "cProfile + tracemalloc": {"threads 60:40", "lines of a function"},
    "pyinstrument": {"threads 60:40", "lines of a function"},
    "line_profiler": {"threads 60:40"},
}
