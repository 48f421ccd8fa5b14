"""The user's own hypotheses, one a line: `y ~ x`, `y ~ x | z`, `y ~ x * z`, with or without a sign.

line = name "~" [ "+" | "-" ] name [ "|" name { "," name } | "*" name ] [ "#" comment ]
name = letters, digits, "_" and "." of any script, or anything in backticks (a backtick twice)
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from kosmos_nb.core import ResearchError
from kosmos_nb.history.records import Sign
from kosmos_nb.inquiry.naming import nearest
from kosmos_nb.inquiry.question import Claim
from kosmos_nb.reporters.columns import width
from kosmos_nb.reporters.markup import clean

MARKS = "~+-*|,"
MINUS = "−"  # as a text editor may write it
AROUND = 40  # characters of a long line that are shown on either side of the place
EXAMPLE = "Write one a line, as: y ~ x, y ~ +x, y ~ x | z, y ~ x * z"


@dataclass(frozen=True, slots=True)
class _Token:
    kind: Literal["name", "mark", "end"]
    text: str
    start: int


def parse_claims(text: str, names: Sequence[str]) -> tuple[Claim, ...]:
    """Read hypotheses, one a line; empty lines and `# comments` are skipped, repeated ones merged.

    Args:
        text: The lines.
        names: Columns of the table. A name in other letter case is understood where only one fits.

    Raises:
        ResearchError: A line is no hypothesis, or names no column. The message has the line with a
            caret under the place, and what was expected or is nearest.
    """
    claims: dict[str, Claim] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        reader = _Line(line, number, names)
        claim = reader.claim()
        if claim is not None:
            claims.setdefault(formula(claim), claim)
    if not claims:
        raise ResearchError(f"There is no hypothesis here. {EXAMPLE}.")
    return tuple(claims.values())


def formula(claim: Claim) -> str:
    """Return the one way to write a claim: columns in backticks where they need them, `given` sorted."""
    text = f"{written(claim.y)} ~ {claim.sign}{written(claim.x)}"
    if claim.given:
        text += " | " + ", ".join(written(name) for name in sorted(claim.given))
    return f"{text} * {written(claim.by)}" if claim.by else text


class _Line:
    """One line, read from left to right."""

    def __init__(self, line: str, number: int, names: Sequence[str]) -> None:
        self._line = line
        self._number = number
        self._names = names
        self._known = frozenset(names)
        self._tokens = self._split()
        self._at = 0

    def claim(self) -> Claim | None:
        """Return what the line claims, None for an empty one."""
        if self._next().kind == "end":
            return None
        y = self._column("a column")
        self._expect("~", "'~'")
        sign = self._sign()
        x = self._column("a column" if sign else "a column, or a sign and a column")
        if x == y:
            raise self._complaint(f"{y!r} is on both sides: it says nothing about itself", self._last())
        given: tuple[str, ...] = ()
        by = ""
        if self._take("|"):
            given = self._given({"left of ~": y, "right of ~": x})
        elif self._take("*"):
            if sign:
                raise self._complaint(
                    "a sign says where y goes with x, and * asks whether that depends; leave one of them out",
                    self._last(),
                )
            by = self._other({"left of ~": y, "right of ~": x})
        if self._next().kind != "end":
            raise self._complaint(self._unexpected_end(y, x, given, by), self._next())
        end = self._tokens[-1].start
        return Claim(y=y, x=x, given=given, by=by, sign=sign, text=self._line[:end].strip())

    def _given(self, taken: dict[str, str]) -> tuple[str, ...]:
        given = [self._other(taken)]
        while self._take(","):
            given.append(self._other(taken))
        return tuple(dict.fromkeys(given))

    def _other(self, taken: dict[str, str]) -> str:
        name = self._column("a column")
        for place, other in taken.items():
            if name == other:
                raise self._complaint(f"{name!r} stands {place} already", self._last())
        return name

    def _sign(self) -> Sign:
        if self._take("+"):
            return "+"
        return "-" if self._take("-") else ""

    def _column(self, expected: str) -> str:
        """Take a name and return the column that it names."""
        token = self._next()
        if token.kind != "name":
            raise self._complaint(f"expected {expected}, not {self._said(token)}", token)
        self._at += 1
        if token.text in self._known:
            return token.text
        alike = [name for name in self._names if folded(name) == folded(token.text)]
        if len(alike) == 1:
            return alike[0]
        if alike:
            which = " or ".join(map(repr, alike[:3]))
            raise self._complaint(f"{token.text!r} may be {which}; write it as the column is written", token)
        near = nearest(token.text, self._names)
        few = f"There is {', '.join(map(written, self._names[:8]))}{' …' if len(self._names) > 8 else ''}"
        hint = self._quotable() or (f"Did you mean {near!r}?" if near else few)
        raise self._complaint(f"there is no column {token.text!r}. {hint}", token)

    def _expect(self, mark: str, expected: str) -> None:
        if not self._take(mark):
            token = self._next()
            hint = self._quotable()
            said = f"expected {expected}, not {self._said(token)}"
            raise self._complaint(f"{said}. {hint}" if hint else said, token)

    def _take(self, mark: str) -> bool:
        found = self._next().kind == "mark" and self._next().text == mark
        self._at += found
        return found

    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _last(self) -> _Token:
        return self._tokens[self._at - 1]

    def _unexpected_end(self, y: str, x: str, given: tuple[str, ...], by: str) -> str:
        """Say what is wrong with a line that goes on where it should end."""
        token = self._next()
        hint = self._quotable()
        if hint:
            return f"expected the end of the line, not {self._said(token)}. {hint}"
        if token.text == "+" and token.kind == "mark":
            return f"one column right of ~; to hold more fixed: {written(y)} ~ {written(x)} | z, w"
        if token.text == "*" and by:
            return "there can be one * in a line"
        if token.text in ("*", "|") and token.kind == "mark":
            return f"{token.text!r} cannot follow here; | and * are not used in one line"
        wanted = "',' or the end" if given else "the end" if by else "'|', '*' or the end"
        return f"expected {wanted} of the line, not {self._said(token)}"

    def _said(self, token: _Token) -> str:
        return "the end of the line" if token.kind == "end" else repr(token.text)

    def _quotable(self) -> str:
        """Return a hint where the line holds a column's name that needs backticks and has none."""
        bare = "".join(part for index, part in enumerate(self._line.split("`")) if index % 2 == 0)
        found = [name for name in self._names if name.strip() and not _is_bare(name) and name in bare]
        return f"A name like this goes into backticks: {written(max(found, key=len))}" if found else ""

    def _split(self) -> list[_Token]:
        tokens: list[_Token] = []
        line, at = self._line, 0
        while at < len(line) and line[at] != "#":
            start = at
            if line[at].isspace():
                at += 1
            elif line[at] == "`":
                name, at = self._quoted(at)
                tokens.append(_Token("name", name, start))
            elif is_letter(line[at]):
                while at < len(line) and is_letter(line[at]):
                    at += 1
                tokens.append(_Token("name", line[start:at], start))
            elif line[at] in MARKS or line[at] == MINUS:
                tokens.append(_Token("mark", "-" if line[at] == MINUS else line[at], start))
                at += 1
            else:
                raise self._complaint(self._odd(line[at]), _Token("mark", line[at], start))
        return [*tokens, _Token("end", "", at)]

    def _quoted(self, start: int) -> tuple[str, int]:
        """Return the name that begins with the backtick at `start`, and where the line goes on."""
        name, at = "", start + 1
        while True:
            end = self._line.find("`", at)
            if end < 0:
                raise self._complaint("a backtick is opened and not closed", _Token("mark", "`", start))
            name += self._line[at:end]
            if self._line[end + 1 : end + 2] != "`":
                break
            name, at = name + "`", end + 2
        if not name:
            raise self._complaint("there is no name between the backticks", _Token("mark", "`", start))
        return name, end + 1

    def _odd(self, character: str) -> str:
        hint = self._quotable()
        if hint:
            return f"{character!r} cannot stand here. {hint}"
        if character in "()":
            return "there are no functions here; make a column of it first, and name that"
        instead = {"=": "y ~ x", ":": "y ~ x * z", "&": "y ~ x | z, w"}.get(character)
        if instead:
            return f"{character!r} cannot stand here; write {instead}"
        return f"{character!r} cannot stand here; a name that holds it goes into backticks"

    def _complaint(self, said: str, token: _Token) -> ResearchError:
        """Return the error: what is wrong, and the part of the line with a caret under the place."""
        first = max(0, token.start - AROUND)
        before = ("…" if first else "") + clean(self._line[first : token.start])
        before = before if first else before.lstrip()
        after = clean(self._line[token.start : token.start + AROUND]).rstrip()
        more = "…" if len(self._line.rstrip()) > token.start + AROUND else ""
        stop = "" if said.endswith("?") else "."
        return ResearchError(
            f"Line {self._number}: {clean(said[:1].upper() + said[1:])}{stop}\n"
            f"    {before}{after}{more}\n"
            f"    {' ' * width(before)}^"
        )


def written(name: str) -> str:
    """Return a column's name as it is written in a formula: in backticks where it needs them."""
    return name if _is_bare(name) else "`" + name.replace("`", "``") + "`"


def folded(name: str) -> str:
    """Return the name as it compares: whatever the letter case, and however accents are put together."""
    return unicodedata.normalize("NFC", name).casefold()


def is_letter(character: str) -> bool:
    """Whether a name may hold it without backticks: also marks that belong to a letter before them."""
    return character in "_." or character.isalnum() or f"a{character}".isidentifier()


def _is_bare(name: str) -> bool:
    return bool(name) and all(map(is_letter, name))
