"""Correcting p-values for the number of tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray


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


def adjust(p: Mapping[str, float], family: Mapping[str, str]) -> tuple[dict[str, float], dict[str, int]]:
    """Correct within each family and over the whole run, and take the larger.

    Args:
        p: Raw p-value of every registered hypothesis, by id.
        family: Family of each, by id.

    Returns:
        The corrected values by id, and the number of tests of each family.
    """
    ids = list(p)
    over_run = dict(zip(ids, benjamini_hochberg([p[i] for i in ids]), strict=True))
    corrected: dict[str, float] = {}
    sizes: dict[str, int] = {}
    for name in dict.fromkeys(family[i] for i in ids):
        members = [i for i in ids if family[i] == name]
        sizes[name] = len(members)
        within = benjamini_hochberg([p[i] for i in members])
        corrected.update({i: float(max(w, over_run[i])) for i, w in zip(members, within, strict=True)})
    return corrected, sizes
