"""A run as Rich tables, for `kosmos demo` and other commands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from kosmos_nb.core import units
from kosmos_nb.history import RunSnapshot
from kosmos_nb.reporters.run_model import RunRow, run_model

if TYPE_CHECKING:
    from rich.box import Box
    from rich.table import Table
    from rich.text import Text

MOST_ROWS = 60
STYLES: Mapping[str, str] = {
    "ok": "bold green",
    "mid": "yellow",
    "bad": "red",
    "no": "",
    "off": "dim",
    "run": "cyan",
}


def run_table(snapshot: RunSnapshot, most: int = MOST_ROWS) -> Table:
    """Return the verdicts of a run as a table that fits 100 columns.

    Meaning never rests on colour: each verdict has its mark and its word.

    Args:
        snapshot: The run, live or ended.
        most: Rows shown; the title says how many there are and where the rest is.
    """
    from rich.table import Table  # noqa: PLC0415 - only commands draw in a terminal
    from rich.text import Text  # noqa: PLC0415

    model = run_model(snapshot, most)
    kept = model.rows
    left = f" · showing {len(kept)} of {model.total}, all in run.verdicts" if len(kept) < model.total else ""
    counts = " · ".join(f"{word} {number}" for _, word, number in model.counts)
    table = Table(
        title=Text(model.question, style="bold"),
        caption=Text(f"{counts}{left}\n{'; '.join(model.legend)}"),
        caption_justify="left",
        width=None,
        box=_box(),
        pad_edge=False,
    )
    table.add_column("hypothesis", ratio=1, overflow="fold")
    table.add_column("verdict", no_wrap=True)
    table.add_column("effect, 95 % interval", no_wrap=True)
    table.add_column("p", justify="right", no_wrap=True)
    table.add_column("corr. p", justify="right", no_wrap=True)
    table.add_column("n", justify="right", no_wrap=True)
    for index, row in enumerate(kept):
        turn = index + 1 < len(kept) and kept[index + 1].group != row.group
        table.add_row(*_cells(row), end_section=turn)
    return table


def why_table(snapshot: RunSnapshot, most: int = MOST_ROWS) -> Table:
    """Return why verdicts carry caveats, one line a hypothesis; without caveats, no rows."""
    from rich.table import Table  # noqa: PLC0415 - only commands draw in a terminal
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column("formula", ratio=2, overflow="fold")
    table.add_column("reason", ratio=5, overflow="fold")
    for row in run_model(snapshot, most).rows:
        if row.caveats and row.reason:
            table.add_row(Text(row.formula), Text(row.reason, style="dim"))
    return table


def cost_table(snapshot: RunSnapshot) -> Table:
    """Return what a run cost, as a two-column table without a frame."""
    from rich.table import Table  # noqa: PLC0415 - only commands draw in a terminal
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column("what", style="dim", no_wrap=True)
    table.add_column("value", overflow="fold")
    for name, value in run_model(snapshot, 0).cost:
        table.add_row(Text(name), Text(value))
    return table


def _box() -> Box:
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415 - only commands draw in a terminal

    return SIMPLE_HEAD


def _cells(row: RunRow) -> tuple[Text, ...]:
    from rich.text import Text  # noqa: PLC0415 - only commands draw in a terminal

    statement = Text(row.formula)
    if row.caveats:
        statement.append(f"\n{', '.join(row.caveats)}", style="dim")
    verdict = " ".join(part for part in (row.sign.mark, row.sign.word, row.detail) if part)
    return (
        statement,
        Text(verdict, style=STYLES[row.sign.tone]),
        Text(f"{row.effect_text} {row.interval_text}".strip()),
        Text(row.p),
        Text(row.p_adj),
        Text(units.count(row.n) if row.n else ""),
    )
