"""`%%kosmos_sql` and `%kosmos_sql`: read-only SQL over the history, joined with the notebook."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand

from kosmos_nb.magics.options import (
    OptionParser,
    documented_by,
    one_line_errors,
    variable_name,
    whole_number,
)
from kosmos_nb.runtime import runtime

if TYPE_CHECKING:
    import pandas as pd


class _Limit(NamedTuple):
    """How much of a result is read; None for all."""

    rows: int | None
    size_bytes: int | None


_USUAL = _Limit(100_000, 100_000_000)


def _row_limit(text: str) -> _Limit:
    """Accept a number of rows, or `all`."""
    return _Limit(None if text == "all" else whole_number(text), None)


PARSER = OptionParser(
    "%kosmos_sql",
    "Ask the history in SQL (DuckDB's dialect, read-only) and get a DataFrame. DataFrames of the\n"
    "notebook can be joined by name; where the history has that name too (as runs and verdicts), yours\n"
    "is nb.runs, nb.verdicts. The query is the rest of the line, or the cell's body.",
    [
        "%kosmos_sql --tables",
        "%kosmos_sql SELECT label, execution_time FROM execution_profiles ORDER BY started_at DESC LIMIT 5",
        "%%kosmos_sql -o slow",
        "SELECT function_name, sum(cumulative_time) AS s FROM profiling_bottlenecks GROUP BY ALL",
        "%kosmos_sql --rows all SELECT * FROM line_stats",
    ],
)
PARSER.add_argument(
    "-o", "--out", type=variable_name, metavar="VAR", help="Bind the result to VAR, show nothing."
)
PARSER.add_argument(
    "--rows",
    type=_row_limit,
    metavar="N|all",
    default=_USUAL,
    help="Read the first N rows of the result, or all; by default 100,000, and no more than 100 MB.",
)
PARSER.offer("--rows", lambda names, words: ["all"])
PARSER.add_argument("--tables", action="store_true", help="List tables, views and columns with their units.")
CELL_PARSER = PARSER.called("%%kosmos_sql")


@magics_class
class SqlMagics(Magics):
    """SQL over the history."""

    @no_var_expand
    @line_cell_magic
    @documented_by(PARSER)
    @one_line_errors
    def kosmos_sql(self, line: str = "", cell: str | None = None) -> pd.DataFrame | None:
        """Replace this by the parser's own page."""
        options, rest = (PARSER if cell is None else CELL_PARSER).parse_head(line)
        if options.help:
            return None
        history = runtime().history
        names: dict[str, Any] = self.shell.user_ns  # type: ignore[union-attr]  # a magic has its shell
        if options.tables:
            frame = history.tables()
        else:
            query = _query(rest, cell)
            frame = history.sql(query, frames=names, note=_note, **options.rows._asdict())
        if options.out is None:
            return frame
        names[options.out] = frame
        return None


def _note(line: str) -> None:
    print(f"kosmos_nb: {line}", file=sys.stderr)


def _query(rest: str, cell: str | None) -> str:
    if cell is None:
        if not rest.strip():
            raise UsageError("%kosmos_sql: the query is missing. Example: %kosmos_sql SELECT * FROM runs")
        return rest
    if rest.strip():
        raise UsageError(
            f"%%kosmos_sql: the query goes into the cell's body, not behind it: {rest.strip()!r}"
        )
    return cell
