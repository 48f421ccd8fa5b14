"""Records as rows of tables, and rows as records again.

A `Bundle` is what one transaction writes: the rows of one profile, or of one ended run. The
store inserts bundles, the spool keeps them as JSON lines; so both hold exactly the same.
Bulk that is only read as a whole (call tree, memory over time) becomes a blob.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from kosmos_nb.core import HistoryError
from kosmos_nb.core.masking import mask
from kosmos_nb.history.checksum import checksum, environment_hash, text_hash
from kosmos_nb.history.packing import columns, pack, tree_columns, tree_from_columns, unpack
from kosmos_nb.history.records import (
    AllocationSite,
    Bottleneck,
    ChildProcess,
    Environment,
    Experiment,
    FunctionStat,
    Hypothesis,
    InputData,
    LineStat,
    LlmCall,
    MemorySnapshot,
    ProfileResult,
    Progress,
    Run,
    RunSnapshot,
    Verdict,
)

Record = ProfileResult | RunSnapshot | LlmCall
Kind = Literal["profile", "run", "llm_call"]
Row = dict[str, Any]
Rows = dict[str, list[Row]]
T = TypeVar("T")

# Shape of the rows; it grows with what a row can say. Profiles of version 1 knew no sampling
# errors, no waiting for locks, no child processes and no traced memory; those of version 2 did not
# know what data they read, those of version 3 where they were taken, and had their source in their row.
PROFILE_VERSION = 4
RUN_VERSION = 2
LLM_CALL_VERSION = 1

# Table: the profile's field that it keeps, and what the field holds.
_PARTS: Mapping[str, tuple[str, type]] = {
    "function_stats": ("function_stats", FunctionStat),
    "line_stats": ("line_stats", LineStat),
    "bottlenecks": ("bottlenecks", Bottleneck),
    "child_processes": ("children", ChildProcess),
    "allocation_sites": ("allocation_sites", AllocationSite),
    "inputs": ("inputs", InputData),
}
_APART = ("code", "environment", "tree", "memory_snapshots", *(name for name, _ in _PARTS.values()))
_NEVER = ("standing", "value")
_LISTS = ("notes", "given", "caveats", "traces", "packages")
_PROGRESS = ("state", "wall_s", "effect", "ci_low", "ci_high", "reason")
# Columns in which users, and what they ran, had their say.
_SPOKEN = frozenset(("label", "source", "name", "reading", "question", "statement", "error", "reason"))
_SNAPSHOT = tuple(f.name for f in dataclasses.fields(MemorySnapshot))


@dataclass(frozen=True, slots=True)
class Bundle:
    """The rows of one record, by table; the record's own row comes first.

    Attributes:
        kind: `profile`, `run` or `llm_call`.
        id: UUIDv7 of the record; saving the same id again changes nothing.
        rows: Table name to rows. The first table is `executions`, `runs` or `llm_calls`.
    """

    kind: Kind
    id: str
    rows: Rows


def to_bundle(record: Record) -> Bundle:
    """Take a record apart into rows; what looks like a secret is masked.

    Raises:
        HistoryError: It is none that the history keeps.
    """
    if isinstance(record, ProfileResult):
        return Bundle("profile", record.id, _sealed(_profile_rows(record)))
    if isinstance(record, RunSnapshot):
        return Bundle("run", record.run.id, _sealed(_run_rows(record)))
    if isinstance(record, LlmCall):
        row = _fields(record) | {"record_version": LLM_CALL_VERSION}
        return Bundle("llm_call", record.id, _sealed({"llm_calls": [row]}))
    raise HistoryError(
        f"A {type(record).__name__} cannot be saved; the history keeps profiles, runs and calls of models."
    )


def of_this_version(rows: Rows) -> Rows:
    """Return the rows of a profile as this version keeps them; those of version 3 held their source."""
    main = rows.get("executions", [{}])[0]
    if "code" not in main:
        return rows
    code = mask(main["code"])
    rows = {table: [_masked(row) for row in some] for table, some in rows.items()}
    (main,) = rows["executions"]
    kept = {name: value for name, value in main.items() if name != "code"}
    if not code:
        return {**rows, "executions": [kept]}
    source = {"hash": text_hash(code), "code": code}
    return {**rows, "executions": [{**kept, "source_hash": source["hash"]}], "codes": [source]}


def _profile_rows(profile: ProfileResult) -> Rows:
    owner = {"execution_id": profile.id}
    main = _fields(profile, leave=(*_APART, *_NEVER)) | {
        "record_version": PROFILE_VERSION,
        "input_cells": max(0, min(profile.input_cells, 2**63 - 1)),
        "source_hash": None,
        "environment_hash": None,
    }
    rows: Rows = {"executions": [main], "codes": [], "environments": []}
    code = _storable(mask(profile.code))
    if code:
        main["source_hash"] = text_hash(code)
        rows["codes"].append({"hash": main["source_hash"], "code": code})
    if profile.environment is not None:
        place = {"host": profile.host, "python": profile.python, **_fields(profile.environment)}
        place = {name: _storable(value) for name, value in place.items()}
        main["environment_hash"] = environment_hash(place)
        rows["environments"].append({"hash": main["environment_hash"], **place})
    for table, (name, _) in _PARTS.items():
        parts = getattr(profile, name)
        rows[table] = [{**owner, "position": n, **_fields(part)} for n, part in enumerate(parts)]
    rows["blobs"] = []
    if profile.tree is not None:
        rows["blobs"].append({**owner, "part": "call_tree", "data": pack(tree_columns(profile.tree))})
    if profile.memory_snapshots:
        moments = columns(profile.memory_snapshots, _SNAPSHOT)
        rows["blobs"].append({**owner, "part": "memory_snapshots", "data": pack(moments)})
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
    parts["tree"] = tree_from_columns(blobs["call_tree"]) if "call_tree" in blobs else None
    said = [row["value"] for row in rows.get("annotations", ()) if row["field"] == "label"]
    parts |= {"label": said[-1] or None} if said else {}
    parts["code"] = next((row["code"] for row in rows.get("codes", ())), main.get("code", ""))
    places = [_build(Environment, row) for row in rows.get("environments", ())]
    parts["environment"] = places[0] if places else None
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


def _masked(row: Row) -> Row:
    return {
        name: mask(value) if name in _SPOKEN and isinstance(value, str) else value
        for name, value in row.items()
    }


def _sealed(rows: Rows) -> Rows:
    """Mask secrets, write half surrogate pairs as escapes, and put a checksum on it all."""
    for table in rows.values():
        for row in table:
            for name, value in row.items():
                if isinstance(value, str):
                    row[name] = _storable(mask(value) if name in _SPOKEN else value)
    main = next(iter(rows.values()))[0]
    main["checksum"] = checksum(rows)
    return rows


def _storable(text: str) -> str:
    """SQLite and UTF-8 know no half of a surrogate pair."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")
