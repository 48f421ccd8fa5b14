"""What a user sees of an error never shows what watched their code."""

import traceback
from collections.abc import Callable
from typing import Any

from kosmos_nb.profiling import traceback_shadow
from kosmos_nb.profiling.traceback_shadow import leave_out_watchers

WATCHER = """
def calls(function):
    function()

def fails_after_an_error():
    try:
        1 / 0
    except ZeroDivisionError:
        raise KeyboardInterrupt
"""


def watcher() -> dict[str, Any]:
    """Return functions that pass for some of the profiler's."""
    names: dict[str, Any] = {}
    exec(compile(WATCHER, traceback_shadow.__file__.replace("shadow", "test"), "exec"), names)
    return names


def shown(call: Callable[[], object]) -> str:
    try:
        call()
    except BaseException as error:
        leave_out_watchers(error)
        return "".join(traceback.format_exception(error))
    raise AssertionError("It did not fail.")


def user_fails() -> None:
    raise KeyError("of the user")


def test_frames_between_those_of_the_user_are_left_out():
    text = shown(lambda: watcher()["calls"](user_fails))
    assert "user_fails" in text
    assert "kosmos_nb" not in text


def test_errors_that_led_to_this_one_show_no_frame_either():
    text = shown(watcher()["fails_after_an_error"])
    assert text.rstrip().endswith("KeyboardInterrupt")
    assert "kosmos_nb" not in text


def test_errors_that_lead_to_each_other_come_to_an_end():
    first, second = ValueError("first"), ValueError("second")
    first.__context__, second.__context__ = second, first
    leave_out_watchers(first)
    assert first.__context__ is second
