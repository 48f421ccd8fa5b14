"""Which line of an edited cell is which line of the cell before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher

SIMILAR = 0.6  # of its characters, in order: then a line was edited; else it is another one
# Two cells with nothing in common are no reason to compare every line with every other.
_NEAR = 20
_CHARACTERS = 200


def match_lines(before: Mapping[int, str], after: Mapping[int, str]) -> dict[int, int]:
    """Match lines by their text, whatever was inserted or removed between them.

    A line that was edited in its place is matched where most of its text is the same. Indents do
    not count.

    Args:
        before, after: Text by line number.

    Returns:
        Numbers in `after` by number in `before`; matching the other way gives the same pairs.
    """
    old, new = ([(n, lines[n].strip()) for n in sorted(lines)] for lines in (before, after))
    # difflib prefers matches that are early in the first text: give it the two in one order.
    is_swapped = [text for _, text in old] > [text for _, text in new]
    if is_swapped:
        old, new = new, old
    pairs = _matched([text for _, text in old], [text for _, text in new])
    matched = {old[i][0]: new[j][0] for i, j in pairs}
    return {j: i for i, j in matched.items()} if is_swapped else matched


def _matched(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    pairs: list[tuple[int, int]] = []
    for what, i, i_end, j, j_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what == "equal":
            pairs += zip(range(i, i_end), range(j, j_end), strict=True)
        elif what == "replace":
            pairs += _edited(old, new, range(i, i_end), range(j, j_end))
    return pairs


def _edited(old: Sequence[str], new: Sequence[str], olds: range, news: range) -> list[tuple[int, int]]:
    """Pair lines of two stretches in order, each with the first that is similar to it."""
    pairs = []
    start = news.start
    for i in olds:
        for j in range(start, min(start + _NEAR, news.stop)):
            if _are_similar(old[i], new[j]):
                pairs.append((i, j))
                start = j + 1
                break
    return pairs


def _are_similar(old: str, new: str) -> bool:
    if not old or not new:
        return False
    both = SequenceMatcher(None, old[:_CHARACTERS], new[:_CHARACTERS], autojunk=False)
    # The first two are quick, and never below the third.
    return all(ratio() >= SIMILAR for ratio in (both.real_quick_ratio, both.quick_ratio, both.ratio))
