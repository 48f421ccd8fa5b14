"""Correcting p-values for the number of tests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Key = TypeVar("Key", bound=Hashable)
Correction = Callable[[Sequence[float]], NDArray[np.float64]]


def benjamini_hochberg(p: Sequence[float]) -> NDArray[np.float64]:
    """Return adjusted p-values that control the false discovery rate.

    Args:
        p: Raw p-values, shape (m,); 1 for a test that was registered and gave none.

    Returns:
        Adjusted values in the same order, shape (m,), at least the raw ones, at most 1.

    Source: Benjamini and Hochberg, JRSS B 57 (1995).
    """
    raw = np.asarray(p, dtype=np.float64)
    m = len(raw)
    if m == 0:
        return raw
    order = np.argsort(raw)[::-1]
    scaled = raw[order] * m / np.arange(m, 0, -1)
    adjusted = np.empty(m)
    adjusted[order] = np.minimum(1.0, np.minimum.accumulate(scaled))
    return adjusted


def benjamini_yekutieli(p: Sequence[float]) -> NDArray[np.float64]:
    """Return adjusted p-values that control the false discovery rate under any dependence.

    Args:
        p: As for `benjamini_hochberg`.

    Source: Benjamini and Yekutieli, Annals of Statistics 29 (2001).
    """
    m = len(p)
    return np.minimum(1.0, benjamini_hochberg(p) * float(np.sum(1 / np.arange(1, m + 1))))


def adjust(
    p: Mapping[Key, float], family: Mapping[Key, str], by: Correction = benjamini_hochberg
) -> tuple[dict[Key, float], dict[str, int]]:
    """Correct within each family and over the whole run, and take the larger.

    Args:
        p: Raw p-value of every registered hypothesis, by id.
        family: Family of each, by id.
        by: The correction.

    Returns:
        The corrected values by id, and the number of tests of each family.
    """
    ids = list(p)
    over_run = dict(zip(ids, by([p[i] for i in ids]), strict=True))
    corrected: dict[Key, float] = {}
    sizes: dict[str, int] = {}
    members: dict[str, list[Key]] = defaultdict(list)
    for one in ids:
        members[family[one]].append(one)
    for name, those in members.items():
        sizes[name] = len(those)
        within = by([p[one] for one in those])
        corrected.update({one: float(max(w, over_run[one])) for one, w in zip(those, within, strict=True)})
    return corrected, sizes
