"""The tables that research runs are judged by are what they are said to be."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kurtosis, spearmanr

from benchmarks.research import false_findings, noise, peers, pitfalls, planted, shards, speed, traps
from benchmarks.research.noise import draws
from kosmos_nb.inquiry.caveats import CODES

SHAPES = {
    "gauss": (300, 12), "small": (20, 8), "wide": (60, 40), "heavy": (300, 12), "unequal": (220, 10),
    "repeated": (300, 12), "ar1": (300, 12), "walks": (300, 12), "trends": (300, 12), "clusters": (300, 9),
    "rare": (300, 8), "mixed": (250, 10), "permuted": (344, 8),
}  # fmt: skip


def numbers(kind: str, seeds=range(1, 21, 2)) -> list[np.ndarray]:
    return [noise.make(kind, seed).table.select_dtypes("number").to_numpy() for seed in seeds]


@pytest.mark.parametrize("kind", noise.KINDS)
def test_a_kind_and_a_seed_always_give_the_same_table_of_noise(kind):
    first, again, other = (noise.make(kind, seed).table for seed in (7, 7, 9))
    pd.testing.assert_frame_equal(first, again)
    assert first.shape == other.shape == SHAPES[kind]
    assert not first.equals(other)
    assert noise.said(kind)


@pytest.mark.parametrize("kind", ["ar1", "walks", "trends"])
def test_rows_in_order_have_a_date_with_even_seeds_only(kind):
    assert noise.make(kind, 2).table[noise.DAY].is_monotonic_increasing
    assert noise.DAY not in noise.make(kind, 3).table


def test_repeated_rows_are_sixty_stored_five_times():
    table = noise.make("repeated", 1).table
    assert set(table.value_counts()) == {5}
    assert len(table.drop_duplicates()) == 60


def test_heavy_tails_are_heavier_than_any_normal_column():
    assert min(kurtosis(values).min() for values in numbers("heavy")) > 3


def test_the_few_rows_of_a_group_spread_four_times_as_wide_around_the_same_mean():
    wide, narrow = [], []
    for seed in range(1, 41):
        table = noise.make("unequal", seed).table
        assert table.arm.value_counts().to_dict() == {"many": 200, "few": 20}
        assert table.site.value_counts().to_dict() == {"north": 120, "south": 60, "east": 30, "west": 10}
        wide.append(table.x0[table.arm == "few"])
        narrow.append(table.x0[table.arm == "many"])
    wide, narrow = np.concatenate(wide), np.concatenate(narrow)
    assert 3.7 < wide.std() / narrow.std() < 4.3
    assert abs(wide.mean()) < 4 * 4 / math.sqrt(len(wide))


def test_series_depend_on_the_row_before_as_they_are_said_to():
    def lag_one(values):
        return np.mean([np.corrcoef(x[:-1], x[1:])[0, 1] for table in values for x in table.T])

    assert lag_one(numbers("gauss")) == pytest.approx(0, abs=0.03)
    assert lag_one(numbers("ar1")) == pytest.approx(0.89, abs=0.02)
    assert lag_one(numbers("walks")) > 0.95
    steps = [np.diff(table, axis=0) for table in numbers("walks")]
    assert lag_one(steps) == pytest.approx(0, abs=0.03)


def test_subjects_have_ten_rows_a_level_of_their_own_and_one_arm_and_age():
    table = noise.make("clusters", 3).table
    by_subject = table.groupby(noise.SUBJECT)
    assert set(by_subject.size()) == {10}
    assert by_subject.arm.nunique().max() == by_subject.age.nunique().max() == 1
    assert by_subject.x0.mean().var() > 4 * table.x0.var() / 10


def test_shuffled_penguins_have_each_column_of_the_penguins_and_no_relation():
    from palmerpenguins import load_penguins

    penguins, shuffled = load_penguins(), noise.make("permuted", 5).table
    for name in penguins:
        assert shuffled[name].value_counts().to_dict() == penguins[name].value_counts().to_dict()
    pair = ["flipper_length_mm", "body_mass_g"]
    assert penguins[pair].corr().iloc[0, 1] > 0.8
    assert abs(shuffled[pair].corr().iloc[0, 1]) < 0.3


def test_only_what_a_kind_makes_true_is_no_false_finding():
    subjects = noise.make("clusters", 1)
    assert subjects.is_true("group_difference", "subject", "x0")
    assert not subjects.is_true("group_difference", "arm", "x0")
    going = noise.make("trends", 2)
    assert going.is_true("trend", "day", "x0")
    assert not going.is_true("association", "x0", "x1")
    assert not noise.make("walks", 2).is_true("trend", "day", "x0")


def test_ten_pairs_have_the_rank_correlation_that_coverage_is_held_against_and_half_have_heavy_tails():
    tables = [planted.correlations(seed) for seed in range(1, 21)]
    found = np.mean(
        [[spearmanr(t[a], t[b]).statistic for a, b in map(sorted, planted.PAIRS)] for t in tables]
    )
    assert tables[0].shape == (500, 30)
    assert len(planted.PAIRS) == 10
    assert found == pytest.approx(planted.TRUE_SPEARMAN, abs=4 / math.sqrt(500 * 200))
    assert spearmanr(tables[0].x20, tables[0].x21).pvalue > 0.001
    heavy = [np.median([kurtosis(table[name]) for table in tables]) > 2 for name in tables[0]]
    assert 14 <= sum(heavy) <= 15


@pytest.mark.parametrize("name", planted.EFFECTS)
def test_the_best_test_finds_a_planted_effect_in_most_tables_and_not_in_all(name):
    effect = planted.EFFECTS[name]
    p = [effect.best(effect.table(seed)) for seed in range(1, 61)]
    power = max(np.mean([one[test] < 0.05 for one in p]) for test in p[0])
    assert 0.6 < power < 0.95


@pytest.mark.parametrize("name", pitfalls.TRAPS)
def test_a_trap_has_its_columns_and_codes_that_exist(name):
    trap = pitfalls.TRAPS[name]
    table = trap.table(draws(name, 1))
    assert trap.codes <= CODES
    assert {column for pair in trap.pairs for column in pair} | set(trap.columns) <= set(table)
    pd.testing.assert_frame_equal(table, trap.table(draws(name, 1)))


def test_the_traps_are_traps():
    def made(name):
        return pitfalls.TRAPS[name].table(draws(name, 2))

    simpson = made("simpson")
    assert spearmanr(simpson.hours, simpson.marks).statistic > 0.5
    within = simpson.groupby("school")[["hours", "marks"]].corr(method="spearman").iloc[::2, 1]
    assert (within < -0.3).all()
    driven = made("confounder")
    slope = [np.polyfit(driven.warmth, driven[name], 1) for name in ("sales", "swimmers")]
    rest = [
        driven[n] - np.polyval(s, driven.warmth) for n, s in zip(("sales", "swimmers"), slope, strict=True)
    ]
    assert spearmanr(driven.sales, driven.swimmers).statistic > 0.3
    assert abs(spearmanr(*rest).statistic) < 0.15
    out = made("leverage")
    assert np.corrcoef(out.x, out.y)[0, 1] > 0.6
    assert abs(out.drop(7)[["x", "y"]].corr().iloc[0, 1]) < 0.4
    leak = made("leakage")
    assert leak.score[leak.passed == "no"].max() < leak.score[leak.passed == "yes"].min()
    absent = made("sentinel")
    assert ((absent.x == -999) == (absent.y == -999)).all()
    assert 10 < (absent.x == -999).sum() < 70
    assert set(made("renaming").groupby("country").iso.nunique()) == {1}


def test_a_note_names_a_trap_only_beside_its_column():
    trap = pitfalls.TRAPS["sentinel"]
    assert traps._is_noted(trap, "ok\nx: 31 rows hold -999 and were taken as missing")
    assert not traps._is_noted(trap, "other: 31 rows hold -999")
    assert not traps._is_noted(trap, "x: fine")
    assert traps._is_noted(pitfalls.TRAPS["duplicated rows"], "240 rows that repeat another row were dropped")


def test_all_pairs_tests_find_a_plain_relation_and_no_other():
    table = planted.correlations(3)
    found = peers.findings("spearman", table)
    assert len({frozenset(pair) for pair in found} & planted.PAIRS) >= 8
    assert len(found) <= 14


def test_pingouin_agrees_with_pearson_and_benjamini_hochberg():
    table = noise.make("repeated", 4).table
    assert set(peers.findings("pingouin", table)) == set(peers.findings("pearson", table))


def test_a_table_that_was_judged_is_not_judged_again(tmp_path):
    file = tmp_path / "some.jsonl"
    lines = [{"kind": "gauss", "seed": 1, "false": 0}, {"kind": "gauss", "seed": 2, "false": 3}]
    file.write_text("\n".join(map(json.dumps, lines)) + '\n{"kind": "gau', encoding="utf-8")
    assert shards.kept(file) == {("gauss", 1): lines[0], ("gauss", 2): lines[1]}
    assert shards.kept(tmp_path / "none.jsonl") == {}


def test_a_run_of_tables_goes_on_where_it_was_interrupted(tmp_path, monkeypatch):
    first = shards.run("peers", ["small"], [1], folder=tmp_path, processes=1)
    asked = []
    monkeypatch.setattr(shards, "_measure", lambda study, jobs, *_: asked.extend(jobs) or {("small", 2): {}})
    again = shards.run("peers", ["small"], [1, 2], folder=tmp_path)
    assert "error" not in first[0]
    assert asked == [("small", 2)]
    assert again == [first[0], {}]
    assert shards.is_kept("peers", ["small"], [1], folder=tmp_path)
    assert not shards.is_kept("peers", ["small"], [1, 2], folder=tmp_path)


def test_a_table_that_an_engine_fails_on_is_an_outcome(monkeypatch):
    def fail(kind, seed):
        raise ValueError("no such luck")

    monkeypatch.setattr(false_findings, "judge", fail)
    outcome = shards.judge("false_findings", "gauss", 100_001)
    assert outcome["error"] == "ValueError: no such luck"
    assert (outcome["kind"], outcome["seed"], outcome["set"]) == ("gauss", 100_001, "B")
    assert math.isnan(false_findings.share([outcome]))


def test_the_sets_of_seeds_have_nothing_in_common():
    assert [len(seeds) for seeds in shards.SETS.values()] == [200, 200]
    assert not set(shards.SETS["A"]) & set(shards.SETS["B"])
    assert shards.set_of(0) == ""


def test_the_limit_is_the_nominal_share_and_its_standard_errors():
    assert false_findings.limit(200, 3) == pytest.approx(0.05 + 3 * math.sqrt(0.05 * 0.95 / 200))


def test_a_frame_to_time_has_a_category_in_ten_columns_and_no_repeated_row():
    frame = speed.frame(23, 400)
    assert frame.shape == (400, 23)
    assert sum(name.startswith("g") for name in frame) == 2
    assert not frame.duplicated().any()
