"""The Tab key in `%%kosmos_sql` and `%kosmos_sql SELECT …`."""

from __future__ import annotations

import re

from IPython.core.error import UsageError

from kosmos_nb.history import queryable
from kosmos_nb.magics.completion import BodyCompleter, Candidate
from kosmos_nb.magics.sql import PARSER
from kosmos_nb.magics.sql_candidates import candidates

# Another cell magic may stand above it, as %%kosmos_profile does.
_CELL = re.compile(r"\s*(?:%%\w[^\n]*\n\s*)*?%%kosmos_sql\b[^\n]*\n")
_LINE = re.compile(r"\s*+(?:[\w.,\[\]'\"\s]+=\s*)?%kosmos_sql\s+")


def query_at(cell: str, cursor: int) -> tuple[str, int] | None:
    """Return the query that the cursor is in, and its place there; None outside of SQL.

    Args:
        cell: The whole cell.
        cursor: Place in the cell.
    """
    head = _CELL.match(cell)
    if head is not None:
        return (cell[head.end() :], cursor - head.end()) if cursor >= head.end() else None
    start = cell.rfind("\n", 0, cursor) + 1
    line, place = cell[start:].split("\n", 1)[0], cursor - start
    magic = _LINE.match(line)
    if magic is None:
        return None
    try:
        words, query = PARSER.split_head(line[magic.end() :])
    except UsageError:  # a quote of an option is not closed yet
        return None
    place -= len(line) - len(query)
    if not query and (not line[-1].isspace() or (words and PARSER.wants_value(words[-1]))):
        return None  # an option is being typed
    return (query, place) if place >= 0 else None


class SqlCompleter(BodyCompleter):
    """Tables, columns and words of SQL."""

    def _candidates(self, cell: str, cursor: int) -> tuple[str, list[Candidate]]:
        found = query_at(cell, cursor)
        if found is None:
            return "", []
        return candidates(*found, queryable(), self._shell.user_ns)
