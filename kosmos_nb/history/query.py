"""The engine of `%%kosmos_sql`: DuckDB in memory over Arrow copies of the store's tables.

No DuckDB extension and no `.duckdb` file. A table is loaded when a query first names it, and
then only what is new. Frames of the notebook join by name.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from threading import RLock, Thread
from typing import TYPE_CHECKING, Any

from kosmos_nb.core import QueryError
from kosmos_nb.history.opening import BUSY_S
from kosmos_nb.history.readonly import check, one_line
from kosmos_nb.history.store import Store
from kosmos_nb.history.views import VIEWS, duckdb_select

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

    from kosmos_nb.history.mirror import Mirror

# The last two take away the files, and then the means to change any of this.
_SETTINGS = (
    "SET TimeZone = 'UTC'",
    "SET temp_directory = ''",
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET allow_community_extensions = false",
    "SET python_enable_replacements = false",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)
# Ways to reach a table without naming it where the parser sees it: then all are loaded.
_REFLECTIVE = re.compile(
    r"\b(show|describe|summarize|query|query_table|information_schema|pg_\w+|duckdb_\w+|sqlite_\w+)\b",
    re.IGNORECASE,
)

Params = Sequence[Any] | Mapping[str, Any] | None
Frames = Mapping[str, Any] | None


class QueryEngine:
    """Read-only SQL over one store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = RLock()
        self._engine: duckdb.DuckDBPyConnection | None = None
        self._parser: duckdb.DuckDBPyConnection | None = None
        self._mirror: Mirror | None = None
        self._registered: dict[str, object] = {}
        self._has_stopped = False

    def sql(self, query: str, params: Params = None, frames: Frames = None) -> pd.DataFrame:
        """Run one SELECT, or EXPLAIN of one.

        Args:
            query: In DuckDB's dialect.
            params: For `?` or `$1` a sequence, for `$name` a mapping.
            frames: Where names that are no table of the history are looked up: pandas or
                polars DataFrames, Arrow tables.

        Returns:
            A pandas DataFrame; stamps are timestamps in UTC without a zone.

        Raises:
            QueryError: It is not allowed or not valid; one line, with what there is instead.
            HistoryError: The store cannot be read.
        """
        import duckdb  # noqa: PLC0415 - 0.2 s, needed by queries only

        with self._lock:
            engine, parser = self._connections()
            names = check(parser, query)
            self._load(engine, names, query)
            joined = self._join(engine, names, frames or {})
            is_sound = False
            try:
                frame = _interruptible(engine, lambda: _run(engine, query, params))
                is_sound = True
                return frame
            except duckdb.Error as error:
                # After these DuckDB answers nothing more; the next query gets a new one.
                is_sound = not isinstance(error, (duckdb.FatalException, duckdb.InternalException))
                raise QueryError(one_line(error) + _hint(error, frames or {}, names)) from error
            finally:
                if is_sound:
                    for name in joined:
                        engine.unregister(name)
                else:  # so it is after an interrupt, whose transaction may be open
                    self._disconnect()

    def close(self) -> None:
        """Forget everything; the next query begins anew."""
        with self._lock:
            self._disconnect()
            self._mirror = None

    def before_fork(self) -> None:
        """Close DuckDB: its threads would be missing in the child."""
        self._has_stopped = self._lock.acquire(timeout=BUSY_S)
        if self._has_stopped:
            self._disconnect()

    def after_fork_in_parent(self) -> None:
        """Go on."""
        if self._has_stopped:
            self._lock.release()

    def after_fork_in_child(self) -> None:
        """Begin with a lock and connections of our own."""
        if not self._has_stopped:
            _abandoned.extend((self._engine, self._parser))
            self._engine = self._parser = None
            self._registered = {}
        self._lock = RLock()

    def at_exit(self) -> None:
        """Leave it to the interpreter."""

    def _disconnect(self) -> None:
        for connection in (self._engine, self._parser):
            if connection is not None:
                connection.close()
        self._engine = self._parser = None
        self._registered = {}

    def _connections(self) -> tuple[duckdb.DuckDBPyConnection, duckdb.DuckDBPyConnection]:
        """Return the engine, and a second DuckDB without tables that only parses."""
        if self._engine is None or self._parser is None:
            self._engine, self._parser = _locked_duckdb(), _locked_duckdb()
        return self._engine, self._parser

    def _load(self, engine: duckdb.DuckDBPyConnection, names: set[str], query: str) -> None:
        # Arrow takes 0.1 s to import, with it the mirror: needed by queries only.
        from kosmos_nb.history.mirror import TABLES, Mirror  # noqa: PLC0415

        wanted = {name.lower() for name in names}
        if _REFLECTIVE.search(query):
            wanted |= set(TABLES) | set(VIEWS)
        views = [name for name in VIEWS if name in wanted]
        wanted.update(table for name in views for table in VIEWS[name].tables)
        tables = [name for name in TABLES if name in wanted]
        if tables:
            self._mirror = self._mirror or Mirror()
            with self._store.reading() as connection:
                arrow = self._mirror.refresh(connection, tables)
            for name, table in arrow.items():
                if self._registered.get(name) is not table:
                    engine.register(name, table)
                    self._registered[name] = table
        for name in views:
            if name not in self._registered:
                engine.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {duckdb_select(VIEWS[name])}")
                self._registered[name] = VIEWS[name]

    def _join(
        self, engine: duckdb.DuckDBPyConnection, names: set[str], frames: Mapping[str, Any]
    ) -> list[str]:
        """Register the frames that the query names and the history does not have."""
        from kosmos_nb.history.mirror import TABLES  # noqa: PLC0415 - as above

        joined: list[str] = []
        by_lower = {name.lower(): name for name in frames} if names else {}
        for name in sorted(names):
            key = name if name in frames else by_lower.get(name.lower())
            if key is None or name.lower() in TABLES or name.lower() in VIEWS:
                continue
            table = as_arrow(frames[key], key)
            if table is not None:
                engine.register(name, table)
                joined.append(name)
        return joined


