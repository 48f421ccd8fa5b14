"""Whole runs in real worker processes."""

import os
import signal

import numpy as np
import pandas as pd
import polars
import pyarrow as pa
import pytest
from palmerpenguins import load_penguins

from kosmos_nb.core import ResearchError
from kosmos_nb.execution import ParallelExperimentExecutor
from kosmos_nb.history import ENDED
from kosmos_nb.inquiry import Question, ResearchRun
from tests.waiting import until

PROMISED = (
    "hypothesis_id statement family x y given verdict p p_adj effect effect_metric ci_low ci_high sign n "
    "caveats evidence cost_usd effect_raw unit detectable"
).split()


@pytest.fixture(scope="module")
def pool():
    with ParallelExperimentExecutor(max_workers=2) as executor:
        yield executor


@pytest.fixture
def ask(pool):
    def start(data, text="", executor=pool, **settings):
        return ResearchRun(data, Question(text=text, **settings), executor, data_name="df")

    return start


def verdict(run, x, y):
    frame = run.verdicts
    return frame[(frame.x == x) & (frame.y == y)].iloc[0]


@pytest.fixture(scope="module")
def penguins_run(pool):
    return ResearchRun(
        load_penguins(), Question(text="What drives flipper length?"), pool, data_name="penguins"
    ).result()


def test_all_pairs_of_the_penguins_are_tested_those_of_the_target_first(penguins_run):
    frame = penguins_run.verdicts
    assert list(frame.columns[: len(PROMISED)]) == PROMISED
    touches = (frame.x == "flipper_length_mm") | (frame.y == "flipper_length_mm")
    assert touches[:7].all()
    assert not touches[7:28].any()
    assert set(frame.family[:28]) == {"association", "group_difference", "category_association"}
    asked = frame[28:].family.value_counts()
    assert dict(asked) == {"conditional": 42, "interaction": 21, "non_monotone": 10}
    assert touches[frame.family.isin(["conditional", "interaction"])].all()


def test_bill_depth_turns_round_within_species_and_is_not_believed(penguins_run):
    row = verdict(penguins_run, "bill_depth_mm", "flipper_length_mm")
    assert row.verdict == "inconclusive"
    assert "simpson" in row.caveats
    assert row.effect < -0.4
    assert "every level of species" in row.reason


def test_the_islands_effect_is_told_to_be_that_of_species(penguins_run):
    assert "confounded" in verdict(penguins_run, "island", "flipper_length_mm").caveats


def test_body_mass_is_plainly_supported_with_effect_interval_and_units(penguins_run):
    row = verdict(penguins_run, "body_mass_g", "flipper_length_mm")
    assert (row.verdict, row.sign, row.unit, row.caveats) == ("supported", "+", "mm/g", "")
    assert row.ci_low < row.effect < row.ci_high
    assert row.effect == pytest.approx(0.840, abs=0.001)
    assert row.p <= row.p_adj < 1e-80
    assert row.n == 342


def test_every_number_leads_to_its_experiment(penguins_run):
    ids = {experiment.id for experiment in penguins_run.snapshot().experiments}
    assert set(penguins_run.verdicts.evidence) == ids
    assert all(p.hypothesis.registered_hash for p in penguins_run.snapshot().progress)


@pytest.mark.parametrize("workers", [0, 1])
def test_the_same_seed_gives_the_same_verdicts_whatever_the_workers(penguins_run, workers):
    with ParallelExperimentExecutor(max_workers=workers) as executor:
        other = ResearchRun(
            load_penguins(), Question(text="What drives flipper length?"), executor, data_name="penguins"
        )
        left, right = penguins_run.verdicts, other.verdicts
    pd.testing.assert_frame_equal(left.drop(columns="evidence"), right.drop(columns="evidence"))


def test_what_happens_to_the_table_afterwards_changes_nothing(ask):
    frame = load_penguins()
    run = ask(frame)
    frame.loc[:, "body_mass_g"] = 0.0
    assert verdict(run, "flipper_length_mm", "body_mass_g").effect == pytest.approx(0.840, abs=0.001)


def test_no_effect_is_refuted_by_many_rows_and_inconclusive_by_few(ask):
    rng = np.random.default_rng(0)
    many = pd.DataFrame(rng.normal(size=(5000, 2)), columns=["a", "b"])
    assert verdict(ask(many), "a", "b").verdict == "refuted"
    few = verdict(ask(many.head(60)), "a", "b")
    assert few.verdict == "inconclusive"
    assert few.detectable > 0.1
    assert "n = 60" in few.reason


