"""Garbage collections that fall due while the profiler works, left to the cell they belong to."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collections_held_back() -> Iterator[None]:
    """Let no collection begin inside; one that is due begins afterwards.

    A cell that made millions of objects makes a full collection due, 0.1 s long; falling into the
    profiler's few lines it would be the profiler's cost, and a lie.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
