"""What is odd about a table, told before any hypothesis is tested."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kosmos_nb.history.records.base import Drawn

Rank = Literal["blocks", "warns", "notes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One odd thing about a table or some of its columns.

    Attributes:
        code: Caveat code of design.md, section 3.
        rank: `blocks`: no verdict that rests on it is believed; `warns`: it may explain a finding;
            `notes`: good to know, the tests take care of it.
        columns: Those concerned, the first is the one that it is said of; empty: the whole table.
        sentence: The same in plain words, with numbers.
        rows: Rows concerned; 0 where that says nothing.
    """

    code: str
    rank: Rank
    columns: tuple[str, ...]
    sentence: str
    rows: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnSketch:
    """One column at a glance.

    Attributes:
        kind: `numeric`, `category` or `unusable`.
        missing: Rows without a value.
        summary: Range and median, or the commonest levels, in words.
        codes: Caveat codes that concern it.
    """

    name: str
    kind: str
    missing: int
    summary: str
    codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Screening(Drawn):
    """A first look at a table: its columns and what is odd about them.

    Attributes:
        data_name: What the user calls the table.
        n_rows, n_columns: As given.
        rows_are: How the rows hang together, in words: `independent`, `in order of year`, …
        columns: In the table's order.
        notices: The worst first.
        dropped: Sentences on what a run would drop, merge or count as missing.
        wall_s: What the look took.
    """

    data_name: str
    n_rows: int
    n_columns: int
    rows_are: str
    columns: tuple[ColumnSketch, ...]
    notices: tuple[Notice, ...]
    dropped: tuple[str, ...] = ()
    wall_s: float = 0.0
