"""How a view stays within what a notebook may keep."""

import json
from collections.abc import Callable
from typing import TypeVar

View = TypeVar("View")


def saved_bytes(value: object) -> int:
    """Return how many bytes `value` takes in a saved notebook: its JSON in UTF-8."""
    return len(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def most_that_fit(build: Callable[[int], View], most: int, limit_bytes: int | None) -> View:
    """Return `build(k)` for the largest k, from 0 to `most`, that is within the limit.

    `build(0)` is returned even where it is too long: a view never vanishes.

    Args:
        build: Draws the view with its first k rows; longer for larger k.
        most: How many rows there are.
        limit_bytes: Limit on `saved_bytes`; None for no limit.
    """
    whole = build(most)
    if limit_bytes is None or saved_bytes(whole) <= limit_bytes:
        return whole
    fits, low, high = build(0), 0, most
    while high - low > 1:
        middle = (low + high) // 2
        drawn = build(middle)
        if saved_bytes(drawn) <= limit_bytes:
            fits, low = drawn, middle
        else:
            high = middle
    return fits
