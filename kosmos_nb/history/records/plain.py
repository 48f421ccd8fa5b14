"""Records as plain lists, dicts, numbers and texts, as JSON has them, and back.

What is not a finite number, for which JSON has no word, is written as the text `NaN`, `Infinity`
or `-Infinity`. A call tree is written flat, each frame before those that it called, with its
depth: nesting would make a deep recursion unreadable.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from kosmos_nb.history.records.parts import CallNode

T = TypeVar("T")

_NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_NAMED = 4  # missing fields that a complaint names
_FRAME = tuple(f.name for f in dataclasses.fields(CallNode) if f.name != "children")


def as_plain(record: Any, *, leave: Iterable[str] = ()) -> dict[str, Any]:
    """Return a record's fields, its parts as dicts; those named in `leave` stay out."""
    left = set(leave)
    return {f.name: _plain(getattr(record, f.name)) for f in dataclasses.fields(record) if f.name not in left}


def _plain(value: Any) -> Any:
    if isinstance(value, CallNode):
        return [
            {"depth": depth, **{name: getattr(node, name) for name in _FRAME}} for depth, node in walk(value)
        ]
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return as_plain(value) if dataclasses.is_dataclass(value) else value


def spelled(plain: Any) -> Any:
    """Return the same with a word for each number that JSON cannot write."""
    if isinstance(plain, float) and not math.isfinite(plain):
        return next(word for word, number in _NOT_FINITE.items() if repr(number) == repr(plain))
    if isinstance(plain, dict):
        return {key: spelled(value) for key, value in plain.items()}
    return [spelled(item) for item in plain] if isinstance(plain, list) else plain


def json_text(plain: Any) -> str:
    """Return plain lists, dicts, numbers and texts as JSON, every number spelled exactly."""
    return json.dumps(spelled(plain), allow_nan=False)


def build(kind: type[T], plain: Mapping[str, Any], **given: Any) -> T:
    """Make a record of `kind`; keys that it does not know are left aside.

    Raises:
        ValueError: A field is missing, or holds what it cannot hold.
    """
    if not isinstance(plain, Mapping):
        raise ValueError(f"a {kind.__name__} cannot be made of a {type(plain).__name__}")
    values = dict(given)
    for f in dataclasses.fields(kind):  # type: ignore[arg-type]  # every kind here is a dataclass
        if f.name in plain and f.name not in given:
            values[f.name] = _checked(f"{kind.__name__}.{f.name}", str(f.type), plain[f.name])
    missing = [f.name for f in dataclasses.fields(kind) if f.name not in values and _is_needed(f)]  # type: ignore[arg-type]
    if missing:
        more = f" and {len(missing) - _NAMED} more fields" if len(missing) > _NAMED else ""
        raise ValueError(f"{kind.__name__} lacks {', '.join(missing[:_NAMED])}{more}")
    return kind(**values)


def _is_needed(f: dataclasses.Field[Any]) -> bool:
    return f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING


def _checked(name: str, kind: str, value: Any) -> Any:
    """Return the value if a field with this annotation can hold it."""
    wanted = kind.removesuffix(" | None")
    if value is None and wanted != kind:
        return None
    if wanted == "float" and isinstance(value, str) and value in _NOT_FINITE:
        return _NOT_FINITE[value]
    if wanted == "float" and type(value) in (int, float):
        return float(value)
    if wanted == "tuple[str, ...]" and isinstance(value, (list, tuple)):
        if all(isinstance(item, str) for item in value):
            return tuple(value)
    # Else a text, or one of a few words. A bool is no number here, though Python says so.
    elif type(value) is {"int": int, "bool": bool, "float": None}.get(wanted, str):
        return value
    shown = repr(value) if len(repr(value)) < 40 else type(value).__name__
    raise ValueError(f"{name} cannot be {shown}")


def items(plain: Mapping[str, Any], name: str) -> list[Any]:
    """Return the list under `name`, empty where there is none.

    Raises:
        ValueError: It is no list.
    """
    found = plain.get(name, [])
    if not isinstance(found, (list, tuple)):
        raise ValueError(f"{name} is no list")
    return list(found)


def walk(root: CallNode) -> Iterator[tuple[int, CallNode]]:
    """Give every frame with its depth, each before those that it called; to any depth."""
    waiting = [(0, root)]
    while waiting:
        depth, node = waiting.pop()
        yield depth, node
        waiting.extend((depth + 1, child) for child in reversed(node.children))


def tree_from_plain(plain: Any) -> CallNode | None:
    """Read a call tree, flat as it is written, or nested as version 1 wrote it.

    Raises:
        ValueError: It is neither.
    """
    if plain is None:
        return None
    frames = list(_flattened(plain)) if isinstance(plain, Mapping) else plain
    if not isinstance(frames, list) or not frames:
        raise ValueError("the call tree is not a list of frames")
    built: list[tuple[int, CallNode]] = []  # roots of what lies behind, the next one on top
    for frame in reversed(frames):
        depth = frame.get("depth") if isinstance(frame, Mapping) else None
        if not isinstance(depth, int):
            raise ValueError("a frame of the call tree has no depth")
        children = []
        while built and built[-1][0] == depth + 1:
            children.append(built.pop()[1])
        built.append((depth, build(CallNode, frame, children=tuple(children))))
    if len(built) != 1 or built[0][0] != 0:
        raise ValueError("the call tree's frames do not make one tree")
    return built[0][1]


def _flattened(nested: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    waiting: list[tuple[int, Any]] = [(0, nested)]
    while waiting:
        depth, node = waiting.pop()
        if not isinstance(node, Mapping):
            raise ValueError("a frame of the call tree is no mapping")
        yield {**node, "depth": depth}
        waiting.extend((depth + 1, child) for child in reversed(node.get("children", ())))
