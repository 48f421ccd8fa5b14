"""The engine of `%%kosmos_sql`: DuckDB in memory over Arrow copies of the store's tables.

No DuckDB extension and no `.duckdb` file. A column of a table is loaded when a query first names
it, and then only what is new. Frames of the notebook join by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from threading import RLock, Thread
from typing import TYPE_CHECKING, Any

from kosmos_nb.core import HistoryError, QueryError
from kosmos_nb.history.fetching import Limit, fetch, without_the_rest
from kosmos_nb.history.joining import SCHEMA, Joined, join, leave
from kosmos_nb.history.opening import BUSY_S
from kosmos_nb.history.readonly import check, one_line, place
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
_WORD = re.compile(r"\w+")

Params = Sequence[Any] | Mapping[str, Any] | None
Frames = Mapping[str, Any] | None
Note = Callable[[str], None]
_Answer = tuple["pd.DataFrame", list[str]]

_ALL = Limit()


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

    def sql(
        self,
        query: str,
        params: Params = None,
        frames: Frames = None,
        *,
        note: Note | None = None,
        limit: Limit = _ALL,
    ) -> pd.DataFrame:
        """Run one SELECT, or EXPLAIN of one.

        Args:
            query: In DuckDB's dialect.
            params: For `?` or `$1` a sequence, for `$name` a mapping.
            frames: Where names that are no table of the history, and `nb.name`, are looked up:
                pandas or polars DataFrames, Arrow tables.
            note: Called with a line about what the user may not expect: a frame that the
                history's table of that name hides, a column without a form in SQL, rows
                beyond the limit.
            limit: How much of the result is read.

        Returns:
            A pandas DataFrame; stamps are timestamps in UTC without a zone.

        Raises:
            QueryError: It is not allowed or not valid; one line, with what there is instead.
            HistoryError: The store cannot be read.
        """
        import duckdb  # noqa: PLC0415 - 0.2 s, needed by queries only

        with self._lock:
            engine, parser = self._connections()
            reads = check(parser, query)
            names = reads.names
            loaded = self._load(engine, names, query, is_whole=not reads.is_by_name)
            joined = Joined()
            is_sound = False
            try:
                is_sound = True
                join(engine, reads.names, has_schema=SCHEMA in reads.schemas, frames=frames or {}, to=joined)
                is_sound = False
                asked = without_the_rest(parser, query, limit) if reads.is_sorted else query
                try:
                    frame, cut = _interruptible(engine, lambda: _run(engine, asked, params, limit))
                except duckdb.BinderException:
                    self._name_all_columns(engine, loaded)
                    _run(engine, asked, params, limit)  # tells of the columns that there are, and ends here
                    self._load(engine, names, query, is_whole=True)
                    frame, cut = _interruptible(engine, lambda: _run(engine, asked, params, limit))
                is_sound = True
            except duckdb.Error as error:
                # After these DuckDB answers nothing more; the next query gets a new one.
                is_sound = not isinstance(error, (duckdb.FatalException, duckdb.InternalException))
                said = [one_line(error) + _hint(error, frames or {}, names), *joined.notes(query)]
                raise QueryError(" ".join(said) + place(error)) from error
            finally:
                if is_sound:
                    leave(engine, joined)
                else:  # so it is after an interrupt, whose transaction may be open
                    self._disconnect()
            if cut:
                self._release()
            if note is not None:
                for line in (*joined.notes(query), *cut):
                    note(line)
            return frame

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

    def _release(self) -> None:
        """Give back the memory of what was computed ahead; DuckDB and Arrow would keep it for later."""
        import pyarrow as pa  # noqa: PLC0415 - 0.1 s, needed by queries only

        self._disconnect()
        pa.default_memory_pool().release_unused()

    def _connections(self) -> tuple[duckdb.DuckDBPyConnection, duckdb.DuckDBPyConnection]:
        """Return the engine, and a second DuckDB without tables that only parses."""
        if self._engine is None or self._parser is None:
            self._engine, self._parser = _locked_duckdb(), _locked_duckdb()
        return self._engine, self._parser

    def _load(
        self, engine: duckdb.DuckDBPyConnection, names: set[str], query: str, *, is_whole: bool
    ) -> list[str]:
        """Load what a query names; all columns where it may read some that it does not name.

        Returns:
            The tables that it reads.
        """
        # Arrow takes 0.1 s to import, with it the mirror: needed by queries only.
        from kosmos_nb.history.mirror import TABLES, Mirror  # noqa: PLC0415

        wanted = {name.lower() for name in names}
        if _REFLECTIVE.search(query):
            wanted |= set(TABLES) | set(VIEWS)
            is_whole = True
        views = [name for name in VIEWS if name in wanted]
        seen = {table for name in views for table in VIEWS[name].tables}
        words = None if is_whole else frozenset(_WORD.findall(query.lower()))
        tables = {name: None if name in seen else words for name in TABLES if name in wanted | seen}
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
                self._make_view(engine, name)
                self._registered[name] = VIEWS[name]
        return [*tables]

    def _name_all_columns(self, engine: duckdb.DuckDBPyConnection, tables: list[str]) -> None:
        """Let the engine see all columns of the tables, without their rows; until they are loaded again."""
        for name in tables:
            assert self._mirror is not None
            self._registered.pop(name, None)
            engine.register(name, self._mirror.empty(name))

    def _make_view(self, engine: duckdb.DuckDBPyConnection, name: str) -> None:
        import duckdb  # noqa: PLC0415 - 0.2 s, needed by queries only

        try:
            engine.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {duckdb_select(VIEWS[name])}")
        except duckdb.Error as error:
            raise HistoryError(
                f"The history's view {name} cannot be made, for its tables are damaged ({one_line(error)})."
            ) from error


# Connections that a fork cut off from their threads: closing them would wait for ever.
_abandoned: list[object] = []


def _locked_duckdb() -> duckdb.DuckDBPyConnection:
    import duckdb  # noqa: PLC0415 - 0.2 s, needed by queries only

    connection = duckdb.connect(":memory:")
    for setting in _SETTINGS:
        connection.execute(setting)
    connection.execute(f"CREATE SCHEMA {SCHEMA}")
    return connection


def _run(engine: duckdb.DuckDBPyConnection, query: str, params: Params, limit: Limit) -> _Answer:
    engine.execute("BEGIN TRANSACTION READ ONLY")
    try:
        return fetch(engine.execute(query, params) if params is not None else engine.execute(query), limit)
    finally:
        engine.execute("ROLLBACK")


def _interruptible(engine: duckdb.DuckDBPyConnection, work: Callable[[], _Answer]) -> _Answer:
    """Do the work in a thread, so that the Stop button ends any query.

    In the main thread DuckDB looks for signals between its own tasks only, and a task that
    finds no row can take for ever. Told from outside, it stops at once.
    """
    outcome: Future[_Answer] = Future()

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


def _hint(error: Exception, frames: Mapping[str, Any], names: set[str]) -> str:
    """Say what there is, where a table was not found."""
    from kosmos_nb.history.mirror import TABLES  # noqa: PLC0415 - as above

    if "Table with name" not in str(error):
        return ""
    other = [
        f"{name!r} is a {type(frames[name]).__name__}, no DataFrame." for name in sorted(names & set(frames))
    ]
    return " ".join(["", *other, f"The history has: {', '.join((*VIEWS, *TABLES))}."])
