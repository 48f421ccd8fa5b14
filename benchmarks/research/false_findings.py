"""On pure noise: the share of tables with any false `supported`."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np

from benchmarks.harness import Figure
from benchmarks.research import engine, noise, shards

NAME = "false_findings"
KINDS = noise.KINDS
USES_ENGINE = True
SOURCES = ("noise", "false_findings", "engine")
NOMINAL = 0.05


def judge(kind: str, seed: int) -> dict[str, Any]:
    """Return how many of the hypotheses about one table of noise were called supported, and which."""
    made = noise.make(kind, seed)
    answer = engine.ask(made.table)
    supported = answer.supported
    said = zip(supported.family, supported.x, supported.y, strict=True)
    wrong = supported[np.array([not made.is_true(*one) for one in said], dtype=bool)]
    return {
        "hypotheses": len(answer.verdicts),
        "families": dict(Counter(answer.verdicts.family)),
        "false": len(wrong),
        "false_by_family": dict(Counter(wrong.family)),
        "false_statements": list(wrong.statement[:5]),
        "codes": dict(answer.codes()),
        "engine_s": round(answer.wall_s, 3),
    }


def figures(seeds: Sequence[int], name: str) -> list[Figure]:
    """Judge every kind with these seeds and hold the shares against 0.05 and its standard errors.

    Args:
        seeds: Of the tables of each kind.
        name: What the seeds are called.
    """
    outcomes = shards.run(NAME, list(KINDS), seeds)
    made = [_figure("all kinds", outcomes, errors=2, how=f"seeds {name}")]
    for kind, of_kind in groupby(outcomes, lambda one: one["kind"]):
        made.append(_figure(kind, list(of_kind), errors=3, how=noise.said(kind)))
    return made


def share(outcomes: Sequence[dict[str, Any]]) -> float:
    """Return the share of tables with a false finding; not a number where one could not be judged."""
    if any("error" in outcome for outcome in outcomes):
        return math.nan
    return sum(outcome["false"] > 0 for outcome in outcomes) / len(outcomes)


def limit(tables: int, errors: float) -> float:
    """Return the nominal share plus so many standard errors of it at this number of tables."""
    return NOMINAL + errors * math.sqrt(NOMINAL * (1 - NOMINAL) / tables)


def summary(outcomes: Sequence[dict[str, Any]]) -> list[str]:
    """Return one line a kind."""
    rows = [("kind", "tables", "share with false", "false a table", "hypotheses", "s a table", "families")]
    for kind, of_kind in groupby(outcomes, lambda one: one["kind"]):
        good = [one for one in of_kind if "error" not in one]
        tables = max(len(good), 1)
        families = sum((Counter(one["false_by_family"]) for one in good), Counter())
        rows.append(
            (
                kind, str(len(good)), f"{share(good) if good else math.nan:.3f}",
                f"{sum(one['false'] for one in good) / tables:.2f}",
                f"{sum(one['hypotheses'] for one in good) / tables:.0f}",
                f"{sum(one['wall_s'] for one in good) / tables:.2f}",
                ", ".join(f"{family} {count}" for family, count in families.most_common()),
            )
        )  # fmt: skip
    return ["".join(cell.ljust(18) for cell in row).rstrip() for row in rows]


def _figure(what: str, outcomes: list[dict[str, Any]], *, errors: float, how: str) -> Figure:
    return Figure(
        f"noise, {what}: tables with a false finding", share(outcomes),
        round(limit(len(outcomes), errors), 4), "of 1",
        note=f"{len(outcomes)} tables, {how}; {_details(outcomes)}",
    )  # fmt: skip


def _details(outcomes: list[dict[str, Any]]) -> str:
    failed = [one["error"] for one in outcomes if "error" in one]
    if failed:
        return f"{len(failed)} could not be judged: {failed[0]}"
    families = sum((Counter(one["false_by_family"]) for one in outcomes), Counter())
    counted = ", ".join(f"{count} of {family}" for family, count in families.most_common())
    asked = sum(one["hypotheses"] for one in outcomes) / len(outcomes)
    return f"{asked:.0f} hypotheses a table; false: {counted or 'none'}"
