"""Two profiles side by side: what got slower, what got faster, and what is chance.

Functions are matched by name and file, and lines by their text: an edit above them moves lines,
and a cell that runs again gets a new number, but it is the same code.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from kosmos_nb.core import ConfigError
from kosmos_nb.history.matching import match_lines
from kosmos_nb.history.records import (
    CallNode,
    Change,
    DiffNode,
    FunctionStat,
    ProfileDiff,
    ProfileResult,
    walk,
)

Key = tuple[str, str]  # name and file

# A cell's functions: the number changes with each run, the code does not.
_CELL = re.compile(r"In\[\d*\]|<ipython-input-.*>|.*ipykernel_\d+[\\/]\d+\.py|<notebook>")


def compare(before: ProfileResult, after: ProfileResult) -> ProfileDiff:
    """Lay two profiles side by side.

    Times are wall seconds as measured; the error of a difference is the square root of the sum of
    both squared errors. Where either profile has no samples, only the clocks are compared:
    `functions` and `lines` are empty and `tree` is None.

    Args:
        before: The older profile, or what the other is judged against.
        after: The newer one.

    Raises:
        ConfigError: One of them is no profile.
    """
    given: tuple[tuple[str, object], ...] = (("before", before), ("after", after))
    for name, profile in given:
        if not isinstance(profile, ProfileResult):
            what = "None: nothing was profiled there" if profile is None else f"a {type(profile).__name__}"
            raise ConfigError(f"compare(before, after) takes two profiles, and {name!r} is {what}.")
    if before.tree is None or after.tree is None:
        return ProfileDiff(before=before, after=after, notes=_notes(before, after))
    return ProfileDiff(
        before=before,
        after=after,
        functions=_functions(before.function_stats, after.function_stats),
        lines=_lines(before, after),
        tree=_overlaid(before.tree, after.tree),
        notes=_notes(before, after),
    )


@dataclass(slots=True)
class _Both:
    """Sums of one thing in both profiles, and where it was seen last."""

    name: str = ""
    file: str = ""
    line: int = 0
    own_s: list[float] = field(default_factory=lambda: [0.0, 0.0])
    error_s: list[float] = field(default_factory=lambda: [0.0, 0.0])
    children: dict[Key, _Both] = field(default_factory=dict)

    def add(self, side: int, name: str, file: str, line: int, own_s: float, error_s: float = 0.0) -> None:
        if math.isfinite(own_s):
            self.own_s[side] += own_s
        self.error_s[side] = math.hypot(self.error_s[side], error_s if math.isfinite(error_s) else 0.0)
        self.name, self.file, self.line = name, file, line

    def change(self) -> Change:
        return Change(
            name=self.name,
            file=self.file,
            line=self.line,
            before_s=self.own_s[0],
            after_s=self.own_s[1],
            error_s=math.hypot(*self.error_s),
        )


def _functions(before: Iterable[FunctionStat], after: Iterable[FunctionStat]) -> tuple[Change, ...]:
    found: dict[Key, _Both] = {}
    for side, stats in enumerate((before, after)):
        for stat in stats:
            both = found.setdefault(_key(stat.name, stat.file), _Both())
            both.add(side, stat.name, stat.file, stat.line, stat.self_s, stat.self_error_s)
    return _sorted(both.change() for both in found.values())


def _lines(before: ProfileResult, after: ProfileResult) -> tuple[Change, ...]:
    """Match the lines of both cells; a line that is gone keeps its old number."""
    partners = match_lines(_source(before), _source(after))
    found: dict[tuple[str, int], _Both] = {}
    for side, profile in enumerate((before, after)):
        file = profile.tree.file if profile.tree is not None else ""
        for stat in profile.line_stats:
            here = partners.get(stat.line) if side == 0 else stat.line
            key = ("gone", stat.line) if here is None else ("here", here)
            both = found.setdefault(key, _Both())
            both.add(side, stat.source, file, stat.line if here is None else here, stat.wall_s, stat.error_s)
    return _sorted(both.change() for both in found.values())


def _source(profile: ProfileResult) -> Mapping[int, str]:
    """Return the cell's text by line number; what was seen of it, where the text is not known."""
    known = dict(enumerate(profile.code.splitlines(), start=1))
    return known | {stat.line: stat.source for stat in profile.line_stats}


