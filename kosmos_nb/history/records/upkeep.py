"""What was done when a history was erased."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kosmos_nb.core import units

_PLURALS = {"call of a model": "calls of models", "backup or damaged copy": "backups or damaged copies"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What was erased, or would be.

    Attributes:
        profiles, runs, llm_calls: How many.
        named: Ids of the profiles or runs that were named one by one.
        bytes_freed: How much smaller the history is on the disk.
        trouble: Why the text may still lie in the history's files; empty where it is gone.
        deleted: Backups and other files that held it, and were deleted with the whole history.
        left: Backups and other files that may still hold it.
    """

    profiles: int
    runs: int
    llm_calls: int
    named: tuple[str, ...] = ()
    bytes_freed: int = 0
    trouble: str = ""
    deleted: tuple[Path, ...] = ()
    left: tuple[Path, ...] = ()

    @property
    def records(self) -> int:
        """How many records."""
        return self.profiles + self.runs + self.llm_calls

    def __str__(self) -> str:
        return f"{self.what()} erased, {units.size(self.bytes_freed)} freed."

    def what(self) -> str:
        """Say in words what it is about: `12 profiles and 1 run`."""
        kinds = (
            (self.profiles, "profile"),
            (self.runs, "research run"),
            (self.llm_calls, "call of a model"),
            (len(self.deleted), "backup or damaged copy"),
        )
        parts = [_counted(count, noun) for count, noun in kinds if count]
        return " and ".join([", ".join(parts[:-1]), parts[-1]] if parts[1:] else parts) or "No profile"


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {_PLURALS.get(noun, noun + 's')}"
