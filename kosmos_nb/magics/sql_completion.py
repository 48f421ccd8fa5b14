"""The Tab key in `%%kosmos_sql` and `%kosmos_sql SELECT …`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from IPython.core.error import UsageError

from kosmos_nb.history import queryable
from kosmos_nb.magics.completion import TabCompleter
from kosmos_nb.magics.frontend import cell_at_tab
from kosmos_nb.magics.sql import PARSER
from kosmos_nb.magics.sql_candidates import Candidate, candidates

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


class SqlCompleter(TabCompleter):
    """Tables, columns and words of SQL."""

    priority = 10.0  # before Python's own, which has nothing to say there

    def _candidates(self, cell: str, cursor: int) -> tuple[str, list[Candidate]]:
        found = query_at(cell, cursor)
        if found is None:
            return "", []
        return candidates(*found, queryable(), self._shell.user_ns)

    def _new_matcher(self) -> Any:
        from IPython.core.completer import SimpleCompletion  # noqa: PLC0415 - IPython 8.6 and later

        def kosmos_sql_matcher(context: Any) -> Any:
            lines = context.full_text.split("\n")
            cursor = sum(len(line) + 1 for line in lines[: context.cursor_line]) + context.cursor_position
            begun, found = self._candidates(context.full_text, cursor)
            if not found:
                return {"completions": [], "suppress": False}
            completions = [SimpleCompletion(one.text, type=one.kind) for one in found]
            return {"completions": completions, "matched_fragment": begun, "suppress": True, "ordered": True}

        return kosmos_sql_matcher

    def _old_matcher(self, completer: Any) -> tuple[list[Any], Callable[[str], list[str]]]:
        def kosmos_sql_matcher(_: str) -> list[str]:
            line = completer.text_until_cursor
            begun, found = self._candidates(*(cell_at_tab(self._shell) or (completer.line_buffer, len(line))))
            # What IPython replaces is its own last word, which may begin elsewhere than SQL's.
            word = completer.splitter.split_line(line)
            if word.endswith(begun):
                return [word[: len(word) - len(begun)] + one.text for one in found]
            cut = begun[: len(begun) - len(word)]
            return [one.text[len(cut) :] for one in found if one.text.startswith(cut)]

        # Where one of these knows something, Python's own are not asked.
        return completer.magic_arg_matchers, kosmos_sql_matcher
