"""SQL that is being typed: its words, the tables it names, and what its end waits for.

No parser, since what is being typed is seldom valid: one look at each word and its neighbours.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"""
      (?P<space> \s+ | --[^\n]*\n | /\*.*?\*/ )
    | (?P<comment> --[^\n]*\Z | /\*.*\Z )
    | (?P<text> '(?:[^']|'')*(?:'|(?P<open_text>\Z))
              | \$(?P<tag>\w*)\$.*?(?:\$(?P=tag)\$|(?P<open_dollar>\Z)) )
    | (?P<quoted> "(?:[^"]|"")*(?:"|(?P<open_name>\Z)) )
    | (?P<name> [^\W\d]\w* )
    | (?P<number> \d[\w.]* )
    | (?P<sign> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_OPEN = ("open_text", "open_dollar", "open_name")
_BEFORE_TABLE = frozenset("from join describe summarize table pivot unpivot".split())
_AFTER_TABLES = frozenset(
    "where group order having qualify window limit offset select union except intersect".split()
)
_NO_ALIAS = _AFTER_TABLES | frozenset(
    "as on using join left right full inner outer cross natural anti semi asof positional "
    "tablesample pivot unpivot from".split()
)


@dataclass(frozen=True, slots=True)
class Token:
    """A word, a text or a sign.

    Attributes:
        kind: `name`, `quoted`, `text`, `number`, `sign` or `comment`.
        text: As typed.
        end: Where it ends.
        is_open: Whether its quote or comment is not closed.
    """

    kind: str
    text: str
    end: int
    is_open: bool = False

    @property
    def word(self) -> str:
        """The word in lower case, as keywords are compared; empty for all else."""
        return self.text.lower() if self.kind == "name" else ""

    @property
    def name(self) -> str:
        """The name that it stands for; empty where it is none."""
        if self.kind == "quoted":
            return self.text[1 : None if self.is_open else -1].replace('""', '"')
        return self.text if self.kind == "name" else ""


@dataclass(frozen=True, slots=True)
class Relation:
    """A table that a query names, with its schema and alias; empty where it has none."""

    name: str
    schema: str = ""
    alias: str = ""


@dataclass(slots=True)
class Sketch:
    """What a query says of its tables.

    Attributes:
        relations: Those behind FROM and JOIN, in any part of the query.
        with_names: Names that a WITH gives to queries.
        wants_table: Whether a table is what comes next.
    """

    relations: list[Relation] = field(default_factory=list)
    with_names: list[str] = field(default_factory=list)
    wants_table: bool = False


def tokens(sql: str) -> list[Token]:
    """Take a query apart; white space and closed comments are left out."""
    return [
        Token(match.lastgroup or "", match[0], match.end(), any(match[group] is not None for group in _OPEN))
        for match in _TOKEN.finditer(sql)
        if match["space"] is None
    ]


def sketch(words: Sequence[Token]) -> Sketch:
    """Find the tables that a query, or its beginning, names."""
    found = Sketch()
    lists_tables = [False]  # whether a comma is followed by a table; one more in each parenthesis
    position = 0
    while position < len(words):
        token, position = words[position], position + 1
        if token.word in _BEFORE_TABLE and not _is_before(words, position - 1, "distinct"):
            found.wants_table = lists_tables[-1] = True
        elif token.text == ",":
            found.wants_table = lists_tables[-1]
        elif found.wants_table and token.name:
            position = _take_relation(words, position - 1, found)
            found.wants_table = False
        else:
            found.wants_table = False
            if token.word in _AFTER_TABLES:
                lists_tables[-1] = False
            elif token.text == "(":
                _take_with_name(words, position - 1, found)
                lists_tables.append(False)
            elif token.text == ")" and len(lists_tables) > 1:
                lists_tables.pop()
    return found


def path(words: Sequence[Token], position: int) -> tuple[list[str], int]:
    """Read names joined by points, from `position` on; return them and where they end."""
    names = [words[position].name]
    while _text(words, position + 1) == "." and position + 2 < len(words) and words[position + 2].name:
        position += 2
        names.append(words[position].name)
    return names, position + 1


def _take_relation(words: Sequence[Token], position: int, found: Sketch) -> int:
    """Read `schema.table AS alias`; return where it ends."""
    names, position = path(words, position)
    if _text(words, position) == "(":  # a function that gives a table
        return position
    alias = ""
    has_as = position < len(words) and words[position].word == "as"
    place = position + has_as
    if place < len(words) and words[place].name and words[place].word not in _NO_ALIAS:
        alias, position = words[place].name, place + 1
    found.relations.append(Relation(names[-1], names[-2] if len(names) > 1 else "", alias))
    return position


def _take_with_name(words: Sequence[Token], position: int, found: Sketch) -> None:
    """Notice `name AS (`."""
    if position > 1 and words[position - 1].word == "as" and words[position - 2].name:
        found.with_names.append(words[position - 2].name)


def _is_before(words: Sequence[Token], position: int, word: str) -> bool:
    return position > 0 and words[position - 1].word == word


def _text(words: Sequence[Token], position: int) -> str:
    return words[position].text if position < len(words) else ""
