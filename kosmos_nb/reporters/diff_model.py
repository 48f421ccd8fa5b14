"""What changed between two profiles, as plain words and rows: for its text, HTML and widget.

The views say what is different, not what it comes from: two runs cannot show that.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from kosmos_nb.core import units
from kosmos_nb.history import Change, ProfileDiff, ProfileResult
from kosmos_nb.reporters.markup import clean
from kosmos_nb.reporters.numbers import seconds_within
from kosmos_nb.reporters.places import function_name, place, short_id
from kosmos_nb.reporters.profile_model import MOST_NOTES, NOTE_CHARACTERS, subject_of
from kosmos_nb.reporters.profile_rows import LINE_CHARACTERS

SAME = 1.02  # a ratio below it is no difference worth a word
TIMES = 1.095  # from here on "1.1×", below in percent
MOST_TIMES = 1e6  # beyond that one of the two was not a run of it
LEAST_BYTES = 1_000_000
ONE_RUN_EACH = (
    "One run each: ± is what sampling leaves open; how much the machine varies from run to run is not in it."
)


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One function or line in both profiles.

    Attributes:
        name, place: Function and where it is; the text of a line and `line 4`.
        before, after: Its own time, `-` where it was not seen.
        change: `+1.2 s ± 0.1`.
        clear: `slower`, `faster`, or `within the noise`.
        mark, tone: Sign of that word, and its colour in the style sheet.
        length: -1 (the largest change of the table, faster) to 1 (slower), for a bar.
    """

    name: str
    place: str
    before: str
    after: str
    change: str
    clear: str
    mark: str
    tone: str
    length: float


@dataclass(frozen=True, slots=True)
class DiffModel:
    """All that the views of a difference show.

    Attributes:
        title: What was compared.
        headline: `1.9× slower: 3.1 s → 5.9 s, peak +12 MB`.
        tone: `bad` where it got slower, `ok` where faster, else `off`.
        reading: The clearest changes, in a sentence.
        numbers: Name, before, after, change: the clocks and memory.
        functions, lines: Rows, the largest slow-down first.
        foot: The fine print.
        notes: What makes the two hard to compare.
    """

    title: str
    headline: str
    tone: str
    reading: str
    numbers: tuple[tuple[str, str, str, str], ...]
    functions: tuple[ChangeRow, ...]
    lines: tuple[ChangeRow, ...]
    foot: tuple[str, ...]
    notes: tuple[str, ...]


def diff_model(diff: ProfileDiff) -> DiffModel:
    """Return what the views of `diff` show."""
    before, after = diff.before, diff.after
    word, tone = faster_or_slower(before.wall_s, after.wall_s)
    memory = after.peak_bytes - before.peak_bytes
    peak = f", peak {units.size_change(memory)}" if abs(memory) >= LEAST_BYTES else ""
    return DiffModel(
        title=_title(before, after),
        headline=f"{word}: {units.seconds(before.wall_s)} → {units.seconds(after.wall_s)}{peak}",
        tone=tone,
        reading=_reading(diff),
        numbers=_numbers(before, after),
        functions=change_rows(diff.functions, is_line=False),
        lines=change_rows(diff.lines, is_line=True),
        foot=tuple(f"{name} {_origin(one)}" for name, one in (("before", before), ("after", after))),
        notes=(*(clean(note, NOTE_CHARACTERS) for note in diff.notes[:MOST_NOTES]), ONE_RUN_EACH),
    )


def faster_or_slower(before_s: float, after_s: float) -> tuple[str, str]:
    """Return the change of a duration in words, and its tone: `("1.9× slower", "bad")`."""
    if not (before_s > 0 and after_s > 0 and math.isfinite(before_s) and math.isfinite(after_s)):
        return "not comparable", "off"
    ratio = after_s / before_s
    word, tone = ("slower", "bad") if ratio > 1 else ("faster", "ok")
    larger = max(ratio, 1 / ratio)
    if larger > MOST_TIMES:
        return "not comparable", "off"
    if larger < SAME:
        return "as fast", "off"
    if larger < TIMES:
        return f"{100 * abs(ratio - 1):.0f} % {word}", tone
    return f"{larger:.2g}× {word}" if larger < 99.5 else f"{units.count(round(larger))}× {word}", tone


