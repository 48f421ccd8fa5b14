"""How sure a sampled share is: half the width of its 95 % interval.

A sample says what ran at one moment and stands for the time u since the moment before, its grain.
A part with the share p of the grain is seen as a sum of weighted yes-no answers, so

    variance of its time = p (1 - p) * sum(u²) * EXCESS

For answers that do not depend on each other EXCESS would be 1 (Cochran, Sampling Techniques, 3rd
ed., ch. 3 and 7). But code may repeat itself in step with the sampler. Written as waves of angular
frequency w, code of any shape has at most the variance of its worst wave, which for intervals u is

    1 + 2 E[u] Re(E[u exp(iwu)] / (1 - E[exp(iwu)])) / E[u²]

times that of independent answers: the covariances of a renewal process, summed. Its largest value
over all w is 1.52 for the intervals that the sampler takes (`SPREAD`); it would be 3.1 for ±30 %.

Few samples give a poor p, and none of a rare part say "never". Agresti and Coull (The American
Statistician 52, 1998, 119-126) add two answers of each kind before p is taken; so do we.

What a late sample weighs beyond its grain is known, not guessed: it adds no variance.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from kosmos_nb.profiling.analysis.frames import WeightedPath

Z = 1.96
EXCESS = 1.52
_ADDED = 2.0  # answers of each kind


@dataclass(frozen=True, slots=True)
class Grain:
    """What the samples of a profile leave to guess.

    Attributes:
        total_s: Sum of the samples' grains.
        total_s2: Sum of their squares.
    """

    total_s: float = 0.0
    total_s2: float = 0.0

    @classmethod
    def of(cls, paths: Iterable[WeightedPath]) -> "Grain":
        """Return the grain of all samples."""
        total_s = total_s2 = 0.0
        for path in paths:
            total_s += path.grain_s
            total_s2 += path.grain_s2
        return cls(total_s, total_s2)

    def error_s(self, grain_s: float) -> float:
        """Return half the width of the 95 % interval of a part's wall time, in seconds.

        Args:
            grain_s: The grain of the samples that saw the part.
        """
        if self.total_s2 <= 0 or self.total_s <= 0:
            return 0.0
        answers = self.total_s**2 / self.total_s2  # as many equal ones would be as sure
        seen = min(1.0, max(0.0, grain_s / self.total_s)) * answers
        share = (seen + _ADDED) / (answers + 2 * _ADDED)
        return Z * math.sqrt(share * (1 - share) * self.total_s2 * EXCESS)
