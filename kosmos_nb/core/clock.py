"""Time as a part that can be replaced: monotonic for intervals, UTC for stamps."""

import time
from typing import Protocol


class Clock(Protocol):
    """What the rooms need to know about time."""

    def monotonic_s(self) -> float:
        """Seconds since an unknown start; never goes back."""
        ...

    def utc_us(self) -> int:
        """Microseconds since 1970-01-01 UTC."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def monotonic_s(self) -> float:
        """Seconds of `time.perf_counter`."""
        return time.perf_counter()

    def utc_us(self) -> int:
        """Microseconds of `time.time_ns`."""
        return time.time_ns() // 1000
