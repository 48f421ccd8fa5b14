"""How the rows of a table hang together, and so on which rows each hypothesis is tested."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kosmos_nb.history.records import Notice
from kosmos_nb.inquiry.columns import Column, Source
from kosmos_nb.inquiry.measurement import How


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """What a row is, and the files for the tests.

    Attributes:
        rows: The rows as they are.
        views: The same for tests that need other rows.
        unit: Column that tells the subjects; empty where every row is its own.
        fixed: Columns that hardly vary within a subject.
        time: Column that orders the rows; empty where there is none.
        is_ordered: Whether neighbouring rows resemble each other.
        rows_are: In words: `independent`, `in the order of year`, `10 a subject`.
        notices: What the screens found.
        dropped: What was dropped or changed, in sentences.
        remark: A sentence for every verdict: that the run is exploratory.
    """

    rows: Source
    views: Mapping[How, Source] = field(default_factory=dict)
    unit: str = ""
    fixed: frozenset[str] = frozenset()
    time: str = ""
    is_ordered: bool = False
    rows_are: str = "independent"
    notices: tuple[Notice, ...] = ()
    dropped: tuple[str, ...] = ()
    remark: str = ""

    @property
    def columns(self) -> tuple[Column, ...]:
        """All columns of the table."""
        return self.rows.columns

    def how(self, columns: tuple[Column, ...]) -> How:
        """Return which rows serve a test of these columns; decided by the columns alone."""
        if any(column.name in self.fixed for column in columns):
            return "subjects"
        if self.is_ordered:
            return "innovations"
        if self.unit:
            return "contrasts" if all(column.kind == "numeric" for column in columns) else "within"
        return "rows"

    def source(self, how: How) -> Source:
        """Return the file of these rows."""
        return self.views.get(how, self.rows)