def test_a_sure_but_tiny_effect_is_called_negligible_not_supported(ask):
    rng = np.random.default_rng(2)
    x = rng.normal(size=6_000)
    row = verdict(ask(pd.DataFrame({"x": x, "y": 0.095 * x + rng.normal(size=6_000)})), "x", "y")
    assert row.p_adj < 1e-6
    assert row.verdict == "inconclusive"
    assert "negligible_effect" in row.caveats


def test_on_noise_hardly_anything_is_supported(ask):
    rng = np.random.default_rng(4)
    runs = [ask(pd.DataFrame(rng.standard_t(2, size=(200, 8)))) for _ in range(20)]
    false = sum((run.verdicts.verdict == "supported").any() for run in runs)
    assert false <= 4  # 20 frames at 5 %: more than 4 happens once in 400 times


def test_columns_that_no_test_can_use_say_why(ask):
    n = 200
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(
        {
            "row": np.arange(n),
            "same": 1.0,
            "name": [f"person {i}" for i in range(n)],
            "empty": [None] * n,
            "pair": [[1, 2]] * n,
            "value": rng.normal(size=n),
            "copy": 0.0,
        }
    )
    frame["copy"] = frame["value"] * 2 + 1
    run = ask(frame)
    found = run.verdicts.set_index(["x", "y"])
    assert verdict(run, "row", "value").caveats == "id_like"
    assert "constant" in verdict(run, "same", "value").caveats
    assert "looks like an id" in verdict(run, "name", "value").reason
    assert "missing" in verdict(run, "empty", "value").reason
    assert "list" in verdict(run, "pair", "value").reason
    assert (found.verdict != "supported").all()
    assert "deterministic" in verdict(run, "value", "copy").caveats


def test_repeated_rows_are_dropped_and_said(ask):
    rng = np.random.default_rng(6)
    once = pd.DataFrame(rng.normal(size=(100, 2)), columns=["a", "b"])
    run = ask(pd.concat([once] * 5, ignore_index=True))
    assert verdict(run, "a", "b").n == 100
    assert "duplicate_rows" in verdict(run, "a", "b").caveats
    assert "400 rows" in run.snapshot().run.notes[0]


def test_coinciding_rows_of_a_survey_are_kept(ask):
    rng = np.random.default_rng(7)
    frame = pd.DataFrame({"a": rng.choice(list("xy"), 500), "b": rng.choice(list("uvw"), 500)})
    assert verdict(ask(frame), "a", "b").n == 500


def test_a_cap_is_applied_before_any_outcome_and_said(ask):
    run = ask(load_penguins(), text="What drives body mass?", cap=5)
    assert len(run.verdicts) == 5
    assert (run.verdicts[["x", "y"]] == "body_mass_g").any(axis=1).all()
    assert "5 of 101" in run.snapshot().run.notes[0]


def test_a_target_restricts_the_run_to_what_touches_it(ask):
    frame = ask(load_penguins(), target="sex").verdicts
    pairs = {"association", "group_difference", "category_association"}
    assert frame.family.isin(pairs).sum() == 7
    assert (frame[["x", "y"]] == "sex").any(axis=1).all()


@pytest.mark.parametrize("convert", ["polars", "arrow"])
def test_polars_and_arrow_tables_give_the_same_verdicts_as_pandas(ask, penguins_run, convert):
    table = pa.Table.from_pandas(load_penguins(), preserve_index=False)
    data = polars.from_arrow(table) if convert == "polars" else table
    run = ask(data, text="What drives flipper length?")
    columns = ["x", "y", "verdict", "p", "n", "caveats"]
    pd.testing.assert_frame_equal(run.verdicts[columns], penguins_run.verdicts[columns])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([1, 2, 3], "df is a builtins.list, not a table"),
        ({"a": [1]}, "df is a builtins.dict"),
        (pd.Series([1, 2]), "Series"),
        (pd.DataFrame(), "no columns"),
        (pd.DataFrame({"a": [], "b": []}), "no rows"),
        (pd.DataFrame({"a": [1, 2, 3]}), "only 'a' varies"),
        (pd.DataFrame({"a": [1, 2, 3], "b": 7}), "only 'a' varies"),
        (pd.DataFrame([[1, 2], [3, 4]], columns=["a", "a"]), "two columns named 'a'"),
    ],
    ids=["list", "dict", "series", "empty", "no rows", "one column", "one varies", "twice"],
)
def test_what_is_no_table_to_research_is_one_line(ask, data, message):
    with pytest.raises(ResearchError) as caught:
        ask(data)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_target_that_is_no_column_suggests_the_nearest(ask):
    with pytest.raises(ResearchError, match="Did you mean 'body_mass_g'"):
        ask(load_penguins(), target="body_mass")


