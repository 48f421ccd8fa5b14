"""A measurement in words: the effect in the data's own units, and what so many rows can tell."""

from __future__ import annotations

import math
from collections.abc import Iterable

from kosmos_nb.core import units
from kosmos_nb.history.records import Hypothesis
from kosmos_nb.inquiry.measurement import Measurement


def effect_in_units(hypothesis: Hypothesis, measured: Measurement) -> str:
    """Return the effect as one would say it: `+49.7 mm per g, 342 rows`; empty where it has no unit."""
    raw = measured.effect_raw
    if raw is None or not math.isfinite(raw) or not measured.unit or hypothesis.family == "interaction":
        return ""
    rows = f"{measured.n:,} {_ROWS.get(hypothesis.family, 'rows')}"
    is_change = measured.is_directed and hypothesis.family != "survival"  # a ratio has no sign
    amount = f"{units.number(raw, 3, is_signed=is_change)} {_spoken(measured.unit)}"
    if not measured.is_directed:
        return f"{amount} apart, {rows}"
    return f"{amount}, {rows}"


def joined(parts: Iterable[str]) -> str:
    """Return the parts, each once and without its full stop, with semicolons between."""
    bare = (part.strip().rstrip(".;") for part in parts)
    return "; ".join(part for part in dict.fromkeys(bare) if part)


def reach(measured: Measurement, smallest: float) -> str:
    """Return what n rows can show or exclude, and what not."""
    return (
        f"n = {measured.n:,} can show or exclude effects above {measured.detectable:.2g}, not {smallest:.2g}"
    )


_ROWS = {"lag": "moments", "trend": "moments"}


def _spoken(unit: str) -> str:
    """Return `mm/g` as `mm per g`."""
    return unit.replace("/", " per ", 1) if "/" in unit and " " not in unit else unit
