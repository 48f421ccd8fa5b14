"""What a worker needs to read a run's table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A table to read, and what the user says of it.

    Attributes:
        copy: The file with the user's table; folder: where the files for the tests go.
        unit, time, reference, control: As in a `Question`.
        split: Whether to halve the rows. seed: Of the halving.
    """

    copy: Path
    folder: Path
    unit: str | None = None
    time: str | None = None
    reference: str | None = None
    split: bool = False
    seed: int = 0
