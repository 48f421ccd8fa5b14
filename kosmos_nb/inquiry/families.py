"""Which hypotheses a table gives rise to: all pairs of columns, by the kinds of the two.

The list is fixed before any outcome is looked at.
"""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import itertools
import json
import re
from collections.abc import Sequence

from kosmos_nb.core import ResearchError
from kosmos_nb.history.records import Family, Hypothesis
from kosmos_nb.inquiry.columns import Column
from kosmos_nb.inquiry.units import UNITS

# Words that a question is made of; a column of such a name must be named by --target.
LITTLE_WORDS = frozenset(
    "a an and are as at be by do does for from how i in is it of on or the to what when where which "
    "who why with x y".split()
)


def enumerate_pairs(columns: Sequence[Column], *, target: str, target_only: bool) -> list[Hypothesis]:
    """Return one hypothesis a pair of columns, those that touch the target first.

    Args:
        columns: At least two.
        target: A column's name, or empty.
        target_only: Leave out the pairs that do not touch the target.
    """
    pairs = list(itertools.combinations(columns, 2))
    about = [pair for pair in pairs if target in (pair[0].name, pair[1].name)]
    rest = [] if target_only else [pair for pair in pairs if target not in (pair[0].name, pair[1].name)]
    return [
        dataclasses.replace(_hypothesis(first, second, target), id=f"H{number}")
        for number, (first, second) in enumerate([*about, *rest], start=1)
    ]


def register(hypothesis: Hypothesis, *, settings: dict[str, object]) -> Hypothesis:
    """Hash what will be tested and how, before the test.

    Args:
        hypothesis: The statement.
        settings: Data hash, seed, alpha, smallest effect: whatever the verdict depends on.
    """
    plan = {
        "family": hypothesis.family,
        "x": hypothesis.x,
        "y": hypothesis.y,
        "given": list(hypothesis.given),
        **settings,
    }
    canonical = json.dumps(plan, sort_keys=True, separators=(",", ":"))
    return dataclasses.replace(hypothesis, registered_hash=hashlib.sha256(canonical.encode()).hexdigest())


def find_target(question: str, names: Sequence[str]) -> str:
    """Return the column that the question is about, or an empty string.

    A column is named when all words of its name (units aside) stand in the question; of
    several, the one with most words, then the first in the question, wins.
    """
    asked = _words(question)
    best, best_key = "", (0, 0)
    for name in names:
        words = [word for word in _words(name) if word not in UNITS] or _words(name)
        if set(words) - LITTLE_WORDS and all(word in asked for word in words):
            key = (len(words), -min(asked.index(word) for word in words))
            if not best or key > best_key:
                best, best_key = name, key
    return best


def check_target(target: object, names: Sequence[str], *, left_out: Sequence[str], data_name: str) -> str:
    """Return the target's name.

    Args:
        target: As the user gave it; names of columns may be numbers.
        names: Of the columns there are. left_out: Why others are not there, `name: reason`.

    Raises:
        ResearchError: It is no column; the message suggests the nearest.
    """
    target = str(target)
    if target in names:
        return target
    why = next((reason for reason in left_out if reason.startswith(f"{target}: ")), None)
    if why is not None:
        raise ResearchError(f"{data_name} has a column {target!r}, but it cannot be researched: {why}.")
    lower = {name.lower(): name for name in names}
    near = difflib.get_close_matches(target.lower(), list(lower), n=1, cutoff=0.5)
    hint = (
        f"Did you mean {lower[near[0]]!r}?"
        if near
        else f"It has {', '.join(names[:8])}{' …' if len(names) > 8 else ''}."
    )
    raise ResearchError(f"{data_name} has no column {target!r}. {hint}")


def _words(text: str) -> list[str]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    words = re.findall(r"[^\W_]+", spaced.lower())
    return [
        word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
        for word in words
    ]


def _hypothesis(first: Column, second: Column, target: str) -> Hypothesis:
    family: Family
    kinds = {first.kind, second.kind}
    y, x = (first, second) if first.name == target else (second, first)
    if kinds == {"category"}:
        family, statement = "category_association", f"{y.name} is associated with {x.name}"
    elif "category" in kinds and "numeric" in kinds:
        group, measure = (first, second) if first.kind == "category" else (second, first)
        family, x, y = "group_difference", group, measure
        statement = f"{y.name} differs between the levels of {x.name}"
    else:
        family, statement = "association", f"{y.name} is associated with {x.name}"
    return Hypothesis(id="", statement=statement, family=family, x=x.name, y=y.name)
