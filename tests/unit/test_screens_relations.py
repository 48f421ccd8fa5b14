"""Columns that settle one another: copies, cuts, nested levels, totals, durations with events."""

import numpy as np
import pandas as pd
import pytest

from kosmos_nb.inquiry.screens import look
from tests.unit.test_screens import clean, encoded, named, seen  # noqa: F401 - a fixture


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(
    ("recode", "words"),
    [
        (lambda x: x, "repeats `x`"),
        (lambda x: x * 2.20462, "is `x` times 2.2046"),
        (lambda x: (x * 2.20462).round(), "is `x` times 2.20"),
        (lambda x: (x * 1.8 + 32).round(1), "is 1.8 × `x` + 32"),
        (lambda x: (x / 1000).round(4), "is `x` times 0.001"),
        (lambda x: 100 - x, "is 100 − `x`"),
    ],
)
def test_a_linear_recoding_is_one_column_twice(seen, seed, recode, words):  # noqa: F811
    rng = np.random.default_rng(seed)
    x = rng.normal(70, 12, 250).round(1)
    notices = seen({**clean(rng, 250), "x": x, "again": recode(x)})
    assert named(notices, "duplicate_column") == [("x", "again")]
    [notice] = [notice for notice in notices if notice.code == "duplicate_column"]
    assert f"`again` {words}" in notice.sentence
    assert notice.sentence.endswith(": one column twice")


def test_gaps_in_either_copy_do_not_hide_it(seen):  # noqa: F811
    rng = np.random.default_rng(0)
    x = rng.normal(70, 12, 400)
    y = x * 3 + 1
    x[rng.random(400) < 0.2] = np.nan
    y[y < 180] = np.nan
    assert named(seen({"x": x, "noise": rng.normal(size=400), "y": y}), "duplicate_column") == [("x", "y")]


def test_three_copies_are_one_notice(seen):  # noqa: F811
    x = np.random.default_rng(0).normal(size=200)
    [notice] = seen({"a": x, "b": x * 2, "c": -x})
    assert notice.columns == ("a", "b", "c")
    assert notice.sentence.endswith("one column 3 times")


def test_a_correlation_of_99_percent_is_no_copy(seen):  # noqa: F811
    rng = np.random.default_rng(0)
    x = rng.normal(size=500)
    notices = seen({"x": x, "y": x + 0.1 * rng.normal(size=500)})
    assert {notice.rank for notice in notices} == {"warns"}


def test_small_whole_numbers_that_nearly_agree_are_no_copies(seen):  # noqa: F811
    rng = np.random.default_rng(0)
    x = rng.integers(1, 6, 500)
    y = np.where(rng.random(500) < 0.05, rng.integers(1, 6, 500), x)
    assert named(seen({"x": x, "y": y}), "duplicate_column") == []


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("function", [np.exp, lambda x: -(x**3), lambda x: 1 / (x + 9)])
def test_a_monotone_function_is_deterministic(seen, seed, function):  # noqa: F811
    rng = np.random.default_rng(seed)
    x = rng.normal(size=150)
    notices = seen({"noise": rng.normal(size=150), "x": x, "y": function(x)})
    assert [notice.columns for notice in notices if notice.rank == "blocks"] == [("x", "y")]
    assert {notice.code for notice in notices if notice.rank == "blocks"} <= {
        "deterministic",
        "duplicate_column",
    }


def test_a_copy_in_the_sample_alone_is_none():
    from kosmos_nb.inquiry.columns import Column
    from kosmos_nb.inquiry.screens.view import view

    rng = np.random.default_rng(0)
    n = 60_000
    x, y = rng.normal(size=n), rng.normal(size=n)
    columns = (Column("x", "numeric", is_continuous=True), Column("y", "numeric", is_continuous=True))
    rows = view(columns, {"x": x, "y": y}, n).rows
    y[rows] = x[rows]
    assert len(rows) < n
    assert look(columns, {"x": x, "y": y}, n) == ()
    assert len(look(columns, {"x": x, "y": x * 2}, n)) == 1


