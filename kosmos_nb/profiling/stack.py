"""What the sampler hands to the analysis: stacks of raw frames, and the time they weigh."""

from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType

RawStack = list[tuple[CodeType, int]]  # code and position in it, outermost first
Suspended = Callable[[], RawStack]  # gives the frames of the measured coroutine while it waits


@dataclass(frozen=True, slots=True)
class SampledStack:
    """All samples of one thread that saw the same stack.

    Attributes:
        frames: The stack, outermost first.
        suspended: Frames of the measured coroutine while it was not on the stack.
        wall_s, cpu_s: Elapsed and thread CPU seconds since the sample before, added up.
        samples: How many samples saw it.
        lock_s: Of `wall_s`, off the CPU for a lock or the GIL while other threads computed.
        grain_s, grain_s2: Sum, and sum of squares, of that part of each sample's wall time about
            which the sample is a guess: at most the interval that was asked for. What a late
            sample weighs beyond it was spent in the C call that kept the sampler waiting.
        memory_bytes: Growth of resident memory since the sample before, added up.
        thread: Name of the thread; empty for the one that runs the measured code.
        thread_id: Tells threads of one name apart; 0 for the one that runs the measured code.
    """

    frames: RawStack
    suspended: RawStack
    wall_s: float
    cpu_s: float
    samples: int
    lock_s: float = 0.0
    grain_s: float = 0.0
    grain_s2: float = 0.0
    memory_bytes: int = 0
    thread: str = ""
    thread_id: int = 0
