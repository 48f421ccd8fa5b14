"""Effects as words, the same in every view."""

import math

from kosmos_nb.core import units


def finite(value: float | None) -> float | None:
    """Return the number, or None where there is none to show."""
    return value if value is not None and math.isfinite(value) else None


def digits_for(low: float | None, high: float | None) -> int:
    """Return how many digits an effect needs so that its interval is seen: 2 to 4."""
    if low is None or high is None or round(low, 4) == round(high, 4):
        return 2
    return next((digits for digits in (2, 3) if abs(high - low) >= 2 * 10**-digits), 4)


def effect_words(value: float, *, directed: bool, digits: int = 2) -> str:
    """Return an effect with that many digits, `+0.84`, or without its plus where it has no direction.

    Effects lie between -1 and 1; one that does not, of a metric unknown here, keeps three digits.
    """
    if abs(value) < 0.5 * 10**-digits:
        return f"{0:.{digits}f}"
    text = units.signed(value, digits) if abs(value) < 1000 else f"{value:+.2e}".replace("-", "−", 1)
    return text if directed else text.lstrip("+")
