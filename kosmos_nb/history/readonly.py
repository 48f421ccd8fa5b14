"""What `%%kosmos_sql` lets through: one SELECT, or the plain EXPLAIN of one.

DuckDB's own parser decides, not words in the text. EXPLAIN needs a second look: DuckDB gives
`EXPLAIN ANALYZE COPY … TO` the type EXPLAIN and would carry it out, so what follows the word
must itself be one SELECT. So do CTEs that write, which have the type SELECT. Beneath this
check the connection itself has no table that could be written, no access to files, locked
settings and a read-only transaction.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kosmos_nb.core import QueryError

if TYPE_CHECKING:
    import duckdb

# Comments and space, then the word. What it does not match is refused.
_EXPLAIN = re.compile(r"(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/)*EXPLAIN\b", re.IGNORECASE | re.DOTALL)
_WRITING_NODE = re.compile(r'"type":\s*"((?:INSERT|UPDATE|DELETE|MERGE|COPY)[A-Z_]*)"')
_STRING = r'"(?:[^"\\]|\\.)*"'
_TABLE_NAME = re.compile(rf'"table_name":\s*({_STRING})')
_SCHEMA_NAME = re.compile(rf'"schema_name":\s*({_STRING})')
# Columns that are read without being named: `*`, `#2`, `COLUMNS`, PIVOT, NATURAL JOIN, `FROM t AS f (a, b)`.
_UNNAMED = re.compile(
    r'"class":\s*"(?:STAR|POSITIONAL_REFERENCE)"|"ref_type":\s*"NATURAL"|"column_name_alias":\s*\["'
)
_ALIAS = re.compile(rf'"type":\s*"BASE_TABLE",\s*"alias":\s*({_STRING})')
_COLUMN = re.compile(rf'"column_names":\s*(\[(?:{_STRING}|[\s,])*\])')
_SORTED = re.compile(
    r'\{"error":false,"statements":\[\{"node":\{"type":"\w+","modifiers":\[\{"type":"ORDER_MODIFIER"'
)
_RULE = "The history is read-only: one SELECT, or EXPLAIN of one."


@dataclass(frozen=True, slots=True)
class Reads:
    """What a query names.

    Attributes:
        names: Tables that it reads, as written; names of CTEs may be among them.
        schemas: Schemas that it names, in lower case.
        is_by_name: Whether it names every column that it reads, somewhere in its text.
        is_sorted: Whether it ends in ORDER BY.
    """

    names: set[str]
    schemas: set[str]
    is_by_name: bool
    is_sorted: bool


def check(parser: duckdb.DuckDBPyConnection, query: str) -> Reads:
    """Let a query pass or refuse it.

    Args:
        parser: A connection without any table; it only parses.
        query: As the user typed it.

    Returns:
        The tables and schemas that it names, and whether it sorts.

    Raises:
        QueryError: It is empty, not valid, more than one statement, or may do more than read.
    """
    statement = _only(parser, query)
    kind = statement.type.name
    select = query
    if kind == "EXPLAIN":
        word = _EXPLAIN.match(query)
        select = "" if word is None else query[word.end() :]
        try:
            kind = _only(parser, select).type.name
        except QueryError:
            kind = "EXPLAIN with options"
    if kind != "SELECT":
        raise QueryError(f"{_RULE} {kind.replace('_', ' ')} is not allowed.{_advice(kind)}")
    tree = _syntax_tree(parser, select)
    writing = _WRITING_NODE.search(tree)
    if writing:
        raise QueryError(f"{_RULE} {writing.group(1).split('_')[0]} inside a WITH is not allowed.")
    names = {json.loads(name) for name in _TABLE_NAME.findall(tree)} - {""}
    return Reads(
        names,
        {json.loads(name).lower() for name in _SCHEMA_NAME.findall(tree)} - {""},
        is_by_name=_UNNAMED.search(tree) is None and not _has_whole_row(tree, names),
        is_sorted=statement.type.name == "SELECT" and _SORTED.match(tree) is not None,
    )


def _has_whole_row(tree: str, names: set[str]) -> bool:
    """Whether the query names a table where a column could stand: `SELECT f FROM function_stats f`."""
    tables = {name.lower() for name in names} | {json.loads(name).lower() for name in _ALIAS.findall(tree)}
    return any(json.loads(path)[-1].lower() in tables for path in _COLUMN.findall(tree))


def _only(parser: duckdb.DuckDBPyConnection, query: str) -> Any:
    import duckdb  # noqa: PLC0415 - 0.2 s, needed by queries only

    try:
        statements = parser.extract_statements(query)
    except duckdb.Error as error:
        raise QueryError(one_line(error) + place(error)) from error
    if not statements:
        raise QueryError("There is no query. Example: SELECT * FROM execution_profiles LIMIT 5")
    if len(statements) > 1:
        raise QueryError(f"{_RULE} These are {len(statements)} statements.")
    return statements[0]


def _advice(kind: str) -> str:
    if kind == "MULTI":
        return " A PIVOT needs its values: PIVOT … ON column IN ('a', 'b')."
    return ""


def _syntax_tree(parser: duckdb.DuckDBPyConnection, select: str) -> str:
    """Return DuckDB's syntax tree as JSON text.

    `get_table_names` would be shorter, but it binds the query to tables that are not there,
    and fails on JOIN … USING and on parameters.

    Raises:
        QueryError: A SELECT that has no such form: what it reads cannot be seen.
    """
    import duckdb  # noqa: PLC0415 - 0.2 s, needed by queries only

    try:
        row = parser.execute("SELECT json_serialize_sql(?::VARCHAR)", [select]).fetchone()
    except duckdb.Error as error:
        raise QueryError(one_line(error) + place(error)) from error
    tree = str(row[0]) if row else ""
    if tree.startswith('{"error":true'):
        raise QueryError(f"{_RULE} DuckDB does not see one here.")
    return tree


def one_line(error: BaseException) -> str:
    """Return DuckDB's message as one line."""
    said, _, _ = _taken_apart(error)
    return " ".join(said.split())


def place(error: BaseException) -> str:
    """Return the line of the query that DuckDB points to, and a caret below it; lines of their own."""
    _, line, caret = _taken_apart(error)
    return f"\n    {line}\n    {caret}" if line else ""


def _taken_apart(error: BaseException) -> tuple[str, str, str]:
    said = str(error).strip("\n")
    found = re.search(r"\n+(LINE \d+: )([^\n]*)\n([ ^]*)", said)
    if found is None:
        return said, "", ""
    line, caret = found[2].rstrip(), found[3][len(found[1]) :].rstrip()
    indent = len(line) - len(line.lstrip())
    return said[: found.start()], line[indent:], caret[indent:]
