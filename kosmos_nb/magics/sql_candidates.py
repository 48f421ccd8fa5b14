"""What can stand at the cursor of an SQL query: tables, columns and words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kosmos_nb.magics.completion import Candidate
from kosmos_nb.magics.names import column_names, frame_names
from kosmos_nb.magics.sql_sketch import Relation, Token, sketch, tokens

Tables = Mapping[str, Sequence[str]]

FRAMES = "nb"  # the schema in which every frame can be reached

_BEGINNING = "SELECT, FROM, WITH, DESCRIBE, SUMMARIZE, EXPLAIN".split(", ")
_IN_EXPRESSION = ["DISTINCT", "CASE WHEN", "NOT", "NULL", *_BEGINNING]
_GOING_ON = (
    "FROM, WHERE, JOIN, LEFT JOIN, USING, ON, GROUP BY ALL, GROUP BY, HAVING, ORDER BY, LIMIT, AS, AND, OR, "
    "IN, LIKE, ILIKE, BETWEEN, IS NULL, IS NOT NULL, DESC, THEN, ELSE, END, UNION ALL, SELECT"
).split(", ")
_AFTER_WORD: dict[str, tuple[str, ...]] = {
    "group": ("BY ALL", "BY"),
    "order": ("BY",),
    "is": ("NULL", "NOT NULL"),
    **dict.fromkeys("left right full inner cross".split(), ("JOIN",)),
    **dict.fromkeys("as limit offset".split(), ()),
}
_BEFORE_EXPRESSION = frozenset(
    "select distinct where and or not on by having qualify when then else case in like ilike between "
    "using filter explain".split()
)
# Names that DuckDB takes for words of its own, unless they are quoted.
QUOTED = frozenset(
    "all analyse analyze and anti any array as asc asof asymmetric at authorization binary both by case "
    "cast check collate collation column columns concurrently constraint create cross default deferrable "
    "desc describe distinct do else end except false fetch for foreign freeze from full generated glob "
    "group having ilike in initially inner intersect into is isnull join lambda lateral leading left like "
    "limit map natural not notnull null offset on only or order outer overlaps pivot pivot_longer "
    "pivot_wider placing positional primary qualify references returning right select semi show similar "
    "some struct summarize symmetric table tablesample then to trailing true try_cast tuple union unique "
    "unpack unpivot using variadic verbose when where window with".split()
)


@dataclass(frozen=True, slots=True)
class _Name:
    """A name or word that can stand at the cursor; `schema` must stand before it."""

    text: str
    kind: str
    schema: str = ""


def candidates(
    query: str, cursor: int, tables: Tables, namespace: Mapping[str, Any]
) -> tuple[str, list[Candidate]]:
    """Return the beginning of a name before the cursor, and what can stand in its place.

    Args:
        query: All of it: most often the tables are named behind the cursor.
        cursor: Place in the query.
        tables: The columns of the history's tables.
        namespace: The notebook's variables.
    """
    before, rest = tokens(query[:cursor]), query[cursor:]
    begun = Token("name", "", cursor)
    if before and before[-1].end == cursor:
        last = before[-1]
        if last.kind == "name" or (last.kind == "quoted" and last.is_open):
            begun = before.pop()
            rest = _without_rest_of(begun, rest)
        elif last.kind != "sign":  # a text, a number or a comment
            return "", []
    is_quoted = begun.kind == "quoted"
    names = _names(before, tokens(rest), bool(begun.text), _Known(tables, namespace))
    fitting = [name for name in names if f"{name.schema}{name.text}".lower().startswith(begun.name.lower())]
    fitting.sort(key=lambda name: not name.text.startswith(begun.name))  # stable: else in their order
    closing = "" if is_quoted and query[cursor : cursor + 1] == '"' else '"'
    found = [
        Candidate(_spelled(name, begun, closing), name.kind)
        for name in fitting
        if not (is_quoted and name.kind == "keyword")
    ]
    return begun.text, list(dict.fromkeys(found))


def _without_rest_of(begun: Token, rest: str) -> str:
    """Take the part of a name that is behind the cursor off what follows it."""
    if begun.kind == "name":
        return re.sub(r"\A\w*", "", rest)
    is_closed = rest.split("\n", 1)[0].count('"') % 2 == 1
    return rest[rest.index('"') + 1 :] if is_closed else rest


def _spelled(name: _Name, begun: Token, closing: str) -> str:
    """Write a name with quotes where it needs or has them, and a word in the case that was begun."""
    if name.kind == "keyword":
        return name.text.lower() if begun.name.islower() else name.text
    text = name.text
    if begun.kind == "quoted" or not text.isidentifier() or text.lower() in QUOTED:
        text = '"' + text.replace('"', '""') + closing
    return name.schema + text


class _Known:
    """The tables that a query can name: the history's, and the notebook's frames."""

    def __init__(self, tables: Tables, namespace: Mapping[str, Any]) -> None:
        self.tables = tables
        self._namespace = namespace

    def frames(self) -> list[str]:
        """Return the names of the notebook's frames."""
        return frame_names(self._namespace)

    def columns(self, name: str, schema: str = "") -> list[str]:
        """Return the columns of a table; none where there is no such table."""
        lower = name.lower()
        if schema.lower() != FRAMES and lower in self.tables:
            return list(self.tables[lower])
        frames = self.frames()
        found = name if name in frames else next((one for one in frames if one.lower() == lower), None)
        return column_names(self._namespace[found]) if found is not None else []


