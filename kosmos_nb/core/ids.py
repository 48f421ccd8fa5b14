"""Identifiers that sort by the time they were made."""

import secrets
import time
import uuid


def uuid7() -> str:
    """Return a new UUID, version 7, as 36 lower-case characters.

    48 bits of UTC milliseconds, then 74 random bits; sorts by time of making.

    Source: RFC 9562, section 5.7.
    """
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds & (1 << 48) - 1) << 80 | 0x7 << 76 | secrets.randbits(12) << 64
    value |= 0b10 << 62 | secrets.randbits(62)
    return str(uuid.UUID(int=value))