def test_a_killed_worker_fails_its_hypothesis_and_the_run_goes_on(ask):
    rng = np.random.default_rng(8)
    frame = pd.DataFrame(rng.normal(size=(60_000, 12))).rename(columns=str)
    with ParallelExperimentExecutor(max_workers=2) as executor:
        run = ask(frame, executor=executor)
        until(lambda: any(p.state == "measured" for p in run.snapshot().progress))
        os.kill(executor.snapshot().worker_pids[0], signal.SIGKILL)
        frame = run.verdicts
    assert run.status == "done"
    failed = [p for p in run.snapshot().progress if p.state == "failed"]
    assert len(failed) <= 1
    assert frame.family.value_counts()["association"] == 66
    for progress in failed:
        assert "killed" in progress.reason


def test_a_cancelled_run_keeps_what_was_measured_and_counts_the_rest(ask):
    rng = np.random.default_rng(9)
    frame = pd.DataFrame(rng.normal(size=(100_000, 20))).rename(columns=str)
    run = ask(frame)
    until(lambda: any(p.state == "measured" for p in run.snapshot().progress))
    run.cancel()
    run.result(timeout=10)
    picture = run.snapshot()
    assert run.status == "cancelled"
    assert all(p.state in ENDED for p in picture.progress)
    assert {p.state for p in picture.progress} == {"verdict", "skipped"}
    assert (run.verdicts.m == 190).all()


def test_waiting_too_short_says_so_and_the_run_goes_on(ask):
    rng = np.random.default_rng(10)
    run = ask(pd.DataFrame(rng.normal(size=(50_000, 10))).rename(columns=str))
    with pytest.raises(TimeoutError, match="goes on"):
        run.result(timeout=0.0)
    assert run.verdicts.family.value_counts()["association"] == 45


