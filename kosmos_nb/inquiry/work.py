"""What worker processes do. Importing this costs nothing; scipy is loaded in the worker."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kosmos_nb.history.records import Hypothesis

if TYPE_CHECKING:
    from kosmos_nb.inquiry.columns import Column
    from kosmos_nb.inquiry.measurement import Measurement, Recheck, Untestable

IMPORTS = ("kosmos_nb.inquiry.dispatch",)


@dataclass(frozen=True, slots=True)
class Test:
    """One registered hypothesis with what its test needs.

    Attributes:
        path: The run's file of arrays.
        x, y: The two columns.
        seed: Of the permutations; depends on the run's seed and the hypothesis alone.
    """

    hypothesis: Hypothesis
    path: str
    x: Column
    y: Column
    alpha: float
    seed: int


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
