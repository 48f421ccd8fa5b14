"""What stacks weigh, added up in bounded memory."""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Generic, TypeVar

from kosmos_nb.profiling.sampling.stack import RawStack, SampledStack, Suspension
from kosmos_nb.profiling.sampling.walk import CUT_NUMBER, INNERMOST, OUTERMOST, StackKey

# In slots of 8 bytes: about 2.4 MB for all stacks, twice that while they are merged.
MOST_SLOTS = 220_000
_SLOTS_EACH = 70  # the entry, its key and its numbers
Head = TypeVar("Head", bound=Hashable)


class Weight:
    """Sums over the samples that saw one stack; fields as in `SampledStack`."""

    __slots__ = ("cpu_s", "grain_s", "grain_s2", "lock_s", "memory_bytes", "samples", "wall_s")

    def __init__(self) -> None:
        self.wall_s = self.cpu_s = self.lock_s = self.grain_s = self.grain_s2 = 0.0
        self.samples = self.memory_bytes = 0

    def add(self, wall_s: float, cpu_s: float, lock_s: float, interval_s: float) -> None:
        """Add a sample; its grain is at most the interval that was asked for."""
        self.wall_s += wall_s
        self.cpu_s += cpu_s
        self.lock_s += lock_s
        self.samples += 1
        grain_s = min(wall_s, interval_s)
        self.grain_s += grain_s
        self.grain_s2 += grain_s * grain_s

    def sampled(
        self, frames: RawStack, suspended: Suspension, lock_s: float, thread_id: int = 0, thread: str = ""
    ) -> SampledStack:
        """Return it with what it weighs; arguments as in `SampledStack`."""
        return SampledStack(
            frames,
            suspended,
            self.wall_s,
            self.cpu_s,
            self.samples,
            lock_s=lock_s,
            grain_s=self.grain_s,
            grain_s2=self.grain_s2,
            memory_bytes=self.memory_bytes,
            thread=thread,
            thread_id=thread_id,
        )

    def merge(self, other: "Weight") -> None:
        """Add another one."""
        for name in Weight.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class Weights(Generic[Head]):
    """Weights of stacks, by a head (what else tells samples apart) and the stack.

    When there are too many different stacks, their middles are left out, more and more: the inner
    frames, whose own time it is, and the outer ones, the code's lines, go last.

    Args:
        base: How many of the outermost frames go last of all.
        most_slots: How large it may grow, in slots of 8 bytes.
        stand_ins: Given all heads, oldest first, says which one is to stand for which when there is
            too much of all.
    """

    def __init__(
        self,
        base: int = 0,
        most_slots: int = MOST_SLOTS,
        stand_ins: Callable[[Sequence[Head]], Mapping[Head, Head]] | None = None,
    ) -> None:
        self._stand_ins = stand_ins
        self._base = base
        self._most_slots = most_slots
        self._inner, self._outer = 2 * INNERMOST, OUTERMOST
        self._by_key: dict[tuple[Head, StackKey], Weight] = {}
        self._slots = 0

    def __len__(self) -> int:
        return len(self._by_key)

    def of(self, head: Head, key: StackKey) -> Weight:
        """Return the weight to which a sample of this stack is added."""
        if len(key) > self._inner:
            key = self.short(key)
        weight = self._by_key.get((head, key))
        if weight is None:
            weight = self._by_key[head, key] = Weight()
            self._slots += len(key) + _SLOTS_EACH
            if self._slots > self._most_slots:
                self._merge()
                weight = self.of(head, key)
        return weight

    def items(self) -> Iterator[tuple[Head, StackKey, Weight]]:
        """Return what was added up."""
        for (head, key), weight in self._by_key.items():
            yield head, key, weight

    def short(self, key: StackKey) -> StackKey:
        """Return a key without its middle, as far as that is needed by now."""
        outer = self._base + self._outer
        if len(key) <= self._inner + outer + 1:
            return key
        return (*key[: self._inner], CUT_NUMBER, *key[len(key) - outer :])

    def _merge(self) -> None:
        if self._stand_ins is not None:
            self._add_up(self._stand_ins(list(dict.fromkeys(head for head, _ in self._by_key))))
        while self._slots > self._most_slots // 2 and self._inner > 1:
            self._inner, self._outer = self._inner // 2, self._outer // 2
            self._add_up({})
        while self._slots > self._most_slots // 2 and self._base > 0:
            self._base -= 1
            self._add_up({})
        if self._slots > self._most_slots // 2:
            # Cut as short as can be: there are at most as many as numbers of frames.
            self._most_slots = 2 * self._slots

    def _add_up(self, heads: Mapping[Head, Head]) -> None:
        merged: dict[tuple[Head, StackKey], Weight] = {}
        for (head, key), weight in self._by_key.items():
            known = merged.setdefault((heads.get(head, head), self.short(key)), weight)
            if known is not weight:
                known.merge(weight)
        self._by_key = merged
        self._slots = sum(len(key) + _SLOTS_EACH for _, key in merged)
