"""Threads by their pool: how many names become few."""

import re
from collections.abc import Sequence

ThreadHead = tuple[int, str]  # our number for a thread, and its name

# So many of the threads that were seen last stand for themselves: they may still live.
NEWEST_THREADS = 200
MOST_POOLS = 200
OTHERS = "other threads"
# As Python names them: by a pool's prefix and number, by class and number, by target.
_NUMBERED = re.compile(r"^(.+)_\d+$|^(Thread|Dummy)-\d+( \(.+\))?$")


def pool_name(name: str) -> str:
    """Return the name that the threads of a pool share.

    `Thread-3 (work)` is `Thread (work)`, `ThreadPoolExecutor-0_2` is `ThreadPoolExecutor-0`.
    """
    return _NUMBERED.sub(r"\1\2\3", name)


def stand_ins(threads: Sequence[ThreadHead]) -> dict[ThreadHead, ThreadHead]:
    """Return which thread stands for which, where there are very many.

    For each of the older ones that is the first one of its pool; where even the pools are too many,
    `OTHERS`. Threads are then counted as fewer than there were.

    Args:
        threads: In the order in which they were first seen.
    """
    found: dict[ThreadHead, ThreadHead] = {}
    firsts: dict[str, ThreadHead] = {}
    for thread in threads[: max(0, len(threads) - NEWEST_THREADS)]:
        pool = pool_name(thread[1])
        if pool not in firsts and len(firsts) < MOST_POOLS:
            firsts[pool] = thread
        found[thread] = firsts.get(pool, (threads[0][0], OTHERS))
    return found
