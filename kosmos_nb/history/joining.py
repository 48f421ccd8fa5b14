"""DataFrames of the notebook as tables of a query.

Each is there by its name, and as `nb.name` where the history has that name too. A column that
has no form in SQL (mixed kinds, complex numbers) is left out; the others can be asked.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kosmos_nb.core import QueryError
from kosmos_nb.history.views import VIEWS

if TYPE_CHECKING:
    import duckdb

SCHEMA = "nb"


@dataclass(slots=True)
class Joined:
    """The frames that one query can see.

    Attributes:
        registered: Arrow tables, by the engine's name for them.
        views: Names within the schema `nb`.
        shadowed: Frames whose name the history has, where the query names no `nb`.
        left_out: Columns that have no form in SQL: frame → column → why.
    """

    registered: list[str] = field(default_factory=list)
    views: list[str] = field(default_factory=list)
    shadowed: list[str] = field(default_factory=list)
    left_out: dict[str, dict[str, str]] = field(default_factory=dict)

    def notes(self, query: str) -> list[str]:
        """Return one line for each thing that the user may not expect of this query."""
        lines = [
            f"{name} is the history's table; your DataFrame of that name is reachable as {SCHEMA}.{name}."
            for name in self.shadowed
        ]
        for name, columns in self.left_out.items():
            named = [column for column in columns if re.search(rf"\b{re.escape(column)}\b", query)]
            if named or "*" in query or re.match(r"\s*FROM\b", query, re.IGNORECASE):
                what = ", ".join(f"{column} ({columns[column]})" for column in named or columns)
                lines.append(f"Left out of {name}, for want of a form in SQL: {what}.")
        return lines


def join(
    engine: duckdb.DuckDBPyConnection,
    names: set[str],
    *,
    has_schema: bool,
    frames: Mapping[str, Any],
    to: Joined,
) -> None:
    """Register the frames that a query names.

    Args:
        engine: Where the query will run.
        names: Tables that it names.
        has_schema: Whether it names the schema `nb`.
        frames: Where names are looked up, in any case.
        to: Takes what was registered, also where an error comes after it.

    Raises:
        QueryError: A frame has no form as a table.
    """
    from kosmos_nb.history.mirror import TABLES  # noqa: PLC0415 - Arrow, 0.1 s; needed by queries only

    by_lower = {name.lower(): name for name in frames} if names else {}
    for name in sorted(names):
        key = name if name in frames else by_lower.get(name.lower())
        is_history = name.lower() in TABLES or name.lower() in VIEWS
        if key is None or not (has_schema or not is_history or _is_frame(frames[key])):
            continue
        if is_history and not has_schema:
            to.shadowed.append(name)
            continue
        hidden = f"__{SCHEMA}_{name}" if is_history else name
        if _register(engine, hidden, frames[key], key, to) and has_schema:
            to.views.append(name)
            engine.execute(f"CREATE OR REPLACE VIEW {_quoted(name)} AS FROM {_plain(hidden)}")


def leave(engine: duckdb.DuckDBPyConnection, joined: Joined) -> None:
    """Forget the frames again."""
    for name in joined.views:
        engine.execute(f"DROP VIEW IF EXISTS {_quoted(name)}")
    for name in joined.registered:
        engine.unregister(name)


def _register(engine: duckdb.DuckDBPyConnection, name: str, value: object, key: str, joined: Joined) -> bool:
    def accepts(table: Any) -> str | None:
        import duckdb  # noqa: PLC0415 - 0.2 s, needed by queries only

        try:
            engine.register(name, table)
            engine.execute(f"SELECT * FROM {_plain(name)} LIMIT 0").fetchall()  # noqa: S608 - a quoted name
        except duckdb.Error as error:
            return " ".join(str(error).split())
        return None

    if not _is_frame(value):
        _refuse_lazy(value, key)
        return False
    joined.registered.append(name)
    table = _whole(value)
    if table is None or accepts(table) is not None:
        table, left_out = _by_column(value, accepts)
        if not table.num_columns and left_out:
            why = "; ".join(f"{column}: {reason}" for column, reason in left_out.items())
            raise QueryError(f"The DataFrame {key!r} cannot be used as a table: {why}")
        joined.left_out[key] = left_out
        engine.register(name, table)
    return True


def _is_frame(value: object) -> bool:
    import pyarrow as pa  # noqa: PLC0415 - 0.1 s, needed by queries only

    pandas, polars = sys.modules.get("pandas"), sys.modules.get("polars")
    return (
        isinstance(value, (pa.Table, pa.RecordBatch))
        or (pandas is not None and isinstance(value, pandas.DataFrame))
        or (polars is not None and isinstance(value, polars.DataFrame))
    )


def _refuse_lazy(value: object, name: str) -> None:
    polars = sys.modules.get("polars")
    if polars is not None and isinstance(value, polars.LazyFrame):
        raise QueryError(f"{name!r} is a LazyFrame: collect it first, {name} = {name}.collect().")


def _whole(value: Any) -> Any:
    """Return the frame as an Arrow table, None where a column does not let us."""
    import pyarrow as pa  # noqa: PLC0415 - as above

    if isinstance(value, pa.RecordBatch):
        return pa.Table.from_batches([value])
    if isinstance(value, pa.Table):
        return value
    try:
        if hasattr(value, "to_arrow"):
            return None if "Object" in map(str, value.dtypes) else value.to_arrow()
        return pa.Table.from_pandas(value, preserve_index=False)
    except _failures():
        return None


def _by_column(value: Any, accepts: Callable[[Any], str | None]) -> tuple[Any, dict[str, str]]:
    """Return what can be read of a frame, and the other columns with the reason."""
    import pyarrow as pa  # noqa: PLC0415 - as above

    kept: dict[str, Any] = {}
    left_out: dict[str, str] = {}
    for name, kind, convert in _columns(value):
        if name in kept:
            left_out[name] = "a second column of that name"
            continue
        try:
            column = convert()
        except _failures():
            left_out[name] = kind
            continue
        if accepts(pa.table({name: column})) is None:
            kept[name] = column
        else:
            left_out[name] = kind
    return pa.table(kept), left_out


def _columns(value: Any) -> Iterator[tuple[str, str, Callable[[], Any]]]:
    """Give each column's name, kind in plain words, and what converts it."""
    import pyarrow as pa  # noqa: PLC0415 - as above

    if isinstance(value, (pa.Table, pa.RecordBatch)):
        for index, one in enumerate(value.schema):
            yield one.name, str(one.type), lambda index=index: value.column(index)  # type: ignore[misc]
    elif hasattr(value, "to_arrow"):
        for series in value.iter_columns():
            yield series.name, str(series.dtype), lambda series=series: _converted(series)  # type: ignore[misc]
    else:
        for index, (name, dtype) in enumerate(zip(value.columns, value.dtypes, strict=True)):
            kind = "mixed kinds" if str(dtype) == "object" else str(dtype)
            yield str(name), kind, lambda index=index: pa.array(value.iloc[:, index], from_pandas=True)  # type: ignore[misc]


def _converted(series: Any) -> Any:
    if str(series.dtype) == "Object":  # polars would give the addresses of the objects
        raise TypeError("Objects have no form in Arrow.")
    return series.to_arrow()


def _failures() -> tuple[type[BaseException], ...]:
    """Return what pandas, polars and Arrow raise about a column without a form; all of polars'."""
    import pyarrow as pa  # noqa: PLC0415 - as above

    polars = sys.modules.get("polars")
    ours: tuple[type[BaseException], ...] = (pa.ArrowException, TypeError, ValueError)
    if polars is None:
        return ours
    return (*ours, polars.exceptions.PolarsError, polars.exceptions.PanicException)


def _plain(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _quoted(name: str) -> str:
    return f"{SCHEMA}.{_plain(name)}"
