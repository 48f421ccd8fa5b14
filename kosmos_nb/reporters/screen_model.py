"""What a screening says, as plain words and rows: the one source of its text and HTML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from kosmos_nb.core import units
from kosmos_nb.history.records import ColumnSketch, Notice, Rank, Screening
from kosmos_nb.reporters import words
from kosmos_nb.reporters.markup import clean
from kosmos_nb.reporters.numbers import finite

NAME_CHARACTERS = 60
SENTENCE_CHARACTERS = 300
SUMMARY_CHARACTERS = 120
CODE_CHARACTERS = 30
MOST_CODES = 8
MOST_DROPPED = 12
MOST_NOTICES = 40
MOST_MEANINGS = 12

RANKS: Mapping[Rank, words.Sign] = {
    "blocks": words.Sign("●", "blocks", "bad", 0),
    "warns": words.Sign("◐", "warns", "mid", 1),
    "notes": words.Sign("○", "notes", "off", 2),
}
MEANS: Mapping[Rank, str] = {
    "blocks": "no finding that rests on it is believed",
    "warns": "may explain a finding",
    "notes": "good to know, the tests take care of it",
}
CHANGES = "What a run changes before it tests"


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """One odd thing: how bad, its code, what it is said of, and the sentence."""

    sign: words.Sign
    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class ColumnRow:
    """One column. `codes` are each with the tone of its rank; `missing` is empty where nothing is."""

    name: str
    kind: str
    missing: str
    summary: str
    codes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenModel:
    """All that the views of a screening show.

    Attributes:
        title: What was looked at. shape: Rows and columns. rows_are: How the rows hang together.
        verdict: How many notices of each rank, or that there is none.
        notices: The worst first, at most 40 of n_notices. columns: In the table's order.
        legend: What the ranks mean that occur. dropped: What a run would change. foot: The cost.
    """

    title: str
    shape: str
    rows_are: str
    verdict: str
    notices: tuple[NoticeRow, ...]
    n_notices: int
    columns: tuple[ColumnRow, ...]
    legend: tuple[str, ...]
    dropped: tuple[str, ...]
    foot: str


def screen_model(screening: Screening) -> ScreenModel:
    """Return what the views of `screening` show."""
    notices = sorted(screening.notices, key=lambda notice: RANKS[notice.rank].rank)
    signs = {notice.code: RANKS[notice.rank] for notice in reversed(notices)}
    found = Counter(notice.rank for notice in notices)
    wall_s = finite(screening.wall_s)
    dropped = [clean(sentence, SENTENCE_CHARACTERS) for sentence in screening.dropped[:MOST_DROPPED]]
    if len(screening.dropped) > MOST_DROPPED:
        dropped.append(f"and {units.count(len(screening.dropped) - MOST_DROPPED)} more")
    return ScreenModel(
        title=f"A first look at {clean(screening.data_name, NAME_CHARACTERS)}",
        shape=f"{units.counted(screening.n_rows, 'row')} × {units.counted(screening.n_columns, 'column')}",
        rows_are=_rows_are(clean(screening.rows_are, 2 * SENTENCE_CHARACTERS)),
        verdict=_verdict(found, sum(column.kind == "unusable" for column in screening.columns)),
        notices=tuple(map(_notice, notices[:MOST_NOTICES])),
        n_notices=len(notices),
        columns=tuple(_column(column, signs) for column in screening.columns),
        legend=tuple(f"{RANKS[rank].mark} {rank}: {MEANS[rank]}" for rank in RANKS if found[rank]),
        dropped=tuple(dropped),
        foot=f"looked at in {units.seconds(wall_s)}; no hypothesis was tested" if wall_s is not None else "",
    )


def _rows_are(text: str) -> str:
    """Return as a sentence how the rows hang together; whole sentences stay as they are."""
    return text if text.endswith((".", "…")) else f"The rows are {text}."


def _verdict(found: Counter[Rank], n_unusable: int) -> str:
    told = [
        f"{sign.mark} {found[rank]} {sign.word if found[rank] == 1 else sign.word.removesuffix('s')}"
        for rank, sign in RANKS.items()
        if found[rank]
    ]
    if n_unusable:
        told.append(f"{units.counted(n_unusable, 'column')} cannot be used")
    return " · ".join(told) or "Nothing odd was found."


def _notice(notice: Notice) -> NoticeRow:
    sentence = clean(notice.sentence, SENTENCE_CHARACTERS)
    return NoticeRow(RANKS[notice.rank], clean(notice.code, CODE_CHARACTERS), sentence)


def _column(column: ColumnSketch, signs: Mapping[str, words.Sign]) -> ColumnRow:
    """Return the row of a column, the code that weighs most first."""
    found = [(signs.get(code, RANKS["notes"]), code) for code in column.codes]
    worst = sorted(found, key=lambda pair: pair[0].rank)[:MOST_CODES]
    return ColumnRow(
        clean(column.name, NAME_CHARACTERS),
        clean(column.kind, NAME_CHARACTERS),
        units.count(column.missing) if column.missing else "",
        clean(column.summary, SUMMARY_CHARACTERS),
        tuple((clean(code, CODE_CHARACTERS), sign.tone) for sign, code in worst),
    )
