"""What is found of what is there, how well its size is known, and how many of the findings are false.

`correlations` is a whole run on 435 pairs, ten of them true, beside all-pairs tests with their own
correction. The other kinds plant one effect, register one hypothesis and compare like with like: the
share of tables with p < 0.05, uncorrected, beside that of the best test made for the effect.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.harness import Figure
from benchmarks.research import engine, peers, planted, shards
from kosmos_nb.inquiry import Claim, Question

NAME = "power"
WHOLE = "correlations"
KINDS = (WHOLE, *planted.EFFECTS)
USES_ENGINE = True
SOURCES = ("noise", "planted", "power", "peers", "engine")
ALPHA = 0.05
BESIDE = ("pearson", "spearman")
# An interaction of a true pair with a third column is as false as any other.
NEVER_TRUE = frozenset({"interaction"})


def judge(kind: str, seed: int) -> dict[str, Any]:
    """Return what was found of what one table has."""
    return _whole(seed) if kind == WHOLE else _single(planted.EFFECTS[kind], seed)


def figures(seeds: Sequence[int], kinds: Sequence[str] = KINDS) -> list[Figure]:
    """Judge so many tables of each kind."""
    made: list[Figure] = []
    for kind, of_kind in groupby(shards.run(NAME, kinds, seeds), lambda one: one["kind"]):
        outcomes = list(of_kind)
        made += _whole_figures(outcomes) if kind == WHOLE else [_single_figure(kind, outcomes)]
    return made


def summary(outcomes: Sequence[dict[str, Any]]) -> list[str]:
    """Return one line a figure."""
    made: list[Figure] = []
    for kind, of_kind in groupby(outcomes, lambda one: one["kind"]):
        some = list(of_kind)
        made += _whole_figures(some) if kind == WHOLE else [_single_figure(kind, some)]
    return [" | ".join(figure.row()) for figure in made]


def _whole(seed: int) -> dict[str, Any]:
    table = planted.correlations(seed)
    answer = engine.ask(table)
    supported = answer.supported
    pairs = [frozenset(pair) for pair in zip(supported.x, supported.y, strict=True)]
    is_true = np.array(
        [
            pair in planted.PAIRS and family not in NEVER_TRUE
            for pair, family in zip(pairs, supported.family, strict=True)
        ],
        dtype=bool,
    )
    ranked = supported[(supported.family == "association").to_numpy(dtype=bool)]
    return {
        "found": len(_true_pairs(ranked)),
        "supported": len(supported),
        "false": int((~is_true).sum()),
        "hypotheses": len(answer.verdicts),
        **_sizes(ranked),
        "peers": {name: _beside(name, table) for name in BESIDE},
        "engine_s": round(answer.wall_s, 3),
    }


def _sizes(ranked: pd.DataFrame) -> dict[str, Any]:
    """Return how many intervals hold the true rho, and the effects of the true pairs over theirs."""
    pairs = [frozenset(pair) for pair in zip(ranked.x, ranked.y, strict=True)]
    truth = np.array([planted.TRUE_SPEARMAN if pair in planted.PAIRS else 0.0 for pair in pairs])
    held = (ranked.ci_low.to_numpy() <= truth) & (truth <= ranked.ci_high.to_numpy())
    ratio = ranked.effect.to_numpy()[truth > 0] / planted.TRUE_SPEARMAN
    return {
        "intervals": len(held),
        "held": int(held.sum()),
        "ratios": [round(float(one), 4) for one in ratio],
    }


def _true_pairs(ranked: pd.DataFrame) -> set[frozenset[str]]:
    return {frozenset(pair) for pair in zip(ranked.x, ranked.y, strict=True)} & planted.PAIRS


def _beside(name: str, table: pd.DataFrame) -> dict[str, int]:
    found = {frozenset(pair) for pair in peers.findings(name, table) or ()}
    return {"found": len(found & planted.PAIRS), "false": len(found - planted.PAIRS)}


def _single(effect: planted.Effect, seed: int) -> dict[str, Any]:
    """Return the p of the registered hypothesis, None where the run has no such verdict, and the best."""
    table = effect.table(seed)
    claims = () if effect.claim is None else (Claim(y="y", x="x", **effect.claim),)
    rows = engine.ask(table, Question(claims=claims, target=None if claims else "y")).of(
        "x", "y", family=effect.family
    )
    return {
        "p": None if rows.empty or math.isnan(rows.p.iloc[0]) else float(rows.p.iloc[0]),
        "verdict": "" if rows.empty else rows.verdict.iloc[0],
        "best": effect.best(table),
    }


def _whole_figures(outcomes: list[dict[str, Any]]) -> list[Figure]:
    """Return power, false discovery rate, coverage and exaggeration, with the peers in the notes."""
    good = [one for one in outcomes if "error" not in one]
    ok = len(good) == len(outcomes)
    held, intervals = sum(one["held"] for one in good), sum(one["intervals"] for one in good)
    ratios = [ratio for one in good for ratio in one["ratios"]]
    rates = {
        "power": _mean([one["found"] / planted.TRUE_PAIRS for one in good]),
        "false discovery rate": _mean([one["false"] / max(one["supported"], 1) for one in good]),
    }
    what = f"{planted.TRUE_PAIRS} of 435 pairs with rho {planted.RHO:g}, half with heavy tails: "
    asked = _mean([one["hypotheses"] for one in good])
    how = f"{len(outcomes)} tables of {planted.ROWS} rows, {asked:.0f} hypotheses each"
    if not ok:
        how += f"; failed: {next(one['error'] for one in outcomes if 'error' in one)}"
    return [
        Figure(
            what + "power", rates["power"] if ok else math.nan, 0.95, "of 1", "higher",
            note=f"{how}; {_peers(good, 'power')}",
        ),
        Figure(
            what + "false discovery rate", rates["false discovery rate"] if ok else math.nan, 0.05, "of 1",
            note=_peers(good, "false discovery rate"),
        ),
        Figure(
            what + "coverage of the intervals of the supported",
            held / intervals if intervals else math.nan, 0.93, "of 1", "higher",
            note=f"{intervals} intervals; the true rank correlation is {planted.TRUE_SPEARMAN:.4f}",
        ),
        Figure(what + "exaggeration of the found", _mean(ratios), None, "×", note="effect over true rho"),
    ]  # fmt: skip


def _peers(outcomes: list[dict[str, Any]], what: str) -> str:
    said = []
    for name in BESIDE:
        counts = [one["peers"][name] for one in outcomes]
        power = _mean([one["found"] / planted.TRUE_PAIRS for one in counts])
        fdr = _mean([one["false"] / max(one["false"] + one["found"], 1) for one in counts])
        said.append(f"{peers.TITLES[name]} {power if what == 'power' else fdr:.3f}")
    return ", ".join(said)


def _single_figure(kind: str, outcomes: list[dict[str, Any]]) -> Figure:
    """Return how many points of power are lost to the best test made for the effect."""
    good = [one for one in outcomes if "error" not in one]
    effect = planted.EFFECTS[kind]
    ours = _mean([one["p"] is not None and one["p"] < ALPHA for one in good])
    names = good[0]["best"] if good else {}
    powers = {name: _mean([one["best"][name] < ALPHA for one in good]) for name in names}
    absent = sum(one["p"] is None for one in good)
    note = f"{len(outcomes)} tables, p < {ALPHA:g} of one hypothesis, uncorrected: {ours:.3f}; "
    note += ", ".join(f"{name} {power:.3f}" for name, power in powers.items())
    note += f"; {absent} without a verdict" if absent else ""
    note += f"; {len(outcomes) - len(good)} failed" if len(good) < len(outcomes) else ""
    gain = 100 * (ours - max(powers.values())) if len(good) == len(outcomes) else math.nan
    title = f"power beside the best single-purpose test: {effect.title}"
    return Figure(title, gain, -5.0, "points", "higher", note=note)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else math.nan