def _names(before: list[Token], after: list[Token], is_begun: bool, known: _Known) -> list[_Name]:
    """Return what can stand between the two halves of a query."""
    qualifier: list[str] = []
    while len(before) > 1 and before[-1].text == "." and before[-2].name:
        qualifier.insert(0, before[-2].name)
        before = before[:-2]
    start = sketch(before)
    relations = sketch([*before, *after]).relations
    if qualifier:
        if [name.lower() for name in qualifier] == [FRAMES]:
            return [_Name(name, "frame") for name in known.frames()]
        return [] if start.wants_table else _of_one_table(qualifier, relations, known)
    if start.wants_table:
        return _tables(start.with_names, known)
    return _in_expression(before, relations, is_begun, known)


def _tables(with_names: Iterable[str], known: _Known) -> list[_Name]:
    frames = known.frames()
    return [
        *(_Name(name, "table") for name in (*with_names, *known.tables)),
        *(_Name(name, "frame") for name in frames if name.lower() not in known.tables),
        *(_Name(name, "frame", f"{FRAMES}.") for name in frames if name.lower() in known.tables),
    ]


def _of_one_table(qualifier: Sequence[str], relations: Iterable[Relation], known: _Known) -> list[_Name]:
    """Return the columns of what is written before the point: an alias, or a table."""
    name, schema = qualifier[-1], qualifier[-2] if len(qualifier) > 1 else ""
    meant = [one for one in relations if name.lower() == (one.alias or one.name).lower()]
    columns = [column for one in meant for column in known.columns(one.name, one.schema)]
    return [_Name(column, "column") for column in columns or known.columns(name, schema)]


def _in_expression(
    before: Sequence[Token], relations: Iterable[Relation], is_begun: bool, known: _Known
) -> list[_Name]:
    last = before[-1] if before else None
    if last is None:
        return _words(_BEGINNING)
    if last.word in _AFTER_WORD:
        return _words(_AFTER_WORD[last.word])
    if not _wants_value(before):
        return _words(_GOING_ON)
    columns = [column for one in relations for column in known.columns(one.name, one.schema)]
    if last.text == "(" and len(before) > 1 and before[-2].word == "using":
        counts = Counter(columns)
        return [_Name(column, "column") for column in counts if counts[column] > 1]
    if not columns and is_begun:  # before the tables are known
        columns = [column for table in known.tables.values() for column in table]
    words = _words(_IN_EXPRESSION) if is_begun or not columns else []
    return [*(_Name(column, "column") for column in columns), *words]


def _wants_value(before: Sequence[Token]) -> bool:
    """Whether a value is what comes next; else one has just ended, and a word goes on."""
    last = before[-1]
    if last.text == "*":  # all columns, or times
        return len(before) > 1 and not _wants_value(before[:-1])
    return last.word in _BEFORE_EXPRESSION or (last.kind == "sign" and last.text not in ")]")


def _words(words: Iterable[str]) -> list[_Name]:
    return [_Name(word, "keyword") for word in words]