def change_rows(changes: Sequence[Change], *, is_line: bool) -> tuple[ChangeRow, ...]:
    """Return the changes as they come: the largest slow-down first, the largest speed-up last."""
    longest = max((abs(one.change_s) for one in changes), default=0.0) or 1.0
    return tuple(_row(one, longest, is_line=is_line) for one in changes)


def _row(one: Change, longest_s: float, *, is_line: bool) -> ChangeRow:
    if not one.is_clear:
        clear, mark, tone = "within the noise", "≈", "off"
    elif one.change_s > 0:
        clear, mark, tone = "slower", "▲", "bad"
    else:
        clear, mark, tone = "faster", "▼", "ok"
    sign = "+" if one.change_s > 0 else "−" if one.change_s < 0 else ""
    return ChangeRow(
        name=clean(one.name.strip(), LINE_CHARACTERS) if is_line else function_name(one.name),
        place=f"line {one.line}" if is_line else place(one.file, one.line),
        before=_time(one.before_s),
        after=_time(one.after_s),
        change=sign + seconds_within(abs(one.change_s), one.error_s),
        clear=clear,
        mark=mark,
        tone=tone,
        length=one.change_s / longest_s,
    )


def _time(value_s: float) -> str:
    return units.seconds(value_s) if value_s > 0 else "–"


def _title(before: ProfileResult, after: ProfileResult) -> str:
    first, second = subject_of(before), subject_of(after)
    return f"Two profiles of {second}" if first == second else f"{first} → {second}"


def _reading(diff: ProfileDiff) -> str:
    changes = diff.functions or diff.lines
    if not changes:
        return "Clocks and memory only: with --mode standard both would say where the time changed."
    clear = sorted((one for one in changes if one.is_clear), key=lambda one: -abs(one.change_s))
    if not clear:
        return "No function changed by more than sampling leaves open."
    told = []
    for one in clear[:2]:
        name, change = function_name(one.name.strip()), units.seconds(abs(one.change_s))
        if one.before_s <= 0:
            told.append(f"{name} is new, {change}")
        elif one.after_s <= 0:
            told.append(f"{name} is no longer seen, {change} before")
        else:
            told.append(f"{name} takes {change} {'longer' if one.change_s > 0 else 'less'}")
    return "; ".join(told) + "."


def _numbers(before: ProfileResult, after: ProfileResult) -> tuple[tuple[str, str, str, str], ...]:
    def times(name: str, first_s: float, second_s: float) -> tuple[str, str, str, str]:
        change_s = second_s - first_s
        sign = "+" if change_s > 0 else ""
        return name, units.seconds(first_s), units.seconds(second_s), sign + units.seconds(change_s)

    rows = [times("wall", before.wall_s, after.wall_s), times("CPU", before.cpu_s, after.cpu_s)]
    if before.children_cpu_s > 0 or after.children_cpu_s > 0:
        rows.append(times("CPU of child processes", before.children_cpu_s, after.children_cpu_s))
    if before.peak_bytes > 0 and after.peak_bytes > 0:
        above = [max(0, one.peak_bytes - one.rss_start_bytes) for one in (before, after)]
        rows.append(_sizes("peak memory", before.peak_bytes, after.peak_bytes))
        rows.append(_sizes("peak above start", above[0], above[1]))
    return tuple(rows)


def _sizes(name: str, first: int, second: int) -> tuple[str, str, str, str]:
    return name, units.size(first), units.size(second), units.size_change(second - first)


def _origin(one: ProfileResult) -> str:
    sampled = f", {units.count(one.samples)} samples" if one.samples else ""
    return f"{one.mode}{sampled}, id {short_id(clean(one.id, 40))}"
