"""How the rows hang together decides how they are tested; what the user says of it is obeyed."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import StratifiedTable

from kosmos_nb.core import ResearchError
from kosmos_nb.execution import ParallelExperimentExecutor
from kosmos_nb.inquiry import Claim, Question, ResearchRun, aligned, repeated
from kosmos_nb.inquiry.columns import Column
from kosmos_nb.inquiry.correction import benjamini_yekutieli


@pytest.fixture(scope="module")
def ask():
    """Conduct a run in this process and return it, ended."""
    executor = ParallelExperimentExecutor(max_workers=0)
    return lambda frame, **question: ResearchRun(frame, Question(**question), executor).result()


def of(run, x, y, family=None):
    frame = run.verdicts
    rows = frame[frame[["x", "y"]].apply(set, axis=1) == {x, y}]
    return (rows if family is None else rows[rows.family == family]).iloc[0]


def subjects(seed, k=30, m=10):
    """Return m rows of each of k patients, whose columns have nothing to do with each other."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(k), m)
    own = rng.normal(size=(2, k))
    return pd.DataFrame(
        {
            "patient": [f"p{one:02}" for one in who],
            "x": own[0][who] + rng.normal(size=k * m),
            "y": 2 * own[1][who] + rng.normal(size=k * m),
            "arm": np.where(rng.permutation(k) < k // 2, "drug", "placebo")[who],
            "day": rng.choice(["even", "odd"], k * m),
        }
    )


def test_rows_of_one_subject_are_not_so_many_independent_ones(ask):
    false = {"naive": 0, "engine": 0}
    for seed in range(20):
        frame = subjects(seed)
        false["naive"] += stats.kruskal(*(rows.y for _, rows in frame.groupby("arm"))).pvalue < 0.05
        run = ask(frame)
        false["engine"] += (run.verdicts.verdict == "supported").any()
        row = of(run, "arm", "y")
        assert row.n == 30
        assert "autocorrelation" in row.caveats
    assert false["naive"] >= 8
    assert false["engine"] <= 2


def test_what_varies_within_subjects_is_found_there(ask):
    frame = subjects(3)
    frame["y"] += 1.5 * (frame.day == "odd") + 0.8 * frame.x
    run = ask(frame, unit="patient")
    assert (of(run, "day", "y").verdict, of(run, "day", "y").sign) == ("supported", "+")
    assert of(run, "day", "y").effect_raw == pytest.approx(1.5, abs=0.4)
    row = of(run, "x", "y", "association")
    assert (row.verdict, row.n) == ("supported", 270)
    assert row.effect_raw == pytest.approx(0.8, abs=0.2)


def test_contrasts_keep_variance_and_lose_the_subject():
    rng = np.random.default_rng(0)
    units = np.repeat(np.arange(500), 4)
    column = Column("x", "numeric")
    values = 100.0 * rng.normal(size=500)[units] + rng.normal(size=2000)
    values[rng.random(2000) < 0.1] = np.nan
    found = repeated.contrasts((column,), {"x": values}, units)["x"]
    assert len(found) == 1500
    assert np.nanstd(found) == pytest.approx(1.0, abs=0.05)


def test_categories_within_subjects_agree_with_statsmodels():
    rng = np.random.default_rng(1)
    units = np.repeat(np.arange(20), 15)
    x = rng.integers(0, 2, 300).astype(np.int32)
    y = (rng.random(300) < 0.4 + 0.2 * x).astype(np.int32)
    tables = [
        pd.crosstab(x[units == u], y[units == u]).reindex(index=[0, 1], columns=[0, 1], fill_value=0)
        for u in range(20)
    ]
    theirs = StratifiedTable([table.to_numpy(dtype=float) for table in tables]).test_null_odds()
    assert aligned.categories(x, y, units, shape=(2, 2), alpha=0.05).p == pytest.approx(theirs.pvalue)


def test_walks_that_wander_together_are_not_believed(ask):
    supported = 0
    for seed in range(10):
        walks = np.random.default_rng(seed).normal(size=(200, 3)).cumsum(axis=0)
        run = ask(pd.DataFrame(walks, columns=["a", "b", "c"]).assign(day=pd.date_range("2024", periods=200)))
        supported += (run.verdicts.verdict == "supported").sum()
    assert supported <= 1


def test_the_users_hypotheses_are_tested_alone_and_a_wrong_sign_is_refuted(ask):
    rng = np.random.default_rng(4)
    z = rng.normal(size=400)
    frame = pd.DataFrame({"x": z + rng.normal(size=400), "y": z + rng.normal(size=400), "z": z})
    claims = (Claim(y="y", x="x", sign="-"), Claim(y="y", x="x", given=("z",)), Claim(y="y", x="x", by="z"))
    frame = ask(frame, claims=claims).verdicts
    assert list(frame.family) == ["association", "conditional", "interaction"]
    assert list(frame.given) == ["", "z", "z"]
    assert frame.verdict[0] == "refuted"
    assert "positive" in frame.reason[0]
    assert frame.verdict[1] != "supported"


def test_controls_are_held_fixed_in_every_test_of_two_others(ask):
    rng = np.random.default_rng(5)
    z = rng.normal(size=500)
    frame = pd.DataFrame({name: z + rng.normal(size=500) for name in "abc"} | {"z": z})
    free, held = ask(frame).verdicts, ask(frame, control=("z",)).verdicts
    assert (free[free.family == "association"].verdict == "supported").all()
    assert set(held.family) == {"conditional"}
    assert set(held.given) == {"z"}
    assert len(held) == 3
    assert not (held.verdict == "supported").any()


def test_ignored_columns_the_reference_and_allowed_codes(ask):
    rng = np.random.default_rng(6)
    arm = rng.choice(["active", "control"], 200)
    frame = pd.DataFrame(
        {"arm": arm, "y": rng.normal(size=200) + 2 * (arm == "active"), "noise": 1.0 * (arm < "b")}
    )
    assert of(ask(frame, ignore=("noise",)), "arm", "y").sign == "-"
    run = ask(frame, ignore=("noise",), reference="control")
    assert of(run, "arm", "y").sign == "+"
    assert set(run.verdicts.x) | set(run.verdicts.y) == {"arm", "y"}
    celsius = rng.normal(10, 5, 200)
    twice = pd.DataFrame({"celsius": celsius, "fahrenheit": celsius * 1.8 + 32, "y": rng.normal(size=200)})
    assert of(ask(twice), "celsius", "fahrenheit").verdict == "inconclusive"
    allowed = of(ask(twice, allow=("duplicate_column", "deterministic")), "celsius", "fahrenheit")
    assert (allowed.verdict, "duplicate_column" in allowed.caveats) == ("supported", True)


def test_a_split_confirms_on_rows_that_were_not_looked_at(ask):
    rng = np.random.default_rng(7)
    x = rng.normal(size=400)
    frame = pd.DataFrame({"x": x, "y": x + rng.normal(size=400), "noise": rng.normal(size=400)})
    run = ask(frame, split=True)
    row = of(run, "x", "y", "association")
    assert (row.verdict, row.n) == ("supported", 200)
    dropped = [p for p in run.snapshot().progress if p.state == "dropped"]
    assert dropped
    assert all("first half" in p.reason for p in dropped)
    few = ask(frame.head(60), split=True).verdicts
    assert few.reason.str.contains("exploratory: 60 rows are too few").all()


def test_families_on_request(ask):
    rng = np.random.default_rng(8)
    x = rng.normal(size=300)
    frame = pd.DataFrame({"x": x, "y": rng.normal(size=300) * np.exp(x)})
    assert of(ask(frame, families=("spread",)), "x", "y", "spread").verdict == "supported"
    series = pd.DataFrame(
        {"a": x, "b": np.roll(x, 2) + 0.3 * rng.normal(size=300), "t": pd.date_range("2024", periods=300)}
    )
    assert "lag" not in set(ask(series).verdicts.family)
    time = rng.exponential(np.where(x > 0, 2.0, 1.0))
    lives = pd.DataFrame({"time": time, "died": (rng.random(300) < 0.8).astype(int), "x": x})
    row = ask(lives, families=("survival",)).verdicts.set_index("family").loc["survival"]
    assert (row.verdict, row.sign, row.given) == ("supported", "+", "died")


def test_many_columns_without_a_target_say_what_it_would_take(ask):
    frame = pd.DataFrame(np.random.default_rng(9).normal(size=(50, 2_000)))
    with pytest.raises(ResearchError, match=r"2,000 columns: 1,999,000 pairs, about \d+ min\. Name a target"):
        ask(frame)
    assert len(ask(frame, cap=5).verdicts) == 5


def test_the_stricter_correction_is_shown_beside(ask):
    frame = ask(subjects(1)).verdicts
    both = frame.dropna(subset=["p"])
    assert (both.p_by >= both.p_adj - 1e-12).all()
    assert benjamini_yekutieli([0.01, 0.04]).tolist() == pytest.approx([0.03, 0.06])


def test_a_table_of_categories_alone_is_researched(ask):
    rng = np.random.default_rng(10)
    arm = rng.choice(["drug", "placebo"], 300)
    cured = np.where(rng.random(300) < 0.3 + 0.4 * (arm == "drug"), "yes", "no")
    frame = ask(pd.DataFrame({"arm": arm, "cured": cured})).verdicts
    assert (frame.family[0], frame.verdict[0]) == ("category_association", "supported")
