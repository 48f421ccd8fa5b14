"""What the screens say of planted oddities, and that they are silent on clean tables."""

import numpy as np
import pandas as pd
import pytest

from kosmos_nb.history.records import Notice
from kosmos_nb.inquiry import frame
from kosmos_nb.inquiry.caveats import CODES, rank_of
from kosmos_nb.inquiry.columns import Column
from kosmos_nb.inquiry.encoding import encode
from kosmos_nb.inquiry.screens import look, sketch


def encoded(table):
    arrow, _ = frame.as_table(table, name="table")
    found = encode(arrow)
    return found.columns, found.arrays, found.n_rows


@pytest.fixture
def seen(tmp_path):
    """Look at a pandas table, or at plain columns by name."""

    def see(table, **options) -> tuple[Notice, ...]:
        return look(*encoded(pd.DataFrame(table)), **options)

    return see


def named(notices, code):
    return [notice.columns for notice in notices if notice.code == code]


def clean(rng, n):
    """A table without anything odd: every common kind of column."""
    return {
        "height": rng.normal(170, 9, n),
        "rounded": rng.normal(170, 9, n).round(1),
        "share": rng.random(n),
        "waiting": rng.exponential(3, n),
        "mild": rng.lognormal(3, 0.4, n),
        "points": rng.integers(0, 100, n),
        "rating": rng.integers(1, 6, n),
        "group": rng.choice(["a", "b", "c"], n),
        "flag": rng.random(n) < 0.4,
        "weekday": rng.choice(["mon", "tue", "wed", "thu", "fri", "sat"], n),
    }


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("n", [80, 400])
def test_clean_tables_are_left_alone(seen, seed, n):
    notices = seen(clean(np.random.default_rng(seed), n))
    assert [notice for notice in notices if notice.rank == "blocks"] == []
    assert [
        notice for notice in notices if notice.code not in ("few_per_level", "heavy_tails", "outliers")
    ] == []


def test_clean_tables_hardly_ever_have_outliers_or_heavy_tails(seen):
    notices = [notice for seed in range(20) for notice in seen(clean(np.random.default_rng(seed), 400))]
    assert len(notices) <= 4  # of 140 numeric columns


@pytest.mark.parametrize("seed", range(20))
def test_gaussian_noise_is_silent(seen, seed):
    rng = np.random.default_rng(seed)
    assert seen({f"x{at}": rng.normal(size=60 + 20 * seed) for at in range(30)}) == ()


@pytest.mark.parametrize(
    ("rest", "code"),
    [
        (lambda rng: rng.normal(170, 9, 400), -999.0),
        (lambda rng: rng.integers(18, 90, 400).astype(float), 999.0),
        (lambda rng: rng.integers(1, 8, 400).astype(float), 99.0),
        (lambda rng: rng.normal(0, 1, 400), -99.0),
        (lambda rng: rng.gamma(2, 20, 400).round(), -9999.0),
        (lambda rng: rng.normal(18_000, 900, 400).round(), -25_567.0),
        (lambda rng: rng.integers(0, 800, 400).astype(float), -1.0),
    ],
)
def test_a_code_for_missing_is_named_with_its_rows(seen, rest, code):
    values = rest(np.random.default_rng(1))
    values[::20] = code
    [notice] = [
        notice for notice in seen({"x": values, "y": np.arange(400) % 7}) if notice.code == "sentinel"
    ]
    assert notice.columns == ("x",)
    assert notice.rows == 20
    assert f"{code:,.0f}".replace("-", "−") in notice.sentence


def test_two_codes_in_one_column_are_both_named(seen):
    rng = np.random.default_rng(1)
    values = rng.integers(0, 60, 500).astype(float)
    values[:20], values[20:30] = 998, 999
    [notice] = [
        notice for notice in seen({"x": values, "y": rng.normal(size=500)}) if notice.code == "sentinel"
    ]
    assert "998 or 999" in notice.sentence
    assert notice.rows == 30


@pytest.mark.parametrize("seed", range(20))
def test_no_code_is_seen_in_skewed_columns_doses_and_scales(seen, seed):
    rng = np.random.default_rng(seed)
    table = {
        "income": rng.lognormal(10, 1.5, 300).round(),
        "waits": rng.geometric(0.01, 300),
        "dose": rng.choice([0, 1, 10, 100], 300),
        "scale": rng.integers(-3, 4, 300),
        "cauchy": rng.standard_cauchy(300).round(1),
        "age": rng.integers(18, 100, 300),
    }
    assert named(seen(table), "sentinel") == []


def test_a_code_for_missing_is_no_outlier(seen):
    rng = np.random.default_rng(2)
    values = rng.normal(size=500)
    values[:3] = -999
    assert {notice.code for notice in seen({"x": values, "y": rng.normal(size=500)})} == {"sentinel"}


@pytest.mark.parametrize("seed", range(20))
def test_zeros_beyond_a_poisson_law_are_named_and_its_own_are_not(seen, seed):
    rng = np.random.default_rng(seed)
    zeros = rng.random(500) < 0.4
    notices = seen(
        {
            "spent": np.where(zeros, 0, rng.lognormal(3, 0.5, 500)),
            "visits": np.where(zeros, 0, rng.poisson(4, 500)),
            "rare": rng.poisson(0.2, 500),
            "some": rng.poisson(1.5, 500),
            "steps": rng.geometric(0.6, 500) - 1,
            "difference": rng.integers(-20, 21, 500),
        }
    )
    assert named(notices, "zero_inflated") == [("spent",), ("visits",)]


