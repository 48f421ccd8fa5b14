"""Identifiers that sort by the time they were made."""

import os
import time

_latest_ms = 0


def uuid7() -> str:
    """Return a new UUID, version 7, as 36 lower-case characters.

    48 bits of UTC milliseconds, then 74 random bits; sorts by time of making, within one process also
    when the clock is set back.

    Source: RFC 9562, sections 5.7 and 6.2.
    """
    global _latest_ms
    _latest_ms = milliseconds = max(_latest_ms, time.time_ns() // 1_000_000)
    bits = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & (1 << 48) - 1) << 80 | 0x7 << 76 | (bits >> 62 & 0xFFF) << 64
    value |= 0b10 << 62 | bits & (1 << 62) - 1
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
