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
PIPS = 21


def run_table(snapshot: RunSnapshot, most: int = MOST_ROWS) -> Table:
    """Return the verdicts of a run as a table that fits 100 columns.

    Meaning never rests on colour: each verdict has its mark and its word.

    Args:
        snapshot: The run, live or ended.
        most: Rows shown; the title says how many there are and where the rest is.
    """
    from rich.table import Table  # noqa: PLC0415 - only commands draw in a terminal
    from rich.text import Text  # noqa: PLC0415

    model = run_model(snapshot)
    kept = model.rows[:most]
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
    table.add_column("p, corr.", justify="right", no_wrap=True)
    table.add_column("n", justify="right", no_wrap=True)
    for index, row in enumerate(kept):
        turn = index + 1 < len(kept) and kept[index + 1].group != row.group
        table.add_row(*_cells(row), end_section=turn)
    return table


def cost_table(snapshot: RunSnapshot) -> Table:
    """Return what a run cost, as a two-column table without a frame."""
    from rich.table import Table  # noqa: PLC0415 - only commands draw in a terminal
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column("what", style="dim", no_wrap=True)
    table.add_column("value", overflow="fold")
    for name, value in run_model(snapshot).cost:
        table.add_row(Text(name), Text(value))
    return table


def _box() -> Box:
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415 - only commands draw in a terminal

    return SIMPLE_HEAD


def _cells(row: RunRow) -> tuple[Text, ...]:
    from rich.text import Text  # noqa: PLC0415 - only commands draw in a terminal

    style = STYLES[row.sign.tone]
    statement = Text(row.statement)
    if row.why:
        statement.append(f"\n{row.why}", style="dim")
    verdict = " ".join(part for part in (row.sign.mark, row.sign.word, row.detail) if part)
    effect = Text(_strip(row), style=style)
    if row.effect_text:
        effect.append(f"\n{row.effect_text} {row.interval_text}".rstrip(), style="")
    n = units.count(row.n) if row.n else ""
    return statement, Text(verdict, style=style), effect, Text(row.p_adj), Text(n)


def _strip(row: RunRow) -> str:
    """Return a forest plot in one line of characters from −1 to 1, empty without an effect."""
    if row.effect is None:
        return ""

    def at(value: float) -> int:
        return round((min(1.0, max(-1.0, value)) + 1) / 2 * (PIPS - 1))

    line = ["·" if at(-row.smallest) <= i <= at(row.smallest) else " " for i in range(PIPS)]
    line[at(0)] = "│"
    if row.low is not None and row.high is not None:
        for i in range(at(row.low), at(row.high) + 1):
            line[i] = "─"
    line[at(row.effect)] = "●"
    return "".join(line).rstrip()
