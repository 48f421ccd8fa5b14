"""Finding the columns that words mean."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from kosmos_nb.core import ResearchError
from kosmos_nb.inquiry.units import UNITS

# Words that a question is made of; a column of such a name must be named by --target.
LITTLE_WORDS = frozenset(
    "a an and are as at be by do does for from how i in is it of on or the to what when where which "
    "who why with x y".split()
)


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


def matches(question: str, names: Sequence[str]) -> dict[str, int]:
    """Return how many words of each column's name stand in the question."""
    asked = set(_words(question)) - LITTLE_WORDS
    return {name: len(asked.intersection(_words(name))) for name in names}


def _words(text: str) -> list[str]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    words = re.findall(r"[^\W_]+", spaced.lower())
    return [
        word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
        for word in words
    ]
