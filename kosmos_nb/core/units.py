"""Numbers as people read them. One place, so that text, HTML and terminal agree."""

import math


def seconds(value: float) -> str:
    """Format a duration: `312 µs`, `4.20 ms`, `1.31 s`, `2 min 05 s`."""
    if value < 0:
        return "−" + seconds(-value)
    if value < 0.9995e-3:
        return f"{value * 1e6:.0f} µs"
    if value < 0.9995:
        return f"{value * 1e3:.3g} ms"
    if value < 59.95:
        return f"{value:.3g} s"
    whole = round(value)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def size(value: float) -> str:
    """Format bytes in decimal units: `512 B`, `40 kB`, `212 MB`, `1.24 GB`."""
    if value < 0:
        return "−" + size(-value)
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= factor * 0.9995:
            number = value / factor
            return f"{number:.3g} {unit}" if number < 999.5 else f"{number:.0f} {unit}"
    return f"{value:.0f} B"


def size_change(value: float) -> str:
    """Format a change in bytes with its sign: `+418 MB`, `−3.1 kB`, `0 B`."""
    return size(value) if value <= 0 else "+" + size(value)


def count(value: int) -> str:
    """Format a whole number with thin groups: `48 211`."""
    return f"{value:,}".replace(",", "\u202f")


def counted(value: int, noun: str) -> str:
    """Format a number of things: `1 row`, `48 211 rows`."""
    return f"{count(value)} {noun}" + ("" if value == 1 else "s")


def dollars(value: float) -> str:
    """Format a cost: `$12.40`, `$0.031`, `$0`, `< $0.0001`."""
    if value < 0:
        return "−" + dollars(-value)
    if value >= 0.9995:
        return f"${value:,.2f}"
    return f"${value:.3g}" if value >= 1e-4 or value == 0 else "< $0.0001"


def share(value: float) -> str:
    """Format a share of one as a percentage: `82 %`, `0.6 %`."""
    percent = value * 100
    return f"{percent:.0f} %" if percent >= 9.95 or percent == 0 else f"{percent:.1f} %"


def p_value(value: float | None) -> str:
    """Format a p-value: `< 1e-9`, `3.1e-05`, `0.61`; nothing where there is none."""
    if value is None or math.isnan(value):
        return ""
    if value < 1e-9:
        return "< 1e-9"
    return f"{value:.1e}" if value < 1e-3 else f"{value:.2g}"


def signed(value: float | None, digits: int = 2) -> str:
    """Format an effect with its sign and a true minus: `+0.87`, `−0.58`."""
    if value is None or math.isnan(value):
        return ""
    text = f"{value:+.{digits}f}"
    return text.replace("-", "−")


def number(value: float, digits: int = 5, *, is_signed: bool = False) -> str:
    """Format a value of any size with a true minus: `2.2046`, `−999`, `12,000`, `3.1e−07`.

    Args:
        value: Finite.
        digits: How many count; whole numbers below 1e12, and others below 1e7, keep all before the point.
        is_signed: Show the plus as well.
    """
    if value == 0:
        return "0"
    size = abs(value)
    is_whole = size < 1e12 and value == round(value)
    form = ",.0f" if is_whole or 10**digits - 0.5 <= size < 1e7 else f",.{digits}g"
    return format(value, ("+" if is_signed else "") + form).replace("-", "−")