def test_counts_are_told_from_scales_codes_and_hours(seen):
    rng = np.random.default_rng(3)
    notices = seen(
        {
            "children": rng.poisson(1.4, 400),
            "party": rng.geometric(0.45, 400),
            "rating": rng.integers(1, 6, 400),
            "hour": rng.integers(0, 24, 400),
            "cylinders": rng.choice([4, 6, 8], 400),
            "points": rng.integers(0, 100, 400),
        }
    )
    assert named(notices, "count") == [("children",), ("party",)]


@pytest.mark.parametrize("seed", range(20))
def test_heavy_tails_are_told_from_bell_curves_and_exponentials(seen, seed):
    rng = np.random.default_rng(seed)
    n = 2000
    notices = seen(
        {
            "gauss": rng.normal(size=n),
            "uniform": rng.random(n),
            "exponential": rng.exponential(size=n),
            "t15": rng.standard_t(1.5, n),
            "cauchy": rng.standard_cauchy(n),
            "lognormal": rng.lognormal(0, 1.2, n),
            "negative": -rng.lognormal(0, 1.2, n),
        }
    )
    assert named(notices, "heavy_tails") == [("t15",), ("cauchy",), ("lognormal",), ("negative",)]


@pytest.mark.parametrize("seed", range(20))
def test_a_few_points_far_out_are_outliers_and_not_a_tail(seen, seed):
    rng = np.random.default_rng(seed)
    values, skewed = rng.normal(size=300), rng.exponential(size=300)
    values[[5, 100]] = 14, -20
    skewed[7] = 60
    notices = seen({"x": values, "skewed": skewed, "clean": rng.normal(size=300)})
    assert [(notice.columns, notice.rows) for notice in notices if notice.code == "outliers"] == [
        (("x",), 2),
        (("skewed",), 1),
    ]
    assert named(notices, "heavy_tails") == []


def test_missing_values_are_told_from_a_twentieth_up(seen):
    rng = np.random.default_rng(0)
    some, few, text = rng.normal(size=200), rng.normal(size=200), rng.choice(["a", "b"], 200).astype(object)
    some[:11], few[50:60], text[:40] = np.nan, np.nan, None
    notices = seen({"some": some, "few": few, "text": text})
    assert [(notice.columns, notice.rows) for notice in notices] == [(("some",), 11), (("text",), 40)]
    assert "5.5 %" in notices[0].sentence


def test_unequal_and_thin_levels_are_told(seen):
    rng = np.random.default_rng(0)
    notices = seen(
        {
            "rare": np.where(np.arange(400) < 8, "yes", "no"),
            "fair": rng.choice(["a", "b"], 400),
            "thin": np.arange(400) // 8,
            "x": rng.normal(size=400),
            "places": [f"p{at // 8}" for at in range(400)],
        }
    )
    assert named(notices, "unbalanced") == [("rare",)]
    assert named(notices, "few_per_level") == [("places",)]


def test_a_notice_has_a_known_code_its_rank_and_comes_in_the_order_of_ranks(seen):
    rng = np.random.default_rng(0)
    x = rng.normal(size=300)
    x[:40] = np.nan
    notices = seen({"x": x, "twice": x * 2, "n": rng.poisson(2, 300), "t": rng.standard_cauchy(300)})
    assert all(notice.code in CODES and notice.rank == rank_of(notice.code) for notice in notices)
    ranks = [("blocks", "warns", "notes").index(notice.rank) for notice in notices]
    assert ranks == sorted(ranks)
    assert set(ranks) == {0, 1, 2}


@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_tiny_tables_are_looked_at_without_a_word_on_relations(n):
    columns = (Column("x", "numeric"), Column("y", "numeric"), Column("g", "category", ("a", "b")))
    x = np.arange(n, dtype=float)
    notices = look(columns, {"x": x, "y": x * 2, "g": (np.arange(n) % 2).astype(np.int32)}, n)
    assert [notice for notice in notices if len(notice.columns) > 1] == []
    assert len(sketch(columns, {"x": x})) == 3


def test_columns_without_any_value_and_without_an_array_are_passed_over():
    columns = (
        Column("empty", "numeric"),
        Column("none", "category", ("a", "b")),
        Column("id", "unusable", (), ("id_like",), "looks like an id"),
        Column("x", "numeric", is_continuous=True),
    )
    rng = np.random.default_rng(0)
    arrays = {
        "empty": np.full(100, np.nan),
        "none": np.full(100, -1, dtype=np.int32),
        "x": rng.normal(size=100),
    }
    assert look(columns, arrays, 100) == ()
    assert [drawn.summary for drawn in sketch(columns, arrays)][:3] == [
        "all values are missing",
        "all values are missing",
        "looks like an id",
    ]


def test_a_sketch_says_range_and_median_with_unit_or_the_commonest_levels(tmp_path):
    table = pd.DataFrame(
        {
            "body_mass_g": [2700.0, 4050.0, 6300.0] * 10,
            "größe": list("aabbbcdefg") * 3,
            "when": pd.to_datetime(["2024-01-01", "2024-02-01", "2024-03-01"] * 10),
        }
    )
    drawn = {one.name: one.summary for one in sketch(*encoded(table)[:2])}
    assert drawn["body_mass_g"] == "2,700 to 6,300 g, median 4,050"
    assert drawn["größe"].startswith(("b (9), a (6)", "other ("))
    assert drawn["when"] == "2024-01-01 to 2024-03-01, median 2024-02-01"


def test_looking_twice_says_the_same(seen):
    rng = np.random.default_rng(5)
    table = {f"x{at}": rng.standard_t(2, 30_000) for at in range(4)}
    assert seen(table) == seen(table)
