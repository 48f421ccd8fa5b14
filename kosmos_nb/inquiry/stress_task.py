"""What a worker needs to stress a finding, and what it says."""

from __future__ import annotations

from dataclasses import dataclass

from kosmos_nb.inquiry.measurement import Measurement, Test


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordeal:
    """A finding to be stressed.

    Attributes:
        smallest: Smallest effect of interest on the rank scale.
    """

    test: Test
    measured: Measurement
    smallest: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Stressed:
    """What the stress tests say: caveat codes, and sentences."""

    codes: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()
