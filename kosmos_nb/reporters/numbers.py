"""Effects as words, the same in every view."""

import math

from kosmos_nb.core import units


def finite(value: float | None) -> float | None:
    """Return the number, or None where there is none to show."""
    return value if value is not None and math.isfinite(value) else None


def effect_words(value: float, *, directed: bool) -> str:
    """Return an effect with two digits, `+0.84`, or without its plus where it has no direction.

    Effects lie between -1 and 1; one that does not, of a metric unknown here, keeps three digits.
    """
    if abs(value) < 0.005:
        return "0.00"
    text = units.signed(value) if abs(value) < 1000 else f"{value:+.2e}".replace("-", "−", 1)
    return text if directed else text.lstrip("+")
