"""Waiting for something to become true, with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(condition: Callable[[], T], *, within_s: float = 30.0) -> T:
    """Ask `condition` until it is true and return what it said; fail after `within_s`."""
    deadline = time.monotonic() + within_s
    pause = 0.001
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"Not true within {within_s:g} s: {condition}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)
