"""What worker processes do. Importing this costs nothing; scipy is loaded in the worker."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kosmos_nb.inquiry.blocks import Block
    from kosmos_nb.inquiry.columns import Column
    from kosmos_nb.inquiry.design import Design
    from kosmos_nb.inquiry.measurement import Answer, How
    from kosmos_nb.inquiry.reading_task import Reading
    from kosmos_nb.inquiry.stress_task import Ordeal, Stressed

IMPORTS = ("kosmos_nb.inquiry.dispatch", "kosmos_nb.inquiry.survey")


def read(reading: Reading) -> tuple[Design, ...]:
    """Read and screen a table, and write the files for its tests."""
    from kosmos_nb.core.memory import give_back  # noqa: PLC0415
    from kosmos_nb.inquiry import survey  # noqa: PLC0415 - the kernel must not import scipy

    try:
        return survey.read(reading)
    finally:
        give_back()


def prepare(path: str, names: tuple[str, ...]) -> None:
    """Sort numeric columns and keep their orders beside the data for all workers."""
    from kosmos_nb.inquiry import dispatch  # noqa: PLC0415

    dispatch.prepare(Path(path), names)


def measure(block: Block) -> tuple[Answer, ...]:
    """Carry out the tests of a block."""
    from kosmos_nb.inquiry import dispatch  # noqa: PLC0415

    return dispatch.measure(block)


def stress(ordeals: tuple[Ordeal, ...], others: Mapping[How, tuple[Column, ...]]) -> tuple[Stressed, ...]:
    """Stress findings; `others` are the columns of the table, for each kind of rows."""
    from kosmos_nb.inquiry import dispatch  # noqa: PLC0415

    return tuple(dispatch.stress(ordeal, others[ordeal.test.how]) for ordeal in ordeals)
