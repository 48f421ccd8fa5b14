"""A notebook's cells as one table, each with what it cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table
from rich.text import Text

from kosmos_nb.core import units

if TYPE_CHECKING:
    from rich.console import Console

    from kosmos_nb.cli.profile.notebook import CellProfile


WIDE = 110


def total(cells: Sequence[CellProfile]) -> dict[str, float]:
    """Return what the cells cost together: seconds added up, the highest peak."""
    profiles = [cell.profile for cell in cells]
    return {
        "wall_s": sum(profile.wall_s for profile in profiles),
        "cpu_s": sum(profile.cpu_s for profile in profiles),
        "peak_bytes": max((profile.peak_bytes for profile in profiles), default=0),
        "overhead_s": sum(profile.overhead_s for profile in profiles),
    }


def print_notebook(console: Console, cells: Sequence[CellProfile], *, name: str, of: int) -> None:
    """Print one row a cell, and the total.

    Args:
        console: Where to.
        cells: The profiled cells.
        name: The notebook's. of: How many code cells it has to run.
    """
    count = f"{len(cells)} code cells" if len(cells) == of else f"{len(cells)} of {of} code cells"
    table = Table(
        title=Text(f"Profile of {name}: {count}", style="bold"),
        title_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
        show_footer=True,
    )
    whole = total(cells)
    is_wide = console.width >= WIDE
    table.add_column("cell", justify="right", no_wrap=True)
    table.add_column("starts with", "total", ratio=2, overflow="ellipsis" if is_wide else "fold")
    table.add_column("wall", units.seconds(whole["wall_s"]), justify="right", no_wrap=True)
    table.add_column("CPU", units.seconds(whole["cpu_s"]), justify="right", no_wrap=True)
    table.add_column("peak", units.size(whole["peak_bytes"]), justify="right", no_wrap=True)
    if is_wide:
        table.add_column("what took the time", ratio=3, overflow="fold")
    for cell in cells:
        *numbers, reading = _row(cell)
        if is_wide:
            table.add_row(*numbers, reading)
        else:  # below the cell's first line, which a narrow terminal has room for
            table.add_row(numbers[0], Group(numbers[1], reading) if reading else numbers[1], *numbers[2:])
    console.print(table)
    overhead = f"profiler {units.seconds(whole['overhead_s'])}"
    mode = f"{cells[0].profile.mode} · " if cells else ""
    console.print(Text(f"{mode}{overhead}", style="dim"))


def _row(cell: CellProfile) -> tuple[Text, ...]:
    profile = cell.profile
    first = next((line for line in cell.source.splitlines() if line.strip()), "")
    reading = profile.bottlenecks[0].reading if profile.bottlenecks else ""
    if profile.status != "ok":
        reading = f"✗ {profile.status}" + (
            f" with {profile.exception_type}" if profile.exception_type else ""
        )
    return (
        Text(f"[{cell.number}]"),
        Text(first.strip()),
        Text(units.seconds(profile.wall_s)),
        Text(units.seconds(profile.cpu_s)),
        Text(units.size(profile.peak_bytes)),
        Text(reading, style="red" if profile.status != "ok" else ""),
    )