def _overlaid(before: CallNode, after: CallNode) -> DiffNode:
    """Lay two trees over each other by path; frames of one name and file below one caller are one."""
    root = _Both()
    for side, tree in enumerate((before, after)):
        above: list[_Both] = []
        for depth, node in walk(tree):
            del above[depth:]
            key = _key(node.name, node.file)
            both = above[-1].children.setdefault(key, _Both()) if above else root
            both.add(side, node.name, node.file, node.line, node.self_s)
            above.append(both)
    return _frozen(root)


def _frozen(root: _Both) -> DiffNode:
    """Add up from the leaves, the longest callee first; trees can be deep, so without recursion."""
    order = [root]
    for both in order:
        order.extend(both.children.values())
    done: dict[int, DiffNode] = {}
    for both in reversed(order):
        children = sorted((done.pop(id(child)) for child in both.children.values()), key=_weight)
        done[id(both)] = DiffNode(
            name=both.name,
            file=both.file,
            line=both.line,
            before_s=both.own_s[0] + math.fsum(child.before_s for child in children),
            after_s=both.own_s[1] + math.fsum(child.after_s for child in children),
            before_self_s=both.own_s[0],
            after_self_s=both.own_s[1],
            children=tuple(children),
        )
    return done[id(root)]


def _weight(node: DiffNode) -> tuple[float, str]:
    return -max(node.before_s, node.after_s), node.name


def _sorted(changes: Iterable[Change]) -> tuple[Change, ...]:
    seen = [one for one in changes if one.before_s or one.after_s]
    return tuple(sorted(seen, key=lambda one: (-one.change_s, -one.after_s, one.name, one.file, one.line)))


def _key(name: str, file: str) -> Key:
    return name, "In[]" if _CELL.fullmatch(file) else file


def _notes(before: ProfileResult, after: ProfileResult) -> tuple[str, ...]:
    """Return what makes the two hard to compare."""
    notes = [say(before, after) for say in _SAYINGS]
    return tuple(note for note in notes if note)


def _other(what: str, of: Callable[[ProfileResult], str], why: str = "") -> Callable[..., str]:
    def say(before: ProfileResult, after: ProfileResult) -> str:
        old, new = of(before), of(after)
        return f"Other {what}: {old or 'none'} before, {new or 'none'} after{why}." if old != new else ""

    return say


def _no_tree(before: ProfileResult, after: ProfileResult) -> str:
    bare = [name for name, one in (("before", before), ("after", after)) if one.tree is None]
    if not bare:
        return ""
    who = "Neither profile has" if len(bare) == 2 else f"The profile {bare[0]} has no"
    return f"{who} samples: only the clocks can be compared (use --mode standard)."


def _other_code(before: ProfileResult, after: ProfileResult) -> str:
    is_known = before.code_hash and after.code_hash
    is_same = before.code_hash == after.code_hash if is_known else before.code == after.code
    return "" if is_same else "The code was edited in between."


def _cut_short(before: ProfileResult, after: ProfileResult) -> str:
    ends = [
        f"{one.status} {name}" + (f" ({one.exception_type})" if one.exception_type else "")
        for name, one in (("before", before), ("after", after))
        if one.status != "ok"
    ]
    return f"The cell did not run to its end: {', '.join(ends)}." if ends else ""


def _no_errors(before: ProfileResult, after: ProfileResult) -> str:
    silent = [
        name
        for name, one in (("before", before), ("after", after))
        if one.function_stats and not any(stat.self_error_s for stat in one.function_stats)
    ]
    return (
        f"The profile {' and the one '.join(silent)} states no sampling error: small changes may be chance."
        if silent
        else ""
    )


_SAYINGS = (
    _other("kind", lambda one: one.kind),
    _other("mode", lambda one: one.mode, ", with another overhead"),
    _other("traces", lambda one: ", ".join(one.traces), ", which slow the code down"),
    _other("machine", lambda one: one.host),
    _other("Python", lambda one: one.python),
    _other_code,
    _cut_short,
    _no_tree,
    _no_errors,
)
