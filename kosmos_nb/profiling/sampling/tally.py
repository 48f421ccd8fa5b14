"""What the samples of the measured thread add up to.

They are added up many at a time, not where they are taken: what the handler of a tick touches pushes
the code's own data out of the processor's caches, and the code pays for that.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from kosmos_nb.profiling.sampling.glimpses import Glimpse
from kosmos_nb.profiling.sampling.stack import NOT_SUSPENDED, SampledStack, Suspension
from kosmos_nb.profiling.sampling.waits import Wait
from kosmos_nb.profiling.sampling.walk import FrameTable, StackKey
from kosmos_nb.profiling.sampling.weights import Weight, Weights

WaitingKey = tuple[tuple[StackKey, ...], bool, bool]  # a Suspension with keys for its stacks
MOST_WAITING_SLOTS = 150_000
# At a line where the thread was seen sleeping, or waiting for the system, in one look of five, it
# was not kept off the CPU by a lock: it wants the interpreter there for our own signals' sake. Fewer
# are chance: a line may do both.
SLEEPS = 0.2


class Moment(NamedTuple):
    """The clocks when a sample is taken.

    Attributes:
        due_s: When it fell due, by the wall clock.
        wall_s, cpu_s, process_s: Wall clock, CPU clock of the thread, CPU clock of the process.
        interval_s: The time after which the sample had been asked for.
        is_shared: Whether other threads of the code were seen.
        wait: What the thread does in the kernel, where somebody else looked.
    """

    due_s: float
    wall_s: float
    cpu_s: float
    process_s: float
    interval_s: float
    is_shared: bool = False
    wait: Wait = Wait.UNKNOWN


class Sample(NamedTuple):
    """What was seen at one moment.

    Attributes:
        key: The stack.
        suspension: Where a coroutine waited.
        now: The clocks.
        glimpses: Where the thread was seen before, while it kept the sample waiting.
        rss_bytes: Resident memory, where it is added up by stack.
    """

    key: StackKey
    suspension: Suspension
    now: Moment
    glimpses: Sequence[Glimpse] = ()
    rss_bytes: int | None = None


class Tally:
    """The stacks of the measured thread, with the time they weigh.

    Args:
        table: Numbers of the frames.
        began: The clocks when it began.
        base: How many of the outermost frames are not the code's.
        rss_bytes: Resident memory then.

    Attributes:
        table: As above; the sampler may give another one before the first sample.
    """

    def __init__(self, table: FrameTable, began: Moment, base: int, rss_bytes: int) -> None:
        self.table = table
        self._wall_s, self._cpu_s, self._process_s = began.wall_s, began.cpu_s, began.process_s
        self._rss_bytes = rss_bytes
        self._newest: Weight | None = None
        self._waits = False  # was the thread off the CPU before the newest sample?
        self._weights: Weights[int] = Weights(base=base)
        self._waiting: dict[WaitingKey, int] = {((), False, False): 0}
        self._waiting_slots = 0

    def add(self, sample: Sample, own_wall_s: float, own_cpu_s: float) -> None:
        """Add the time until a sample, since the one before it fell due, to a stack.

        What has gone by since it fell due itself is left to the next one. The time in which the
        sample was taken belongs to nobody's line; but while the code waits it goes on waiting.

        Args:
            sample: What was seen.
            own_wall_s, own_cpu_s: How long it took to see it.
        """
        key, suspension, now, glimpses, rss_bytes = sample
        if glimpses:  # where it is now, it has just come to
            self._add_glimpses(glimpses, now)
            weight = self._weight(glimpses[-1].suspension, glimpses[-1].key)
        else:
            weight = self._weight(suspension, key)
        if not glimpses or now.due_s > self._wall_s:
            self._weigh(weight, now)
        self._newest = weight
        if rss_bytes is not None:
            if glimpses and len(key) < len(glimpses[-1].key):  # it has returned, and let go of its own memory
                weight = self._weight(suspension, key)
            self._note_memory(weight, rss_bytes)
        if not self._waits:
            self._wall_s += own_wall_s
        self._cpu_s += own_cpu_s
        self._process_s += own_cpu_s

    def finish(self, glimpses: Sequence[Glimpse], now: Moment) -> None:
        """Give what is left up to the end to where the thread was seen last.

        Longer than a sample can be late there were none: nobody knows.
        """
        self._add_glimpses(glimpses, now)
        weight, left_s = self._newest, now.wall_s - self._wall_s
        if weight is None or left_s <= 0 or (left_s > 2 * now.interval_s and not glimpses):
            return
        weight.wall_s += left_s
        weight.cpu_s += min(left_s, max(0.0, now.cpu_s - self._cpu_s))
        self._wall_s = now.wall_s

    def stacks(self, looks_at: dict[int, Counter[Wait]]) -> list[SampledStack]:
        """Return what was added up.

        Args:
            looks_at: What the thread was seen doing in the kernel, by innermost frame.
        """
        waiting = {number: key for key, number in self._waiting.items()}
        stack = self.table.stack
        found = []
        for head, key, weight in self._weights.items():
            at, is_idle, in_loop = waiting[head]
            suspension = Suspension(tuple([stack(one) for one in at]), is_idle, in_loop)
            lock_s = _lock_s(weight, looks_at.get(key[0]) if key else None)
            found.append(weight.sampled(stack(key), suspension, lock_s))
        return found

    def _add_glimpses(self, glimpses: Sequence[Glimpse], now: Moment) -> None:
        for at in glimpses:
            until_s = min(at.wall_s, now.due_s)
            weight = self._weight(at.suspension, at.key)
            if until_s > self._wall_s:
                clocks = (at.wall_s, at.cpu_s, at.process_s)
                self._weigh(weight, Moment(until_s, *clocks, now.interval_s, now.is_shared))
            if at.rss_bytes is not None:
                self._note_memory(weight, at.rss_bytes)
            self._newest = weight

    def _weigh(self, weight: Weight, now: Moment) -> None:
        """Add what has gone by until a sample fell due."""
        due_s, now_s, thread_s, all_s, interval_s, is_shared, wait = now
        since_s = now_s - self._wall_s
        due_share = min(1.0, (due_s - self._wall_s) / since_s) if due_s > self._wall_s else 0.0
        wall_s = since_s * due_share
        cpu_s = max(0.0, thread_s - self._cpu_s) * due_share
        process_s = max(0.0, all_s - self._process_s) * due_share
        lock_s = 0.0
        if is_shared and wait in (Wait.LOCK, Wait.UNKNOWN):
            lock_s = max(0.0, min(wall_s - cpu_s, process_s - cpu_s))
        weight.add(wall_s, cpu_s, lock_s, interval_s)
        self._wall_s += wall_s
        self._cpu_s += cpu_s
        self._process_s += process_s
        self._waits = cpu_s < wall_s / 2

    def _weight(self, suspension: Suspension, key: StackKey) -> Weight:
        return self._weights.of(self._waiting_number(suspension), key)

    def _waiting_number(self, suspension: Suspension) -> int:
        if suspension is NOT_SUSPENDED:
            return 0
        stacks, is_idle, in_loop = suspension
        waiting: WaitingKey = (tuple([self.table.key_of(at) for at in stacks]), is_idle, in_loop)
        number = self._waiting.get(waiting)
        if number is None:
            if self._waiting_slots > MOST_WAITING_SLOTS:  # too many different ones: where they begin
                waiting = (tuple({at[-2:] for at in waiting[0]}), is_idle, in_loop)
            number = self._waiting.setdefault(waiting, len(self._waiting))
            self._waiting_slots += sum(len(at) + 10 for at in waiting[0]) + 20
        return number

    def _note_memory(self, weight: Weight, rss_bytes: int) -> None:
        weight.memory_bytes += rss_bytes - self._rss_bytes
        self._rss_bytes = rss_bytes


def _lock_s(weight: Weight, looks: Counter[Wait] | None) -> float:
    """Return how long the thread was kept waiting by a lock.

    That is no longer than it was off the CPU while others computed, and no larger a share of the
    time than that of the looks which saw it in a lock: in those that saw it run it needed none,
    and waited for a CPU.
    """
    if looks is None:
        return weight.lock_s
    if looks[Wait.OTHER] > SLEEPS * looks.total():
        return 0.0
    return min(weight.lock_s, weight.wall_s * looks[Wait.LOCK] / looks.total())
