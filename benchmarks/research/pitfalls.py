"""Tables with one trap each, and what an engine has to say of it; and tables with none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.research import noise


@dataclass(frozen=True, slots=True, kw_only=True)
class Trap:
    """A trap.

    Attributes:
        title: In words.
        table: The rows, from random numbers.
        pairs: Relations that look like findings; empty: every one of the table.
        codes: Caveats any of which names it.
        words: Pattern of a note that names it without the code.
        columns: A note counts only if it names one of these; empty: any note.
        by_note: Whether a note suffices, as the trap is taken out before the tests; else each verdict
            on the pairs has to carry the caveat.
    """

    title: str
    table: Callable[[np.random.Generator], pd.DataFrame]
    pairs: tuple[tuple[str, str], ...] = ()
    codes: frozenset[str]
    words: str = r"(?!)"
    columns: tuple[str, ...] = ()
    by_note: bool = False


def _simpson(rng: np.random.Generator) -> pd.DataFrame:
    """Higher schools have more hours and better marks; within each, more hours go with worse marks."""
    school = rng.integers(0, 3, 300)
    hours = 4.0 * school + rng.normal(size=300)
    marks = 6.0 * school - 0.8 * (hours - 4.0 * school) + rng.normal(size=300)
    names = np.array(["first", "second", "third"])[school]
    return _beside(rng, {"hours": hours, "marks": marks, "school": names})


def _confounder(rng: np.random.Generator) -> pd.DataFrame:
    """Warm days sell ice cream and bring swimmers."""
    warmth = rng.normal(size=400)
    sales, swimmers = warmth + rng.normal(size=400), warmth + rng.normal(size=400)
    return _beside(rng, {"sales": sales, "swimmers": swimmers, "warmth": warmth})


def _leverage(rng: np.random.Generator) -> pd.DataFrame:
    x, y = rng.normal(size=(2, 40))
    x[7], y[7] = 15.0, 15.0
    return _beside(rng, {"x": x, "y": y})


def _duplicated(rng: np.random.Generator) -> pd.DataFrame:
    return noise.make("repeated", int(rng.integers(1 << 30))).table


def _trends(rng: np.random.Generator) -> pd.DataFrame:
    time = np.linspace(0, 4, 200)
    days = pd.date_range("2025-01-01", periods=200, freq="D")
    storks, births = time + rng.normal(size=200), -1.2 * time + rng.normal(size=200)
    return pd.DataFrame({"day": days, "storks": storks, "births": births, "other": rng.normal(size=200)})


def _leakage(rng: np.random.Generator) -> pd.DataFrame:
    score = rng.normal(60, 12, 250).round(1)
    return _beside(rng, {"score": score, "passed": np.where(score >= 55, "yes", "no")})


def _ids(rng: np.random.Generator) -> pd.DataFrame:
    """Rows numbered in the order in which they came, and what was measured drifted."""
    n = 240
    number = np.arange(1, n + 1)
    drift = 0.004 * number + rng.normal(size=n)
    codes = [f"P{one:05}" for one in rng.permutation(100 * n)[:n]]
    return _beside(rng, {"id": number, "code": codes, "y": drift})


def _clusters(rng: np.random.Generator) -> pd.DataFrame:
    """Twelve subjects, 25 rows each; the treatment is the subject's, and does nothing."""
    subject = np.repeat(np.arange(12), 25)
    y = 1.5 * rng.normal(size=12)[subject] + rng.normal(size=300)
    arm = rng.permutation(np.repeat(["drug", "placebo"], 6))[subject]
    return _beside(rng, {"subject": [f"s{one:02}" for one in subject], "arm": arm, "y": y})


def _sentinel(rng: np.random.Generator) -> pd.DataFrame:
    """Rows in which nothing was measured have -999 in both columns."""
    x, y = rng.normal(50, 10, (2, 300)).round(1)
    absent = rng.random(300) < 0.12
    x[absent], y[absent] = -999, -999
    return _beside(rng, {"x": x, "y": y})


def _recoded(rng: np.random.Generator) -> pd.DataFrame:
    celsius = rng.normal(15, 8, 200).round(1)
    return _beside(rng, {"celsius": celsius, "fahrenheit": celsius * 9 / 5 + 32})


