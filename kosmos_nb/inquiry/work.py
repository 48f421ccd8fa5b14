"""What worker processes do. Importing this costs nothing; scipy is loaded in the worker."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kosmos_nb.inquiry.columns import Column
    from kosmos_nb.inquiry.measurement import Measurement, Recheck, Test, Untestable

IMPORTS = ("kosmos_nb.inquiry.dispatch",)


def prepare(path: str, name: str) -> None:
    """Sort one numeric column and keep the order beside the data for all workers."""
    from kosmos_nb.inquiry import dispatch  # noqa: PLC0415 - the kernel must not import scipy

    dispatch.prepare(Path(path), name)


def measure(test: Test) -> Measurement | Untestable:
    """Carry out the test of one hypothesis."""
    from kosmos_nb.inquiry import dispatch  # noqa: PLC0415

    return dispatch.measure(test)


def recheck(test: Test, by: tuple[Column, ...]) -> tuple[Recheck, ...]:
    """Repeat the test inside the levels of each of the columns `by`."""
    from kosmos_nb.inquiry import dispatch  # noqa: PLC0415

    return dispatch.recheck(test, by)