# Connections that a fork cut off from their threads: closing them would wait for ever.
_abandoned: list[object] = []


def _locked_duckdb() -> duckdb.DuckDBPyConnection:
    import duckdb  # noqa: PLC0415 - 0.2 s, needed by queries only

    connection = duckdb.connect(":memory:")
    for setting in _SETTINGS:
        connection.execute(setting)
    return connection


def _run(engine: duckdb.DuckDBPyConnection, query: str, params: Params) -> pd.DataFrame:
    engine.execute("BEGIN TRANSACTION READ ONLY")
    try:
        return engine.execute(query, params).df() if params is not None else engine.execute(query).df()
    finally:
        engine.execute("ROLLBACK")


def _interruptible(engine: duckdb.DuckDBPyConnection, work: Callable[[], pd.DataFrame]) -> pd.DataFrame:
    """Do the work in a thread, so that the Stop button ends any query.

    In the main thread DuckDB looks for signals between its own tasks only, and a task that
    finds no row can take for ever. Told from outside, it stops at once.
    """
    outcome: Future[pd.DataFrame] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:
            outcome.set_exception(error)

    Thread(target=run, name="kosmos_nb query", daemon=True).start()
    try:
        wait([outcome])
    except BaseException:
        while not outcome.done():
            engine.interrupt()  # again, should the query have been about to begin
            wait([outcome], timeout=0.05)
        raise
    return outcome.result()


def as_arrow(value: object, name: str) -> Any:
    """Return a frame as an Arrow table, None where it is no frame.

    Raises:
        QueryError: It is a frame that has no form as a table.
    """
    import pyarrow as pa  # noqa: PLC0415 - 0.1 s, needed by queries only

    if isinstance(value, (pa.Table, pa.RecordBatch)):
        return value
    pandas, polars = sys.modules.get("pandas"), sys.modules.get("polars")
    try:
        if pandas is not None and isinstance(value, pandas.DataFrame):
            return pa.Table.from_pandas(value, preserve_index=False)
        if polars is not None and isinstance(value, polars.DataFrame):
            return value.to_arrow()
    except (pa.ArrowException, TypeError, ValueError) as error:
        said = " ".join(str(error).split())
        raise QueryError(f"The DataFrame {name!r} cannot be used as a table: {said}") from error
    if polars is not None and isinstance(value, polars.LazyFrame):
        raise QueryError(f"{name!r} is a LazyFrame: collect it first, {name} = {name}.collect().")
    return None


def _hint(error: Exception, frames: Mapping[str, Any], names: set[str]) -> str:
    """Say what there is, where a table was not found."""
    from kosmos_nb.history.mirror import TABLES  # noqa: PLC0415 - as above

    if "Table with name" not in str(error):
        return ""
    other = [
        f"{name!r} is a {type(frames[name]).__name__}, no DataFrame." for name in sorted(names & set(frames))
    ]
    return " ".join(["", *other, f"The history has: {', '.join((*VIEWS, *TABLES))}."])
