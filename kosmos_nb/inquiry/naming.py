"""What the user names in a question: columns, caveat codes, families, an engine. Each is there, or one
line says what is nearest.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Sequence
from typing import Any

from kosmos_nb.core import ResearchError
from kosmos_nb.history.records import Family
from kosmos_nb.inquiry.caveats import CODES
from kosmos_nb.inquiry.frame import as_table
from kosmos_nb.inquiry.question import Question
from kosmos_nb.inquiry.target import check_target

ON_REQUEST: tuple[Family, ...] = ("spread", "lag", "survival")
ENGINES = ("auto", "statistics")


def check_columns(
    question: Question, names: Sequence[str], *, left_out: Sequence[str], data_name: str
) -> Question:
    """Return the question with the columns of its design named as the table names them.

    Args:
        question: As asked; the target is `check_target`'s.
        names: Columns there are. left_out: Why others are not there, `name: reason`.

    Raises:
        ResearchError: `unit`, `time`, `control`, `ignore` or a claim names what is no column (the
            message suggests the nearest), or two of them contradict each other.
    """

    def named(column: object) -> str:
        return check_target(column, names, left_out=left_out, data_name=data_name)

    unread = {sentence.split(": ", 1)[0] for sentence in left_out} - set(names)
    for claim in question.claims:
        for column in filter(None, (claim.y, claim.x, *claim.given, claim.by)):
            named(column)
    checked = dataclasses.replace(
        question,
        unit=None if question.unit is None else named(question.unit),
        time=None if question.time is None else named(question.time),
        control=tuple(dict.fromkeys(map(named, question.control))),
        ignore=tuple(dict.fromkeys(named(one) for one in question.ignore if str(one) not in unread)),
    )
    _check_sense(checked)
    return checked


def check_codes(codes: Iterable[str]) -> tuple[str, ...]:
    """Return caveat codes, each once; raise a ResearchError for one that there is not."""
    return tuple(dict.fromkeys(_one_of(code, sorted(CODES), "caveat code") for code in codes))


def check_families(families: Iterable[str]) -> tuple[Family, ...]:
    """Return families that are tested on request, each once; raise a ResearchError for any other."""
    found = dict.fromkeys(_one_of(family, ON_REQUEST, "family to ask for") for family in families)
    return tuple(family for family in ON_REQUEST if family in found)


def check_engine(engine: str) -> str:
    """Return the engine's name; raise a ResearchError for one that there is not."""
    if engine == "claude":
        raise ResearchError("Claude comes with a later version. The engine is now auto or statistics.")
    return _one_of(engine, ENGINES, "engine")


def nearest(name: str, known: Iterable[str], cutoff: float = 0.5) -> str:
    """Return the known name that is most like `name`, whatever the case; empty where none is."""
    lower = {one.lower(): one for one in known}
    near = difflib.get_close_matches(name.lower(), list(lower), n=1, cutoff=cutoff)
    return lower[near[0]] if near else ""


def columns_of(data: Any, *, data_name: str) -> list[str]:
    """Return the names of a table's columns as the run will know them.

    Raises:
        ResearchError: It is no table.
    """
    kind = type(data).__mro__
    tables = {(one.__module__.split(".", 1)[0], one.__name__) for one in kind}
    if ("pyarrow", "Table") in tables:
        return list(data.column_names)
    if ("pandas", "DataFrame") in tables or ("polars", "DataFrame") in tables:
        return [str(column) for column in data.columns]
    table, _ = as_table(data, name=data_name)  # says what it is instead
    return list(table.column_names)


def _one_of(name: object, known: Sequence[str], what: str) -> str:
    text = str(name)
    if text in known:
        return text
    near = nearest(text, known)
    hint = f"Did you mean {near}?" if near else f"There is {', '.join(known)}."
    raise ResearchError(f"There is no {what} {text!r}. {hint}")


def _check_sense(question: Question) -> None:
    """Raise a ResearchError where a column is left out and needed at once."""
    needed = {
        "target": (question.target,),
        "unit": (question.unit,),
        "time": (question.time,),
        "control": question.control,
        "a hypothesis": tuple(
            name for claim in question.claims for name in (claim.y, claim.x, *claim.given, claim.by)
        ),
    }
    for role, columns in needed.items():
        both = next((column for column in columns if column in question.ignore), None)
        if both:
            raise ResearchError(f"The column {both!r} is to be ignored, and is named by {role} as well.")
    if question.claims and question.control:
        raise ResearchError(
            "Your own hypotheses say themselves what they hold fixed, as y ~ x | z. Leave control out."
        )
    if question.claims and question.families:
        raise ResearchError(
            "Your own hypotheses are tested alone. Leave them out to test a family, or leave the family out."
        )
    if question.unit is not None and question.unit in (question.time, *question.control):
        raise ResearchError(
            f"The unit {question.unit!r} tells which rows belong together; leave it out of time and control."
        )
    if question.target is not None and question.target in question.control:
        raise ResearchError(
            f"The target {question.target!r} cannot be held fixed. Leave it out of the controls."
        )
