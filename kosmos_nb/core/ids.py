"""Identifiers that sort by the time they were made."""

import os
import time

_latest = 0


def uuid7() -> str:
    """Return a new UUID, version 7, as 36 lower-case characters; see `uuid7s`."""
    return uuid7s(1)[0]


def uuid7s(count: int) -> list[str]:
    """Return new UUIDs, version 7, each of 36 lower-case characters, in ascending order.

    48 bits of UTC milliseconds, 12 bits of their fraction, then 62 random bits. Those of one process
    sort in the order of making, however quickly they follow; also while a clock that was set back
    catches up: until then they are numbered on from the latest.

    Source: RFC 9562, sections 5.7 and 6.2 (method 3).
    """
    global _latest
    random = os.urandom(8 * count)
    made = []
    for begin in range(0, 8 * count, 8):
        _latest = stamp = max(_latest + 1, (time.time_ns() << 12) // 1_000_000)
        value = (stamp >> 12 & (1 << 48) - 1) << 80 | 0x7 << 76 | (stamp & 0xFFF) << 64
        value |= 0b10 << 62 | int.from_bytes(random[begin : begin + 8], "big") >> 2
        text = f"{value:032x}"
        made.append(f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}")
    return made