def test_nothing_is_left_in_the_temp_folder(ask, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    ask(load_penguins()).result()
    assert list(tmp_path.iterdir()) == []


def test_a_finding_that_was_not_stressed_is_not_believed(ask):
    run = ask(load_penguins(), text="What drives flipper length?")
    run.listen(lambda: run.cancel() if run.snapshot().step == "stressing the findings" else None)
    frame = run.verdicts
    assert run.status == "cancelled"
    believed = frame[frame.verdict == "supported"]
    assert believed.empty
    assert frame.reason.str.contains("before it was stressed").any()


@pytest.mark.parametrize(
    "groups",
    [
        lambda values: pd.cut(values, 3),
        lambda values: pd.cut(values, 3, labels=[0.5, 1.5, 10.0]),
        lambda values: pd.Categorical(values > 0, categories=[True, False], ordered=True),
        lambda values: pd.Categorical(pd.Timestamp("2024-01-01") + pd.to_timedelta((values > 0) * 1, "D")),
        lambda values: np.where(values > 0, 2**53 + 1, 2**53 + 3),
    ],
    ids=["intervals", "numbers", "ordered booleans", "dates", "large integers"],
)
def test_categories_of_every_kind_are_groups(ask, groups):
    rng = np.random.default_rng(3)
    values = rng.normal(size=200)
    run = ask(pd.DataFrame({"group": groups(values), "value": values + rng.normal(size=200)}))
    assert verdict(run, "group", "value").verdict == "supported"


def test_the_order_of_an_ordered_category_decides_the_sign(ask):
    rng = np.random.default_rng(4)
    values = rng.normal(size=100)
    for order in (["low", "high"], ["high", "low"]):
        group = pd.Categorical(np.where(values > 0, "high", "low"), categories=order, ordered=True)
        row = verdict(ask(pd.DataFrame({"group": group, "value": values})), "group", "value")
        assert row.sign == ("+" if order[1] == "high" else "-")
        assert f"{order[1]} − {order[0]}" in row.reason


def test_groups_made_of_noise_confound_nothing(ask):
    rng = np.random.default_rng(5)
    said = []
    for _ in range(15):
        frame = pd.DataFrame({f"noise{i}": rng.choice(list("pqrs"), 120) for i in range(4)})
        frame["group"] = rng.choice(list("abcdef"), 120)
        frame["value"] = (
            rng.normal(size=120) + frame.group.map(dict(zip("abcdef", range(6), strict=True))) * 0.35
        )
        row = verdict(ask(frame, target="value"), "group", "value")
        said.append("confounded" in row.caveats)
    assert sum(said) <= 1


def test_a_larger_alpha_lets_more_through(ask):
    rng = np.random.default_rng(6)
    frames = [
        pd.DataFrame(rng.normal(size=(80, 2)) @ [[1, 0.25], [0, 1]], columns=["a", "b"]) for _ in range(12)
    ]
    found = {
        alpha: sum((ask(frame, alpha=alpha).verdicts.verdict == "supported").sum() for frame in frames)
        for alpha in (0.01, 0.05, 0.3)
    }
    assert found[0.01] < found[0.05] < found[0.3]


def test_times_are_told_in_days_and_order_the_rows_however_they_are_stored(ask):
    rng = np.random.default_rng(7)
    days = pd.Series(pd.date_range("2020-01-01", periods=200))
    value = np.arange(200) * 0.5 + rng.normal(size=200) * 10
    frame = pd.DataFrame({"day": days, "value": value, "wait": pd.to_timedelta(value + 30, "min")})
    run = ask(frame)
    row = verdict(run, "day", "value")
    assert (row.verdict, row.unit) == ("supported", "value per day")
    assert row.effect_raw == pytest.approx(0.5, abs=0.1)
    assert "order" in row.caveats
    assert verdict(run, "value", "wait").effect_raw == pytest.approx(60)
    mixed = frame.iloc[rng.permutation(200)]
    other = verdict(ask(mixed), "day", "value")
    same = ["family", "verdict", "p", "effect", "effect_raw", "unit", "ci_low", "ci_high", "caveats", "n"]
    assert dict(other[same]) == dict(row[same])
    untimed = mixed[["value"]].assign(noise=rng.normal(size=200))
    assert verdict(ask(untimed), "value", "noise").caveats == ""


def test_a_year_is_no_row_number(ask):
    frame = pd.DataFrame({"year": np.arange(1980, 2024), "temp": np.arange(44) * 0.02 + 14})
    row = verdict(ask(frame), "year", "temp")
    assert (row.family, row.unit) == ("trend", "temp per year")
    assert row.verdict != "not_testable"
    assert row.effect_raw == pytest.approx(0.02)
    assert "id_like" not in row.caveats
    assert "nonstationary" not in row.caveats


def test_many_different_texts_are_told_quickly_and_a_cancel_is_heard_at_once(ask):
    rng = np.random.default_rng(8)
    users = rng.integers(0, 30_000, 300_000).astype(str)
    frame = pd.DataFrame({f"user{i}": users for i in range(3)} | {"value": rng.normal(size=300_000)})
    run = ask(frame)
    assert "levels, more than 50" in run.result(timeout=20).verdicts.reason.iloc[0]
    stopped = ask(frame)
    stopped.cancel()
    assert stopped.result(timeout=5).status == "cancelled"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"target": "mixed"}, "cannot be researched: mixed: left out"),
        ({"seed": 1.5}, "seed must be a whole number, not 1.5"),
        ({"text": 5}, "question must be text"),
        ({"cap": 0}, "At least one hypothesis"),
        ({"alpha": 7}, "alpha must lie between 0 and 1"),
    ],
)
def test_settings_that_make_no_sense_are_one_line(ask, settings, message):
    frame = pd.DataFrame({"mixed": [1, "two", None, 3.0], "a": [1, 2, 3, 4], "b": [2, 1, 4, 3]})
    with pytest.raises(ResearchError, match=message):
        ask(frame, **settings)


def test_columns_named_by_numbers_can_be_the_target(ask):
    rng = np.random.default_rng(9)
    run = ask(pd.DataFrame(rng.normal(size=(50, 3))), target=2)
    assert run.verdicts.family.value_counts()["association"] == 2


def test_little_words_of_the_question_name_no_column(ask):
    rng = np.random.default_rng(10)
    frame = pd.DataFrame(rng.normal(size=(50, 3)), columns=["a", "is", "price"])
    assert ask(frame, text="What is a driver of price?").snapshot().run.target == "price"


def test_a_lazy_frame_is_told_to_be_collected(ask):
    with pytest.raises(ResearchError, match=r"df.collect\(\)"):
        ask(polars.LazyFrame({"a": [1, 2], "b": [2, 1]}))
