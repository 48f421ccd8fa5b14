"""`python -m benchmarks`: every figure with its bar, and exit code 1 if one is missed."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import sys
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.harness import Figure, circumstances, markdown_table

NAMES = ("load_ext", "profiler", "history", "execution", "research", "install")
HEADINGS = ("figure", "bar", "value", "verdict", "how")
COLOURS = {"pass": "green", "miss": "bold red", "stated": "dim"}


def main() -> int:
    """Measure, print, and return the exit code."""
    options = _options()
    console = Console(width=None if sys.stdout.isatty() else 150)
    figures: list[Figure] = []
    for name in options.only or _present():
        console.print(f"measuring {name} …", style="dim")
        group = importlib.import_module(f"benchmarks.{name}")
        measure = getattr(group, "long_figures", group.figures) if options.long else group.figures
        figures += measure()
    about = circumstances()
    console.print(_table(figures), about)
    if options.markdown:
        Path(options.markdown).write_text(markdown(figures, about), encoding="utf-8")
    missed = [figure.name for figure in figures if figure.verdict == "miss"]
    for name in missed:
        console.print(f"missed: {name}", style="bold red", markup=False)
    return 1 if missed else 0


def markdown(figures: Iterable[Figure], about: str) -> str:
    """Return the figures as a Markdown table with their circumstances below."""
    table = markdown_table(HEADINGS, (figure.row() for figure in figures))
    return "\n".join([table, "", f"`python -m benchmarks` · {about}", ""])


def _table(figures: Iterable[Figure]) -> Table:
    table = Table(*HEADINGS)
    for figure in figures:
        name, bar, value, verdict, note = figure.row()
        colour = COLOURS[verdict]
        table.add_row(escape(name), bar, value, f"[{colour}]{verdict}[/]", escape(note))
    return table


def _present() -> list[str]:
    return [name for name in NAMES if importlib.util.find_spec(f"benchmarks.{name}")]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", choices=_present(), help="measure this alone; repeatable")
    parser.add_argument(
        "--long", action="store_true", help="with peers and other Pythons where a group has them"
    )
    parser.add_argument("--markdown", metavar="FILE", help="also write a Markdown table")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