def _renamed(rng: np.random.Generator) -> pd.DataFrame:
    country = rng.integers(0, 5, 200)
    names = np.array(["Spain", "France", "Italy", "Poland", "Norway"])[country]
    return _beside(rng, {"country": names, "iso": np.array(["ES", "FR", "IT", "PL", "NO"])[country]})


def _beside(rng: np.random.Generator, columns: dict[str, object]) -> pd.DataFrame:
    """Return the columns with two of noise and a category that have nothing to do with them."""
    table = pd.DataFrame(columns)
    n = len(table)
    return table.assign(
        noise=rng.normal(size=n), other=rng.exponential(size=n), side=rng.choice(["left", "right"], n)
    )


def _effects(rng: np.random.Generator) -> pd.DataFrame:
    """Real effects and no trap: slopes, a group that differs, two categories that go together."""
    n = 300
    x, z, w = rng.normal(size=(3, n))
    group = rng.choice(["a", "b", "c"], n)
    kind = np.where(rng.random(n) < 0.75, np.where(group == "a", "old", "new"), rng.choice(["old", "new"], n))
    return pd.DataFrame(
        {
            "x": x, "z": z, "w": w, "y": 0.5 * x + rng.normal(size=n), "v": 0.4 * z + rng.standard_t(5, n),
            "u": 0.7 * (group == "b") + rng.normal(size=n), "group": group, "kind": kind,
        }
    )  # fmt: skip


TRAPS: dict[str, Trap] = {
    "simpson": Trap(
        title="a category turns the sign", table=_simpson, pairs=(("hours", "marks"),),
        codes=frozenset({"simpson"}),
    ),
    "confounder": Trap(
        title="a third number drives both", table=_confounder, pairs=(("sales", "swimmers"),),
        codes=frozenset({"confounded"}),
    ),
    "leverage": Trap(
        title="one row far out", table=_leverage, pairs=(("x", "y"),),
        codes=frozenset({"leverage", "outliers"}),
    ),
    "duplicated rows": Trap(
        title="rows stored five times", table=_duplicated, codes=frozenset({"duplicate_rows"}),
        words=r"rows that repeat|duplicated rows|repeated rows", by_note=True,
    ),
    "trends": Trap(
        title="two series with trends of their own", table=_trends, pairs=(("storks", "births"),),
        codes=frozenset({"trend", "nonstationary"}),
    ),
    "leakage": Trap(
        title="a category is a threshold of a number", table=_leakage, pairs=(("score", "passed"),),
        codes=frozenset({"leakage", "deterministic"}),
    ),
    "ids": Trap(
        title="row numbers, and a drift", table=_ids, pairs=(("id", "y"),),
        codes=frozenset({"id_like", "order"}), words=r"numbers? the rows|identif", columns=("id",),
        by_note=True,
    ),
    "clusters": Trap(
        title="repeated measures of subjects", table=_clusters, pairs=(("arm", "y"),),
        codes=frozenset({"autocorrelation"}), words=r"same subject|belong to|repeated meas|cluster",
        columns=("subject",), by_note=True,
    ),
    "sentinel": Trap(
        title="-999 where nothing was measured", table=_sentinel, pairs=(("x", "y"),),
        codes=frozenset({"sentinel"}), words=r"-999", columns=("x", "y"), by_note=True,
    ),
    "recoding": Trap(
        title="the same in degrees Celsius and Fahrenheit", table=_recoded,
        pairs=(("celsius", "fahrenheit"),), codes=frozenset({"deterministic", "duplicate_column"}),
        words=r"copy of|recod|same as", columns=("celsius", "fahrenheit"), by_note=True,
    ),
    "renaming": Trap(
        title="a category one-to-one in other words", table=_renamed, pairs=(("country", "iso"),),
        codes=frozenset({"deterministic", "duplicate_column"}), words=r"copy of|recod|same as|one-to-one",
        columns=("country", "iso"), by_note=True,
    ),
}  # fmt: skip

# Tables without a trap: a blocking code in them is a false alarm.
CLEAN: dict[str, Callable[[np.random.Generator], pd.DataFrame]] = {
    "clean numbers": lambda rng: noise.make("gauss", int(rng.integers(1 << 30))).table,
    "clean mixed types": lambda rng: noise.make("mixed", int(rng.integers(1 << 30))).table,
    "clean heavy tails": lambda rng: noise.make("heavy", int(rng.integers(1 << 30))).table,
    "clean effects": _effects,
}