@pytest.mark.parametrize("seed", range(10))
def test_copies_in_many_rows_are_found_whatever_a_part_of_them_shows(seen, seed):  # noqa: F811
    rng = np.random.default_rng(seed)
    n = 60_000
    plain, late, event = rng.normal(size=n), rng.normal(size=n), (rng.random(n) < 0.0002) * rng.normal(size=n)
    late[rng.random(n) < 0.8] = np.nan
    table = {
        **{f"noise {i}": rng.normal(size=n) for i in range(5)},
        "plain": plain, "late": late, "event": event,
        "plain 2": plain * 3, "late 2": late * 3, "event 2": event * 3,
    }  # fmt: skip
    pairs = [("plain", "plain 2"), ("late", "late 2"), ("event", "event 2")]
    assert sorted(named(seen(table), "duplicate_column")) == sorted(pairs)


@pytest.mark.parametrize("seed", range(20))
def test_renamed_levels_are_one_column_twice(seen, seed):  # noqa: F811
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 3, 200)
    table = {
        **clean(rng, 200),
        "class": np.array(["first", "second", "third"])[codes],
        "klasse": np.array(["I", "II", "III"])[codes],
        "pclass": codes + 1,
    }
    pairs = {frozenset(pair) for pair in named(seen(table), "duplicate_column")}
    assert pairs == {
        frozenset(pair) for pair in (("class", "klasse"), ("class", "pclass"), ("klasse", "pclass"))
    }


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("n", [40, 300])
def test_a_cut_of_a_number_is_leakage(seen, seed, n):  # noqa: F811
    rng = np.random.default_rng(seed)
    age = rng.integers(10, 80, n)
    table = {**clean(rng, n), "age": age, "adult": np.where(age >= 45, "yes", "no")}
    notices = seen(table)
    assert named(notices, "leakage") == [("adult", "age")]
    assert any("`adult` is `age` cut at" in notice.sentence for notice in notices)


def test_intervals_are_leakage_and_a_single_overlap_is_not(seen):  # noqa: F811
    rng = np.random.default_rng(0)
    income = rng.normal(50, 12, 300)
    band = np.array(["low", "mid", "high"])[np.digitize(income, [42, 58])]
    assert named(seen({"income": income, "band": band}), "leakage") == [("band", "income")]
    band[np.argmax(income)] = "low"
    assert named(seen({"income": income, "band": band}), "leakage") == []


@pytest.mark.parametrize("seed", range(20))
def test_nested_levels_and_looked_up_values_are_leakage(seen, seed):  # noqa: F811
    rng = np.random.default_rng(seed)
    city = rng.integers(0, 8, 240)
    table = {
        **clean(rng, 240),
        "city": np.array(list("ABCDEFGH"))[city],
        "country": np.array(list("XXXYYYZZ"))[city],
        "price": np.array([3.5, 4, 4, 7.25, 9, 9, 1, 2.5])[city],
    }
    notices = seen(table)
    assert named(notices, "leakage") == [("country", "city"), ("price", "city"), ("country", "price")]
    assert "nested" in next(notice.sentence for notice in notices if notice.columns == ("country", "city"))


def test_levels_that_agree_only_where_they_are_rare_are_not_nested(seen):  # noqa: F811
    rng = np.random.default_rng(0)
    many = np.repeat(np.arange(20), 5)
    rare = np.zeros(100, dtype=int)
    rare[many == 7] = 1
    notices = seen({"many": [f"m{at}" for at in many], "rare": rare.astype(str), "x": rng.normal(size=100)})
    assert named(notices, "leakage") in ([], [("rare", "many")])
    spread = (rng.random(100) < 0.5).astype(str)
    assert named(seen({"many": [f"m{at}" for at in many], "spread": spread}), "leakage") == []


def test_rare_levels_merged_into_one_do_not_hide_the_nesting(seen):  # noqa: F811
    rng = np.random.default_rng(0)
    city = rng.integers(0, 10, 300)
    names = np.array([f"c{at}" for at in city], dtype=object)
    country = np.where(city < 5, "X", "Y")
    names[:6] = ["r1", "r2", "r3", "r4", "r5", "r6"]
    assert named(seen({"city": names, "country": country}), "leakage") == [("country", "city")]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("place", ["first", "last"])
def test_a_total_of_parts_is_leakage_with_its_parts(seen, seed, place):  # noqa: F811
    rng = np.random.default_rng(seed)
    parts = {name: rng.gamma(3, 10, 200).round(2) for name in "abc"}
    total = {"total": sum(parts.values()).round(2)}
    table = {**total, **parts} if place == "first" else {**parts, **total}
    notices = seen({"noise": rng.normal(size=200), **table})
    assert named(notices, "leakage") == [("total", "a", "b", "c")]
    assert any(notice.sentence == "`total` is the sum of `a`, `b` and `c`" for notice in notices)
    assert named(notices, "collinear") == []


