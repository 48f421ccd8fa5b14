"""Effects, and numbers with their uncertainty, as words: the same in every view."""

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


def seconds_within(value_s: float, error_s: float) -> str:
    """Return a duration with its uncertainty: `0.61 s ± 0.03`, `12 ms ± 4`, `2 min 05 s ± 3 s`.

    The error has one digit that counts and the duration as many decimals; without an error, or
    with one too small to be seen, the duration stands alone.
    """
    if not (math.isfinite(value_s) and math.isfinite(error_s)) or error_s <= 0:
        return units.seconds(value_s)
    larger_s = max(value_s, error_s)
    if larger_s >= 59.95:
        return (
            f"{units.seconds(value_s)} ± {units.seconds(error_s)}"
            if error_s >= 0.5
            else units.seconds(value_s)
        )
    unit, factor = ("s", 1.0) if larger_s >= 0.1 else ("ms", 1e3) if larger_s >= 1e-4 else ("µs", 1e6)
    return _within(value_s * factor, error_s * factor, f" {unit}") or units.seconds(value_s)


def share_within(value: float, error: float) -> str:
    """Return a share of one with its uncertainty, in percent: `82 % ± 2`, `5.4 % ± 0.8`."""
    if not (math.isfinite(value) and math.isfinite(error)) or error <= 0:
        return units.share(value)
    return _within(value * 100, error * 100, " %") or units.share(value)


def _within(value: float, error: float, unit: str) -> str:
    """Return both with the error's first digit as the last one; empty where the error cannot be seen."""
    decimals = max(0, -math.floor(math.log10(error)))
    seen = 3 - math.floor(math.log10(max(abs(value), error)))  # four digits are enough for any reader
    decimals = min(decimals, max(0, seen), 3)
    if value and not round(value, decimals) and decimals < 3:  # `0.03 s ± 0.15`, not `0.0 s ± 0.1`
        decimals += 1
    half = f"{error:.{decimals}f}"
    return f"{value:.{decimals}f}{unit} ± {half}" if float(half) > 0 else ""
