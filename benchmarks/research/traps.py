"""Whether planted traps are named, and whether none is seen where there is none."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import pandas as pd

from benchmarks.harness import Figure
from benchmarks.research import engine, shards
from benchmarks.research.engine import Answer
from benchmarks.research.noise import draws
from benchmarks.research.pitfalls import CLEAN, TRAPS, Trap
from kosmos_nb.inquiry.caveats import BLOCKS

NAME = "traps"
KINDS = (*TRAPS, *CLEAN)
USES_ENGINE = True
SOURCES = ("noise", "pitfalls", "traps", "engine")
# What a trap makes look like a finding; that it holds beside the third column is no trap.
PLAIN = frozenset({"association", "group_difference", "category_association"})


def judge(kind: str, seed: int) -> dict[str, Any]:
    """Return whether the trap was named and who fell in; of a clean table, who cried wolf."""
    rng = draws(kind, seed)
    if kind in CLEAN:
        return _alarms(engine.ask(CLEAN[kind](rng)))
    return _named(TRAPS[kind], engine.ask(TRAPS[kind].table(rng)))


def figures(seeds: Sequence[int]) -> list[Figure]:
    """Judge so many tables of each trap, and as many of each kind without."""
    return _figures(shards.run(NAME, KINDS, seeds))


def summary(outcomes: Sequence[dict[str, Any]]) -> list[str]:
    """Return one line a figure."""
    return [" | ".join(figure.row()) for figure in _figures(outcomes)]


def _named(trap: Trap, answer: Answer) -> dict[str, Any]:
    concerned = _concerned(trap, answer)
    carries = [not trap.codes.isdisjoint(caveats.split(";")) for caveats in concerned.caveats]
    in_note = _is_noted(trap, answer.noted())
    excused = in_note and trap.by_note
    fallen = [
        f"{statement}: {caveats or 'no caveat'}"
        for statement, verdict, caveats, told in zip(
            concerned.statement, concerned.verdict, concerned.caveats, carries, strict=True
        )
        if verdict == "supported" and not told and not excused
    ]
    codes = sorted({code for caveats in concerned.caveats for code in caveats.split(";") if code})
    return {
        "named": any(carries) or in_note,
        "in_note": in_note,
        "verdicts": dict(Counter(concerned.verdict)),
        "codes": codes,
        "fallen": fallen[:5],
    }


def _concerned(trap: Trap, answer: Answer) -> pd.DataFrame:
    """Return the verdicts on the relations that the trap makes up."""
    table = answer.verdicts[answer.verdicts.family.isin(PLAIN)]
    if not trap.pairs:
        return table
    pairs = {frozenset(pair) for pair in trap.pairs}
    return table[[frozenset(pair) in pairs for pair in zip(table.x, table.y, strict=True)]]


def _is_noted(trap: Trap, notes: str) -> bool:
    """Whether a line about the whole table names the trap, and its column where it has one."""
    pattern = re.compile("|".join([*sorted(trap.codes), trap.words]), re.IGNORECASE)
    about = re.compile("|".join(rf"\b{re.escape(name)}\b" for name in trap.columns))
    return any(pattern.search(line) and about.search(line) for line in notes.splitlines())


def _alarms(answer: Answer) -> dict[str, Any]:
    blocked = [set(caveats.split(";")) & BLOCKS for caveats in answer.verdicts.caveats]
    return {
        "hypotheses": len(blocked),
        "blocked": sum(map(bool, blocked)),
        "codes": dict(Counter(code for codes in blocked for code in codes)),
    }


def _figures(outcomes: Sequence[dict[str, Any]]) -> list[Figure]:
    kinds = {kind: list(of_kind) for kind, of_kind in groupby(outcomes, lambda one: one["kind"])}
    traps = {kind: some for kind, some in kinds.items() if kind in TRAPS}
    clean = [one for kind, some in kinds.items() if kind in CLEAN for one in some]
    trapped = [one for some in traps.values() for one in some]
    made = [_share_named("all", trapped), _fallen(trapped)] if trapped else []
    made += [_share_named(TRAPS[kind].title, some) for kind, some in traps.items()]
    return [*made, _cried(clean)] if clean else made


def _share_named(what: str, outcomes: list[dict[str, Any]]) -> Figure:
    tables = len(outcomes)
    good = [one for one in outcomes if "error" not in one]
    value = sum(one["named"] for one in good) / tables if len(good) == tables else math.nan
    codes = Counter(code for one in good for code in one["codes"])
    carried = ", ".join(f"{code} {count}" for code, count in codes.most_common(5))
    note = (
        f"{tables} tables, {sum(one['in_note'] for one in good)} in a note; carried: {carried or 'nothing'}"
    )
    return Figure(f"traps, {what}: named", value, 0.9, "of 1", "higher", note=note + _failed(outcomes))


def _fallen(outcomes: list[dict[str, Any]]) -> Figure:
    fell = [one for one in outcomes if one.get("fallen")]
    counted = Counter(one["kind"] for one in fell)
    value = math.nan if any("error" in one for one in outcomes) else float(len(fell))
    note = ", ".join(f"{kind} {count}" for kind, count in counted.most_common())
    return Figure(
        "traps, all: tables with one called supported without its caveat", value, 0.0, "tables",
        note=f"of {len(outcomes)}; {note or 'none'}{_failed(outcomes)}",
    )  # fmt: skip


def _cried(outcomes: list[dict[str, Any]]) -> Figure:
    good = [one for one in outcomes if "error" not in one]
    asked = sum(one["hypotheses"] for one in good)
    value = sum(one["blocked"] for one in good) / asked if asked and len(good) == len(outcomes) else math.nan
    codes = sum((Counter(one["codes"]) for one in good), Counter())
    note = ", ".join(f"{code} {count}" for code, count in codes.most_common())
    return Figure(
        "traps, clean tables: verdicts with a blocking code", value, 0.05, "of 1",
        note=f"{len(outcomes)} tables, {asked} verdicts; {note or 'none'}{_failed(outcomes)}",
    )  # fmt: skip


def _failed(outcomes: list[dict[str, Any]]) -> str:
    errors = [one["error"] for one in outcomes if "error" in one]
    return f"; {len(errors)} failed: {errors[0]}" if errors else ""