def test_shares_that_add_up_are_leakage_and_weighted_sums_collinear(seen):  # noqa: F811
    rng = np.random.default_rng(0)
    shares = rng.dirichlet([2, 3, 4], 300).T * 100
    a, b = rng.normal(size=(2, 300))
    notices = seen({"s1": shares[0], "s2": shares[1], "s3": shares[2], "a": a, "b": b, "w": 3 * a - 0.5 * b})
    assert [set(names) for names in named(notices, "leakage")] == [{"s1", "s2", "s3"}]
    assert "add up to 100 in every row" in notices[0].sentence
    assert [set(names) for names in named(notices, "collinear")] == [{"w", "a", "b"}]


@pytest.mark.parametrize("seed", range(20))
def test_columns_that_explain_one_another_are_collinear(seen, seed):  # noqa: F811
    rng = np.random.default_rng(seed)
    base = rng.normal(size=300)
    near = {name: base + 0.15 * rng.normal(size=300) for name in "abc"}
    notices = seen({**near, "x": rng.normal(size=300), "y": base + rng.normal(size=300)})
    assert named(notices, "collinear") == [("a", "b", "c")]


def test_one_far_row_makes_no_collinearity(seen):  # noqa: F811
    rng = np.random.default_rng(0)
    table = {name: rng.normal(size=300) for name in "abcd"}
    for values in table.values():
        values[3] = 500
    assert named(seen(table), "collinear") == []


@pytest.mark.parametrize(
    ("time", "event", "levels"),
    [
        ("tenure", "Churn", ["No", "Yes"]),
        ("futime", "fustat", [0, 1]),
        ("survival_days", "status", [1, 2]),
        ("OS", "OS_event", [0.0, 1.0]),
        ("followUpTime", "died", [False, True]),
        ("stop", "event", [0, 1]),
    ],
)
def test_a_duration_and_its_event_are_censored(seen, time, event, levels):  # noqa: F811
    rng = np.random.default_rng(0)
    notices = seen(
        {
            "age": rng.normal(50, 9, 200),
            time: rng.exponential(200, 200).round(),
            event: np.array(levels)[(rng.random(200) < 0.3).astype(int)],
        }
    )
    assert named(notices, "censored") == [(time, event)]


def test_ordinary_times_and_states_are_not_censored(seen):  # noqa: F811
    rng = np.random.default_rng(0)
    notices = seen(
        {
            "time": rng.choice(["Lunch", "Dinner"], 200),
            "minutes": rng.exponential(20, 200),
            "duration": rng.normal(0, 1, 200),
            "marital_status": rng.choice(["single", "married"], 200),
            "smoker": rng.choice(["Yes", "No"], 200),
        }
    )
    assert named(notices, "censored") == []


def test_a_pair_that_the_user_knows_is_left_out(seen):  # noqa: F811
    x = np.random.default_rng(0).normal(size=200)
    table = {"x": x, "y": x * 2}
    assert named(seen(table), "duplicate_column") == [("x", "y")]
    assert seen(table, ignore_pairs=[frozenset(("y", "x"))]) == ()


def test_penguins_have_nothing_that_blocks(tmp_path):
    penguins = pytest.importorskip("palmerpenguins").load_penguins()
    assert look(*encoded(penguins)) == ()


def test_titanic_like_copies_are_all_found(seen):  # noqa: F811
    rng = np.random.default_rng(0)
    n = 800
    pclass, survived = rng.integers(1, 4, n), rng.integers(0, 2, n)
    who = rng.choice(["man", "woman", "child"], n)
    table = pd.DataFrame(
        {
            "survived": survived,
            "pclass": pclass,
            "class": np.array(["", "First", "Second", "Third"])[pclass],
            "who": who,
            "adult_male": who == "man",
            "alive": np.where(survived == 1, "yes", "no"),
            "fare": rng.lognormal(3, 0.6, n),
        }
    )
    notices = seen(table)
    pairs = {frozenset(pair) for pair in named(notices, "duplicate_column")}
    assert pairs == {frozenset(("survived", "alive")), frozenset(("pclass", "class"))}
    assert named(notices, "leakage") == [("adult_male", "who")]
