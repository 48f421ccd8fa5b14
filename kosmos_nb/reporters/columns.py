"""Text tables in fixed-width columns, at most 100 wide, in any script."""

import textwrap
import unicodedata
from collections.abc import Iterable, Sequence

from kosmos_nb.reporters.markup import clean

WIDTH = 100


def width(text: str) -> int:
    """Return how many terminal columns `text` takes: wide characters two, marks none."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF") for c in text)


def clip(text: str, most: int) -> str:
    """Return `text` cleaned and cut to `most` columns, with `…` where something is missing."""
    text = clean(text, most * 2)
    if width(text) <= most:
        return text
    while text and width(text) > most - 1:
        text = text[:-1]
    return text.rstrip() + "…"


def pad(text: str, columns: int, *, right: bool = False) -> str:
    """Fill `text` with spaces to `columns`, on its left where `right` is set."""
    space = " " * max(0, columns - width(text))
    return space + text if right else text + space


def wrap(text: str, *, indent: int = 0, hang: int | None = None) -> list[str]:
    """Return `text` in lines of at most 100 columns, indented; later lines by `hang`."""
    room = WIDTH if width(text) <= len(text) else WIDTH // 2  # textwrap counts characters, not columns
    later = " " * (indent if hang is None else hang)
    lines = textwrap.wrap(
        clean(text), room, initial_indent=" " * indent, subsequent_indent=later, break_on_hyphens=False
    )
    return lines or [""]


def grid(head: Sequence[str], rows: Iterable[Sequence[str]], *, right: Iterable[int] = ()) -> list[str]:
    """Return the lines of a table, columns two apart, each as wide as its widest cell; at most 100 wide.

    Args:
        head: Column names.
        rows: Cells, clipped by the caller.
        right: Columns set flush right.
    """
    lines = [list(head), *(list(row) for row in rows)]
    widths = [max(width(line[i]) for line in lines) for i in range(len(head))]
    flush = set(right)
    return [
        clip("  ".join(pad(cell, widths[i], right=i in flush) for i, cell in enumerate(line)).rstrip(), WIDTH)
        for line in lines
    ]
