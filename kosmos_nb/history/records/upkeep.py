"""What was found or done when a history was verified, salvaged or erased."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kosmos_nb.core import units

# Called with what is being done, how much of it is done, and how much there is of it.
Watch = Callable[[str, int, int], None]
_PLURALS = {"call of a model": "calls of models", "backup or damaged copy": "backups or damaged copies"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """A record, or what records share, that is no longer what was saved.

    Attributes:
        kind: What it is.
        id: The record's id; of a source or an environment its hash.
        reason: `changed` where it is not what its checksum says, `unreadable` where SQLite cannot read it.
    """

    kind: Literal["profile", "run", "llm_call", "code", "environment"]
    id: str
    reason: Literal["changed", "unreadable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What a history was found to be.

    Attributes:
        records: Profiles, runs and calls of models that are there.
        sound: Those of them that are what was saved.
        unverified: Those of them from before there were checksums; they can be read, no more is known.
        damage: Records, sources and environments that are not sound.
        complaints: What SQLite says of the file as a whole; empty where it is sound.
    """

    records: int
    sound: int
    unverified: int
    damage: tuple[Damage, ...]
    complaints: tuple[str, ...]

    @property
    def is_sound(self) -> bool:
        """Whether nothing is damaged."""
        return not self.damage and not self.complaints

    def __str__(self) -> str:
        old = f"; {self.unverified:,} more are from before there were checksums" if self.unverified else ""
        bad = sum(one.kind in ("profile", "run", "llm_call") for one in self.damage)
        damaged = f", {bad:,} damaged" if bad else ""
        file = "; the file itself is damaged" if self.complaints else ""
        return f"{_counted(self.records, 'record')}: {self.sound:,} sound{damaged}{old}{file}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Salvaged:
    """What was copied from a damaged history.

    Attributes:
        file: The damaged database; it is kept as it is.
        records: Profiles, runs and calls of models of which anything is left, without those erased.
        copied: Those of them that are sound, and are now in the present history.
        present: Those of them that are sound, and were there already.
        unverified: Those copied that are from before there were checksums.
        erased: Ids that were erased, and are not brought back.
    """

    file: Path
    records: int
    copied: int
    present: int
    unverified: int
    erased: int

    @property
    def damaged(self) -> int:
        """Records of which something is lost or changed."""
        return self.records - self.copied - self.present

    def __str__(self) -> str:
        there = f", {self.present:,} were there already" if self.present else ""
        lost = f", {self.damaged:,} are damaged" if self.damaged else ""
        old = f"; {self.unverified:,} are from before there were checksums" if self.unverified else ""
        of = _counted(self.records, "record")
        return f"{self.copied:,} of {of} of {self.file} copied{there}{lost}{old}."


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
