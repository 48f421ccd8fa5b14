"""What the sampler hands to the analysis: stacks of raw frames, and the time they weigh."""

from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import NamedTuple

RawStack = list[tuple[CodeType, int]]  # code and position in it, outermost first


class Suspension(NamedTuple):
    """Where a coroutine stands while it is not on the stack.

    Attributes:
        stacks: Its frames, the outermost first. While the loop has nothing to run there is one
            stack for each task that it waits for, and the time is split evenly among them. Empty
            where the coroutine is on the stack, or there is none.
        is_idle: Whether the loop has nothing to run, and so everybody waits.
        in_loop: Whether it is the main task of a loop which is on the stack, as `asyncio.run` has
            it; else it is the measured code itself.
    """

    stacks: tuple[RawStack, ...] = ()
    is_idle: bool = False
    in_loop: bool = False


NOT_SUSPENDED = Suspension()

# Given the innermost frame of the thread of the loop, says where the measured coroutine stands.
Suspended = Callable[[FrameType | None], Suspension]


@dataclass(frozen=True, slots=True)
class SampledStack:
    """All samples of one thread that saw the same stack.

    Attributes:
        frames: The stack, outermost first.
        suspended: Where the measured coroutine stood while it was not on the stack.
        wall_s, cpu_s: Elapsed and thread CPU seconds since the sample before, added up.
        samples: How many samples saw it.
        lock_s: Of `wall_s`, off the CPU for a lock or the GIL while other threads computed.
        grain_s, grain_s2: Sum, and sum of squares, of that part of each sample's wall time about
            which the sample is a guess: at most the interval that was asked for. What a late
            sample weighs beyond it was spent in the C call that kept the sampler waiting.
        memory_bytes: Growth of resident memory since the sample before, added up.
        thread: Name of the thread; empty for the one that runs the measured code.
        thread_id: Tells threads of one name apart; 0 for the one that runs the measured code. Of many
            thousands of threads the first one of a pool stands for those that have long ended.
    """

    frames: RawStack
    suspended: Suspension
    wall_s: float
    cpu_s: float
    samples: int
    lock_s: float = 0.0
    grain_s: float = 0.0
    grain_s2: float = 0.0
    memory_bytes: int = 0
    thread: str = ""
    thread_id: int = 0
