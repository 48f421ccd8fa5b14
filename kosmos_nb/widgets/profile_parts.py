"""The parts of a profile's live view as plain data: tables, flame graphs, timeline.

A table's cell is a text (a number), `[words, place]`, or a bar: its four lengths and its text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kosmos_nb.core import units
from kosmos_nb.history import ProfileDiff, ProfileResult, walk
from kosmos_nb.reporters import (
    Bar,
    Box,
    DiffBox,
    DiffModel,
    ProfileModel,
    diff_boxes,
    diff_model,
    flame_boxes,
    hottest,
    line_path,
    timeline,
)

Part = dict[str, Any]
Cell = str | list[Any]
CURVE_WIDTH, CURVE_HEIGHT = 600, 40
WHOLE = 10_000  # a box's place and width are given in parts of it
WAITS, COMPUTES, SLOWER, FASTER = "k-w", "k-c", "k-s", "k-f"


def parts_of(
    result: ProfileResult, model: ProfileModel, earlier: ProfileDiff | None, most: int, most_lines: int
) -> list[Part]:
    """Return the parts that have something to show, the three of the tabs first.

    Args:
        result: The profile.
        model: What its views say.
        earlier: The difference to the run of this cell before, None where there was none.
        most: Most rows of each table; three times as many boxes of a flame graph.
        most_lines: Most lines of the cell.
    """
    made = [
        _lines(model, most_lines),
        _flame(result, 3 * most),
        _compared(earlier, most),
        _functions(model, most),
        _bottlenecks(model, most),
        _timeline(result),
        _children(model, most),
        _sites(model, most),
        {"name": "Clocks, memory, I/O", "kind": "pairs", "rows": model.facts},
    ]
    return [part for part in made if part is not None]


def _table(
    name: str, head: Sequence[tuple[str, bool, bool]], rows: list[list[Cell]], there: int, where: str
) -> Part | None:
    if not there:
        return None
    shown = f"{len(rows)} of {there}; all in {where}" if len(rows) < there else ""
    return {"name": name, "kind": "table", "head": head, "rows": rows, "shown": shown}


def _words(name: str) -> tuple[str, bool, bool]:
    return name, False, False


def _number(name: str, *, is_said: bool = True) -> tuple[str, bool, bool]:
    """Return a column of numbers; `is_said`: a narrow view puts its name before each number."""
    return name, True, is_said


def _bar(bar: Bar) -> list[Any]:
    return [*(round(part, 4) for part in bar.parts), bar.wall]


_TIMES = (_number("wall", is_said=False), _number("share", is_said=False), _number("off CPU"))


def _times(bar: Bar) -> list[Cell]:
    return [_bar(bar), bar.percent, bar.off_cpu]


def _lines(model: ProfileModel, most: int) -> Part | None:
    measured = any(row.memory for row in model.lines)
    head = [
        _number("line", is_said=False),
        _words("source"),
        *_TIMES,
        *([_number("memory")] if measured else []),
    ]
    rows: list[list[Cell]] = [
        [str(row.line), [row.source, ""], *_times(row.bar), *([row.memory] if measured else [])]
        for row in hottest(model.lines, most)
    ]
    return _table("Lines", head, rows, len(model.lines), "result.lines")


def _functions(model: ProfileModel, most: int) -> Part | None:
    counted = any(row.calls for row in model.functions)
    head = [_words("function"), *_TIMES, _number("total"), *([_number("calls")] if counted else [])]
    rows: list[list[Cell]] = [
        [
            [row.name, row.place],
            *_times(row.bar),
            units.seconds(row.total_s),
            *([row.calls] if counted else []),
        ]
        for row in model.functions[:most]
    ]
    return _table("Functions", head, rows, len(model.functions), "result.functions")


def _bottlenecks(model: ProfileModel, most: int) -> Part | None:
    rows: list[list[Cell]] = [
        [[f"{row.sign.mark} {row.sign.word}", ""], [row.reading, ""], row.share]
        for row in model.bottlenecks[:most]
    ]
    head = [_words("severity"), _words("reading"), _number("share", is_said=False)]
    return _table("Bottlenecks", head, rows, len(model.bottlenecks), "result.bottlenecks")


def _children(model: ProfileModel, most: int) -> Part | None:
    head = [_words("process"), _number("CPU"), _number("peak"), _number("seen for"), _number("then")]
    rows: list[list[Cell]] = [
        [[row.name, row.pid], row.cpu, row.peak, row.wall, row.state] for row in model.children[:most]
    ]
    return _table("Processes", head, rows, len(model.children), "result.children")


def _sites(model: ProfileModel, most: int) -> Part | None:
    head = [_words("allocated in"), _number("at the peak"), _number("share"), _number("blocks")]
    rows: list[list[Cell]] = [
        [[row.name, row.place], row.peak, row.share, row.blocks] for row in model.sites[:most]
    ]
    return _table("Traced memory", head, rows, len(model.sites), "result.allocation_sites")


def _timeline(result: ProfileResult) -> Part | None:
    course = timeline(result.memory_snapshots)
    if course is None:
        return None
    lines = [[line_path(course.memory, CURVE_WIDTH, CURVE_HEIGHT), course.memory_words]]
    if course.cores:
        steps = [(0.0, course.cores[0][1]), *course.cores]
        lines.insert(0, [line_path(steps, CURVE_WIDTH, CURVE_HEIGHT, low=0.0), course.cores_words])
    size = [CURVE_WIDTH, CURVE_HEIGHT]
    return {
        "name": "Timeline",
        "kind": "timeline",
        "lines": lines,
        "size": size,
        "end": units.seconds(course.end_s),
    }


def _flame(result: ProfileResult, most: int) -> Part | None:
    boxes = flame_boxes(result.tree, most) if result.tree is not None else ()
    if result.tree is None or not boxes:
        return None
    there = sum(1 for _ in walk(result.tree))
    return {
        "name": "Flame",
        "kind": "flame",
        **_boxes(
            [(box, box.total_s, box.self_s, COMPUTES if box.computing >= 0.5 else WAITS) for box in boxes]
        ),
        "words": ["total", "self"],
        "legend": "blue: mostly on the CPU; hatched: mostly off it",
        "shown": f"{len(boxes)} of {there} frames" if len(boxes) < there else "",
    }


def _compared(earlier: ProfileDiff | None, most: int) -> Part:
    if earlier is None:
        said = [
            "No earlier run of this cell in this kernel.",
            "Two results: kosmos_nb.compare(before, after).",
        ]
        return {"name": "Compare", "kind": "compare", "says": said}
    model = diff_model(earlier)
    grain_s = max(one.interval_s or 0.0 for one in (earlier.before, earlier.after))
    boxes = diff_boxes(earlier.tree, 3 * most, grain_s) if earlier.tree is not None else ()

    def tone(box: DiffBox) -> str:
        return SLOWER if box.change > 0 else FASTER if box.change < 0 else ""

    drawn = _boxes([(box, box.before_s, box.after_s, tone(box)) for box in boxes])
    legend = {"words": ["before", "now"], "legend": "red: slower than before; green: faster"}
    return {
        "name": "Compare",
        "kind": "compare",
        "says": [model.headline, " ".join((model.reading, *model.notes))],
        "changes": _changes(model, most),
        "boxes": {**drawn, **legend} if boxes else None,
    }


def _changes(model: DiffModel, most: int) -> Part | None:
    rows: list[list[Cell]] = [
        [[row.name, row.place], row.before, row.after, row.change, f"{row.mark} {row.clear}"]
        for row in model.functions[:most]
    ]
    head = [_words("function"), *(_number(name) for name in ("before", "now", "change", ""))]
    return _table("Changes", head, rows, len(model.functions), "diff.functions")


def _boxes(boxes: Sequence[tuple[Box | DiffBox, float, float, str]]) -> Part:
    """Return what `flame.js` draws: a row for each box, names given once."""
    names: dict[str, int] = {}

    def number(name: str) -> int:
        return names.setdefault(name, len(names))

    rows = [
        [
            box.parent, box.depth, round(box.start * WHOLE, 1), round(box.width * WHOLE, 1),
            number(box.name), number(box.place), _short(first_s), _short(second_s), tone,
        ]
        for box, first_s, second_s, tone in boxes
    ]  # fmt: skip
    return {"boxes": rows, "names": list(names)}


def _short(value_s: float) -> float:
    return float(f"{value_s:.3g}")
