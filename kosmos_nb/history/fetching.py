"""Reading a query's result up to a limit, so that no query fills the kernel's memory.

DuckDB hands a result out in pieces, and computes no further than it is asked. Every piece is a
DataFrame of DuckDB's own making, and together they have the types that one DataFrame would have.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kosmos_nb.core import HistoryError, units

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

# A piece is so many vectors of 2,048 rows; as many as make some megabytes.
_MOST_VECTORS = 32
_PIECE_BYTES = 16_000_000


@dataclass(frozen=True, slots=True)
class Limit:
    """How much of a result is read.

    Attributes:
        rows: At most so many rows; None for all.
        size_bytes: At most so many bytes as a DataFrame, but one row; None for all. What lies
            inside of lists and structs does not count.
    """

    rows: int | None = None
    size_bytes: int | None = None

    def __post_init__(self) -> None:
        for name, value in (("rows", self.rows), ("size_bytes", self.size_bytes)):
            if value is not None and value < 1:
                raise HistoryError(f"{name} is a number above zero, or None for all, and cannot be {value}.")


@dataclass(slots=True)
class _Read:
    """What was read so far."""

    pieces: list[pd.DataFrame]
    rows: int = 0
    size_bytes: int = 0


def fetch(result: duckdb.DuckDBPyConnection, limit: Limit) -> tuple[pd.DataFrame, list[str]]:
    """Read the result of a connection's last query up to a limit.

    Returns:
        The rows, with the types that `result.df()` gives, and where there are more of them, a
        line that says so.
    """
    if limit.rows is None and limit.size_bytes is None:
        return result.df(), []
    read, vectors = _Read([]), 1
    while len(piece := result.fetch_df_chunk(vectors)):
        piece_bytes = _size_bytes(piece)
        n_fitting = _n_fitting(piece, piece_bytes, read, limit)
        if n_fitting < len(piece):
            if n_fitting:  # `take`, for a slice would keep the whole piece alive
                read.pieces.append(piece.take(range(n_fitting)).reset_index(drop=True))
            return _joined(read.pieces), [_note(read.rows + n_fitting, limit)]
        read.pieces.append(piece)
        read.rows += len(piece)
        read.size_bytes += piece_bytes
        vectors = max(1, min(_MOST_VECTORS, _PIECE_BYTES * vectors // max(1, piece_bytes)))
    return _joined(read.pieces or [piece]), []


def without_the_rest(parser: duckdb.DuckDBPyConnection, query: str, limit: Limit) -> str:
    """Let a query that sorts keep the first rows only: it would sort all before it hands out one.

    Args:
        parser: A connection that only parses.
        query: A SELECT. Its lines stay lines, to which an error can point.
        limit: One row more is kept, which tells that there are more.
    """
    import duckdb  # noqa: PLC0415 - 0.2 s, needed by queries only

    if limit.rows is None:
        return query
    first = f"FROM (\n{query.rstrip().rstrip(';')}\n) LIMIT {limit.rows + 1}"
    try:
        parser.extract_statements(first)
    except duckdb.Error:  # a semicolon before a comment: then all is sorted
        return query
    return first


def _size_bytes(frame: pd.DataFrame) -> int:
    return int(frame.memory_usage(index=False, deep=True).sum())


def _n_fitting(piece: pd.DataFrame, piece_bytes: int, read: _Read, limit: Limit) -> int:
    """Return how many rows of the next piece are within the limit."""
    n_rows = len(piece)
    if limit.rows is not None:
        n_rows = min(n_rows, limit.rows - read.rows)
    room_bytes = math.inf if limit.size_bytes is None else limit.size_bytes - read.size_bytes
    if piece_bytes > room_bytes:
        n_rows = bisect_right(range(1, n_rows + 1), room_bytes, key=lambda n: _size_bytes(piece.iloc[:n]))
    return n_rows or (0 if read.rows else 1)


def _note(n_rows: int, limit: Limit) -> str:
    of = "" if n_rows == limit.rows or limit.size_bytes is None else f", {units.size(limit.size_bytes)}"
    rows = "row" if n_rows == 1 else f"{n_rows:,} rows"
    return f"Only the first {rows}{of}; --rows all (in Python rows=None) gives all."


def _joined(pieces: list[pd.DataFrame]) -> pd.DataFrame:
    """Put the pieces together column by column; of whole frames pandas changes NULLs into NaN."""
    import pandas as pd  # noqa: PLC0415 - 0.2 s; DuckDB has imported it for the pieces

    if len(pieces) == 1:
        return pieces[0]
    columns = {
        position: _column([piece.iloc[:, position] for piece in pieces])
        for position in range(pieces[0].shape[1])
    }
    frame = pd.DataFrame(columns)
    frame.columns = pieces[0].columns
    return frame


def _column(parts: list[pd.Series[Any]]) -> pd.Series[Any]:
    import pandas as pd  # noqa: PLC0415 - as above

    column = pd.concat(parts, ignore_index=True)
    if column.dtype == object and any(part.dtype != object for part in parts):
        # A part of nothing but NULL is `object`; pandas 3 has another type for texts.
        return column.infer_objects()
    return column
