"""What one room needs of another that it does not know: `runtime` introduces them, on first need."""

from collections.abc import Callable
from typing import Any

PROFILER = "profiler"  # makes what `execution` profiles code with

_makers: dict[str, Callable[..., Any]] = {}
_filler: Callable[[], None] | None = None


def offer(name: str, maker: Callable[..., Any]) -> None:
    """Let `maker` make what others know as `name`; a later call replaces an earlier one."""
    _makers[name] = maker


def set_filler(filler: Callable[[], None]) -> None:
    """Name the function that offers the standard parts; it runs once, on first need."""
    global _filler
    _filler = filler


def maker(name: str) -> Callable[..., Any]:
    """Return what makes `name`.

    Raises:
        KeyError: Nobody offers it.
    """
    global _filler
    if name not in _makers and _filler is not None:
        filler, _filler = _filler, None
        filler()
    return _makers[name]
