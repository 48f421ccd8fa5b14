"""The checksum of a record: damage that SQLite does not see is found when the record is read.

It is the SHA-256 of the record's rows. What the store itself adds stays out, and so do empty values: a
column that a later version adds, whose default is empty, changes no checksum.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

# Added by the store, which differs from store to store; shared with other records, or added later.
_STAMPED = frozenset(("seq", "origin", "cell_key", "checksum"))
_SHARED = frozenset(("codes", "environments", "annotations"))
_NO_ITEMS = ("[]", "{}")
_encode = json.JSONEncoder(sort_keys=True).encode


def checksum(rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Return the checksum of a record's rows, by table; 64 hexadecimal characters."""
    digest = hashlib.sha256()
    for table in sorted(rows):
        if table in _SHARED:
            continue
        for row in rows[table]:
            told = {
                name: plain
                for name, value in row.items()
                if (plain := _plain(value)) and plain not in _NO_ITEMS and name not in _STAMPED
            }
            digest.update(_encode([table, told]).encode())
    return digest.hexdigest()


def text_hash(text: str) -> str:
    """Return the SHA-256 that names a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def environment_hash(row: Mapping[str, Any]) -> str:
    """Return the SHA-256 that names an environment, of its row."""
    told = {name: value for name, value in row.items() if name not in ("seq", "hash")}
    return text_hash(json.dumps(told, sort_keys=True))


def _plain(value: Any) -> Any:
    """Return a value as SQLite gives it back, whichever way it was put in."""
    if type(value) is str or type(value) is int:  # mostly; this is a quarter of what a save takes
        return value
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return int(value) if value.is_integer() else value
    return int(value) if isinstance(value, bool) else value
