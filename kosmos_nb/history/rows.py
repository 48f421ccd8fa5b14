"""Records as rows of tables, and rows as records again.

A `Bundle` is what one transaction writes: the rows of one profile, or of one ended run. The
store inserts bundles, the spool keeps them as JSON lines; so both hold exactly the same.
Bulk that is only read as a whole (call tree, memory over time) becomes a blob: JSON,
column by column so that depth costs no recursion, then zlib.
"""

from __future__ import annotations

import dataclasses
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from kosmos_nb.core import HistoryError
from kosmos_nb.core.masking import mask
from kosmos_nb.history.records import (
    AllocationSite,
    Bottleneck,
    CallNode,
    ChildProcess,
    Experiment,
    FunctionStat,
    Hypothesis,
    InputData,
    LineStat,
    MemorySnapshot,
    ProfileResult,
    Progress,
    Run,
    RunSnapshot,
    Verdict,
    walk,
)

Record = ProfileResult | RunSnapshot
Row = dict[str, Any]
Rows = dict[str, list[Row]]
T = TypeVar("T")

# Shape of the rows; it grows with what a row can say. Profiles of version 1 knew no sampling
# errors, no waiting for locks, no child processes and no traced memory; those of version 2 did not
# know what data they read.
PROFILE_VERSION = 3
RUN_VERSION = 1

# Table: the profile's field that it keeps, and what the field holds.
_PARTS: Mapping[str, tuple[str, type]] = {
    "function_stats": ("function_stats", FunctionStat),
    "line_stats": ("line_stats", LineStat),
    "bottlenecks": ("bottlenecks", Bottleneck),
    "child_processes": ("children", ChildProcess),
    "allocation_sites": ("allocation_sites", AllocationSite),
    "inputs": ("inputs", InputData),
}
_BULK = ("tree", "memory_snapshots", "standing", "value", *(name for name, _ in _PARTS.values()))
_LISTS = ("notes", "given", "caveats", "traces")
_PROGRESS = ("state", "wall_s", "effect", "ci_low", "ci_high", "reason")
# Columns in which users, and what they ran, had their say.
_SPOKEN = frozenset(
    ("code", "label", "source", "name", "reading", "question", "statement", "error", "reason")
)
_SNAPSHOT = tuple(f.name for f in dataclasses.fields(MemorySnapshot))
_TREE = ("name", "file", "line", "self_s", "total_s", "self_cpu_s", "samples")


@dataclass(frozen=True, slots=True)
class Bundle:
    """The rows of one record, by table; the record's own row comes first.

    Attributes:
        kind: `profile` or `run`.
        id: UUIDv7 of the record; saving the same id again changes nothing.
        rows: Table name to rows. The first table is `executions` or `runs`.
    """

    kind: Literal["profile", "run"]
    id: str
    rows: Rows


def to_bundle(record: Record) -> Bundle:
    """Take a record apart into rows; what looks like a secret is masked.

    Raises:
        HistoryError: It is neither a profile nor a run.
    """
    if isinstance(record, ProfileResult):
        return Bundle("profile", record.id, _clean(_profile_rows(record)))
    if isinstance(record, RunSnapshot):
        return Bundle("run", record.run.id, _clean(_run_rows(record)))
    raise HistoryError(
        f"A {type(record).__name__} cannot be saved; the history keeps ProfileResult and RunSnapshot."
    )


def _profile_rows(profile: ProfileResult) -> Rows:
    owner = {"execution_id": profile.id}
    main = _fields(profile, leave=_BULK) | {
        "record_version": PROFILE_VERSION,
        "input_cells": max(0, min(profile.input_cells, 2**63 - 1)),
    }
    rows: Rows = {"executions": [main]}
    for table, (name, _) in _PARTS.items():
        parts = getattr(profile, name)
        rows[table] = [{**owner, "position": n, **_fields(part)} for n, part in enumerate(parts)]
    rows["blobs"] = []
    if profile.tree is not None:
        rows["blobs"].append({**owner, "part": "call_tree", "data": pack(_tree_columns(profile.tree))})
    if profile.memory_snapshots:
        columns = _columns(profile.memory_snapshots, _SNAPSHOT)
        rows["blobs"].append({**owner, "part": "memory_snapshots", "data": pack(columns)})
    return rows


def _run_rows(picture: RunSnapshot) -> Rows:
    owner = {"run_id": picture.run.id}
    run = _fields(picture.run) | {
        "picture_seq": picture.seq,
        "step": picture.step,
        "eta_s": picture.eta_s,
        "record_version": RUN_VERSION,
    }
    rows: Rows = {"runs": [run], "hypotheses": [], "experiments": [], "verdicts": []}
    for n, step in enumerate(picture.progress):
        hypothesis = _fields(step.hypothesis)
        hypothesis["hypothesis_id"] = hypothesis.pop("id")
        state = {name: getattr(step, name) for name in _PROGRESS}
        rows["hypotheses"].append({**owner, "position": n, **hypothesis, **state})
        if step.verdict is not None:
            rows["verdicts"].append({**owner, "position": n, **_fields(step.verdict)})
    for n, experiment in enumerate(picture.experiments):
        rows["experiments"].append({**owner, "position": n, **_fields(experiment)})
    return rows


