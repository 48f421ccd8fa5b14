"""What people use instead: every pair tested, one correction over all of them.

`naive` takes Pearson's test for two numbers, Student's or the analysis of variance for a number and a
category, and chi-square for two categories; the others test the pairs of numbers only.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.harness import Figure
from benchmarks.research import noise, shards

NAME = "peers"
KINDS = noise.KINDS
USES_ENGINE = False
SOURCES = ("noise", "peers")
ALPHA = 0.05
# pandas objects in a loop of pairs: 780 pairs take pingouin 15 s.
PINGOUIN_PAIRS = 200
Pair = tuple[str, str]


def pearson(table: pd.DataFrame) -> dict[Pair, float]:
    """Return the p of Pearson's r for each pair of numeric columns, rows with both values."""
    from scipy.stats import pearsonr

    return _pairwise(table, lambda x, y: pearsonr(x, y).pvalue)


def spearman(table: pd.DataFrame) -> dict[Pair, float]:
    """Return the p of Spearman's rho, by the t law, for each pair of numeric columns."""
    from scipy.stats import spearmanr

    return _pairwise(table, lambda x, y: spearmanr(x, y).pvalue)


def pingouin(table: pd.DataFrame) -> dict[Pair, float]:
    """Return the corrected p of `pingouin.pairwise_corr`, Benjamini-Hochberg, for the numeric columns."""
    import pingouin as pg

    found = pg.pairwise_corr(numeric(table), method="pearson", padjust="fdr_bh")
    corrected = found["p_corr"] if "p_corr" in found else found["p-corr"]  # its name before 0.6
    return dict(zip(zip(found["X"], found["Y"], strict=True), corrected, strict=True))


def naive(table: pd.DataFrame) -> dict[Pair, float]:
    """Return the p of the textbook's test for each pair of columns."""
    from scipy.stats import chi2_contingency, f_oneway

    found = pearson(table)
    numbers, groups = numeric(table), _categories(table)
    for group, name in itertools.product(groups, numbers):
        parts = [part.dropna() for _, part in numbers[name].groupby(groups[group], observed=True)]
        parts = [part for part in parts if len(part) > 1]
        if len(parts) > 1:  # with two groups this is Student's test
            found[group, name] = float(f_oneway(*parts).pvalue)
    for first, second in itertools.combinations(groups, 2):
        counts = pd.crosstab(groups[first], groups[second])
        if min(counts.shape) > 1:
            found[first, second] = float(chi2_contingency(counts).pvalue)
    return found


def numeric(table: pd.DataFrame) -> pd.DataFrame:
    """Return the columns that are numbers and vary, as floats."""
    numbers = table.select_dtypes("number").astype("float64")
    return numbers.loc[:, numbers.nunique() > 1]


def adjusted(p: Sequence[float]) -> np.ndarray:
    """Return the p-values after Benjamini-Hochberg, in the same order; those that are no number last."""
    from scipy.stats import false_discovery_control

    values = np.nan_to_num(np.asarray(p, dtype="float64"), nan=1.0)
    return false_discovery_control(values) if len(values) else values


def findings(name: str, table: pd.DataFrame) -> list[Pair] | None:
    """Return the pairs that a peer calls significant; None where it would take too long."""
    if name == "pingouin" and math.comb(numeric(table).shape[1], 2) > PINGOUIN_PAIRS:
        return None
    found = PEERS[name](table)
    corrected = list(found.values()) if name == "pingouin" else adjusted(list(found.values()))
    return [pair for pair, p in zip(found, corrected, strict=True) if p <= ALPHA]


def judge(kind: str, seed: int) -> dict[str, Any]:
    """Return how many false findings each peer has in one table of noise; None where it was not asked."""
    made = noise.make(kind, seed)
    false: dict[str, int | None] = {}
    for name in PEERS:
        found = findings(name, made.table)
        false[name] = None if found is None else sum(not made.is_true("", *pair) for pair in found)
    return {"false_by_peer": false}


def figures(seeds: Sequence[int]) -> list[Figure]:
    """State the share of tables with a false finding of each peer, kind by kind in the note."""
    outcomes = shards.run(NAME, list(KINDS), seeds)
    made = []
    for name in PEERS:
        shares = {kind: _share(list(of_kind), name) for kind, of_kind in _by_kind(outcomes)}
        shares = {kind: share for kind, share in shares.items() if not math.isnan(share)}
        note = ", ".join(f"{kind} {share:.2f}" for kind, share in shares.items())
        value = sum(shares.values()) / len(shares) if shares else math.nan
        what = f"noise, all kinds, {TITLES[name]}: tables with a false finding"
        made.append(Figure(what, value, None, "of 1", note=f"{len(seeds)} tables a kind: {note}"))
    return made


def summary(outcomes: Sequence[dict[str, Any]]) -> list[str]:
    """Return one line a kind: the share of tables with a false finding, of each peer."""
    rows = [("kind", "tables", *PEERS)]
    for kind, of_kind in _by_kind(outcomes):
        some = list(of_kind)
        rows.append((kind, str(len(some)), *(f"{_share(some, name):.3f}" for name in PEERS)))
    return ["".join(cell.ljust(12) for cell in row).rstrip() for row in rows]


def _share(outcomes: list[dict[str, Any]], name: str) -> float:
    counts = [one["false_by_peer"][name] for one in outcomes if "error" not in one]
    counts = [count for count in counts if count is not None]
    return sum(count > 0 for count in counts) / len(counts) if counts else math.nan


def _by_kind(outcomes: Sequence[dict[str, Any]]) -> Any:
    return groupby(outcomes, lambda one: one["kind"])


def _pairwise(table: pd.DataFrame, test: Callable[[np.ndarray, np.ndarray], float]) -> dict[Pair, float]:
    numbers = numeric(table)
    found: dict[Pair, float] = {}
    for first, second in itertools.combinations(numbers, 2):
        both = numbers[[first, second]].dropna().to_numpy()
        if len(both) > 3 and np.ptp(both, axis=0).all():
            found[first, second] = float(test(both[:, 0], both[:, 1]))
    return found


def _categories(table: pd.DataFrame) -> pd.DataFrame:
    return table.select_dtypes(["object", "string", "category", "bool"]).astype("string")


PEERS: dict[str, Callable[[pd.DataFrame], dict[Pair, float]]] = {
    "pearson": pearson,
    "spearman": spearman,
    "pingouin": pingouin,
    "naive": naive,
}
TITLES = {
    "pearson": "all-pairs Pearson + BH",
    "spearman": "all-pairs Spearman + BH",
    "pingouin": "pingouin.pairwise_corr, fdr_bh",
    "naive": "textbook tests + BH",
}