def profile_from_rows(rows: Rows) -> ProfileResult:
    """Put a profile together again; equal to what was saved, but for what is never kept."""
    (main,) = rows["executions"]
    blobs = {row["part"]: unpack(row["data"]) for row in rows["blobs"]}
    parts: dict[str, Any] = {
        name: tuple(_build(kind, row) for row in rows.get(table, ()))
        for table, (name, kind) in _PARTS.items()
    }
    parts["tree"] = _tree(blobs["call_tree"]) if "call_tree" in blobs else None
    # Older versions knew fewer columns, newer ones may know more.
    snapshots = {k: v for k, v in blobs.get("memory_snapshots", {}).items() if k in _SNAPSHOT}
    parts["memory_snapshots"] = tuple(
        MemorySnapshot(**dict(zip(snapshots, values, strict=True)))
        for values in zip(*snapshots.values(), strict=True)
    )
    return _build(ProfileResult, main, **parts)


def run_from_rows(rows: Rows) -> RunSnapshot:
    """Put an ended run together again; equal to what was saved."""
    (main,) = rows["runs"]
    verdicts = {row["position"]: _build(Verdict, row) for row in rows["verdicts"]}
    progress = tuple(
        Progress(
            hypothesis=_build(Hypothesis, row, id=row["hypothesis_id"]),
            verdict=verdicts.get(row["position"]),
            **{name: row[name] for name in _PROGRESS},
        )
        for row in rows["hypotheses"]
    )
    return RunSnapshot(
        run=_build(Run, main, versions=json.loads(main["versions"])),
        progress=progress,
        experiments=tuple(_build(Experiment, row) for row in rows["experiments"]),
        seq=main["picture_seq"],
        step=main["step"],
        eta_s=main["eta_s"],
    )


def _fields(record: Any, *, leave: Sequence[str] = ()) -> Row:
    """Return the record's own fields as a row; lists and mappings as JSON text."""
    row = {f.name: getattr(record, f.name) for f in dataclasses.fields(record) if f.name not in leave}
    for name in (*_LISTS, "versions"):
        if name in row and not isinstance(row[name], str):
            value = row[name]
            plain = dict(value) if isinstance(value, Mapping) else [mask(item) for item in value]
            row[name] = json.dumps(plain, ensure_ascii=False)
    return row


def _build(kind: type[T], row: Row, **given: Any) -> T:
    values: dict[str, Any] = dict(given)
    for f in dataclasses.fields(kind):  # type: ignore[arg-type]  # every kind here is a dataclass
        if f.name in values or f.name not in row:
            continue
        value = row[f.name]
        if f.name in _LISTS and str(f.type).startswith("tuple"):
            value = tuple(json.loads(value))
        elif value is None and f.type == "float":
            value = float("nan")  # SQLite keeps a NaN as NULL
        elif value is not None and f.type in ("bool", "bool | None"):
            value = bool(value)  # SQLite keeps it as a number
        values[f.name] = value
    return kind(**values)


def _clean(rows: Rows) -> Rows:
    """Mask secrets, and write half surrogate pairs as escapes: SQLite and UTF-8 know no other way."""
    for table in rows.values():
        for row in table:
            for name, value in row.items():
                if not isinstance(value, str):
                    continue
                text = mask(value) if name in _SPOKEN else value
                if not text.isascii():
                    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
                row[name] = text
    return rows


def pack(plain: Any) -> bytes:
    """Return compressed JSON."""
    return zlib.compress(json.dumps(plain, separators=(",", ":")).encode(), 6)


def unpack(data: bytes) -> Any:
    """Read what `pack` made."""
    return json.loads(zlib.decompress(data))


def _columns(items: Iterable[Any], names: Sequence[str]) -> dict[str, list[Any]]:
    items = list(items)
    return {name: [getattr(item, name) for item in items] for name in names}


def _tree_columns(root: CallNode) -> dict[str, list[Any]]:
    """Return the tree's nodes, each before its children, with how many children each has."""
    nodes = [node for _, node in walk(root)]
    return _columns(nodes, _TREE) | {"n_children": [len(node.children) for node in nodes]}


def _tree(columns: dict[str, list[Any]]) -> CallNode:
    built: list[CallNode] = []
    for n in reversed(range(len(columns["name"]))):
        children = tuple(built.pop() for _ in range(columns["n_children"][n]))
        built.append(CallNode(**{name: columns[name][n] for name in _TREE}, children=children))
    (root,) = built
    return root
