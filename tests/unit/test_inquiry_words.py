"""How the sentences of a research run and of a first look are written."""

import re

import numpy as np
import pandas as pd
import pytest
from palmerpenguins import load_penguins

import kosmos_nb
from kosmos_nb.core import units
from kosmos_nb.inquiry import interaction, sentences
from kosmos_nb.inquiry.values import writer
from kosmos_nb.inquiry.variables import Variable

ASCII_MINUS = re.compile(r"(?<![\w)}\]])-\d|\de-\d")


def summaries(frame, **design):
    look = kosmos_nb.screen(frame, **design)
    return {column.name: column.summary for column in look.columns}


def panel(units_=12, rows=25):
    """Rows of patients, each a series of its own with memory, a walk and a numbered day."""
    rng = np.random.default_rng(0)

    def series():
        steps = rng.normal(size=rows)
        for at in range(1, rows):
            steps[at] += 0.8 * steps[at - 1]
        return steps

    names = np.repeat([f"p{i:02d}" for i in range(units_)], rows)
    columns = {name: np.concatenate([series() for _ in range(units_)]) for name in ("x", "y")}
    walk = np.concatenate([np.cumsum(rng.normal(size=rows)) for _ in range(units_)])
    return pd.DataFrame({"patient": names, "day": np.tile(np.arange(rows), units_), **columns, "walk": walk})


@pytest.mark.parametrize(
    ("value", "digits", "said"),
    [
        (2.20462, 5, "2.2046"),
        (-999.0, 5, "−999"),
        (12_000.0, 5, "12,000"),
        (-3.1e-7, 5, "−3.1e−07"),
        (123_456.7, 5, "123,457"),
        (999.6, 3, "1,000"),
        (1_234.5, 3, "1,234"),
        (1_668_030_819.3, 3, "1.67e+09"),
        (13_415.27, 5, "13,415"),
        (2_710.349, 5, "2,710.3"),
        (0.0, 3, "0"),
        (2.5e15, 3, "2.5e+15"),
    ],
)
def test_a_number_keeps_the_digits_that_count_and_has_a_true_minus(value, digits, said):
    assert units.number(value, digits) == said


def test_a_signed_number_shows_its_plus():
    assert units.number(0.00312, 3, is_signed=True) == "+0.00312"
    assert units.number(-0.00312, 3, is_signed=True) == "−0.00312"


def test_years_and_dates_are_written_as_such_and_other_whole_numbers_in_groups():
    days = pd.date_range("2024-01-30", periods=90)
    hours = pd.date_range("2024-01-30 06:00", periods=90, freq="20min")
    born = np.arange(90) % 41 + 1960
    frame = pd.DataFrame({"born": born, "day": days, "at": hours, "weight_g": born, "steps": born * 3})
    said = summaries(frame)
    assert said["born"] == "1960 to 2000, median 1978"
    assert said["day"] == "2024-01-30 to 2024-04-28, median 2024-03-14"
    assert said["at"] == "2024-01-30 06:00 to 2024-01-31 11:40, median 2024-01-30 20:50"
    assert said["weight_g"] == "1,960 to 2,000 g, median 1,978"
    assert said["steps"] == "5,880 to 6,000, median 5,934"
    halves = pd.DataFrame({"year": [1990, 1991] * 30 + [1995, 1998] * 30, "x": np.arange(120) % 7})
    assert summaries(halves)["year"] == "1990 to 1998, median 1993"
    assert writer(halves.year.to_numpy(dtype=float), "")(1990.5) == "1990.5"
    assert "2007 to 2009" in summaries(load_penguins())["year"]


def test_notices_write_years_as_years():
    rng = np.random.default_rng(1)
    year = np.repeat(np.arange(1970, 2010), 10)
    era = np.where(year < 2000, "before", "after")
    cut = kosmos_nb.screen(pd.DataFrame({"year": year, "era": era, "x": rng.normal(size=400)}))
    assert any("cut at 2000:" in notice.sentence for notice in cut.notices)


def test_a_turn_along_a_date_is_a_date():
    days = np.arange(19_000.0, 19_400.0)
    assert writer(days, "day", 4)(19_123.4) == "2022-05-11"


def interacting(seed=0):
    """The raw slopes fall from the low to the high quarter of z; on the scores of y the tested one grows."""
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=(2, 400))
    y = np.exp(2.5 * (x - z)) * np.exp(rng.normal(size=400) * 0.1)
    return Variable("x", x), Variable("y", y), Variable("z", z)


def test_an_interaction_says_which_way_the_tested_slope_changes():
    rng = np.random.default_rng(2)
    x, g = rng.normal(size=300) * 4, rng.integers(0, 2, 300)
    y = (2 - 3 * g) * x + rng.normal(size=300)
    found = interaction.measure(
        Variable("x", x, (), "g"),
        Variable("y", y, (), "mm"),
        Variable("g", g, ("a", "b")),
        alpha=0.05,
        seed=0,
    )
    assert found.effect < 0
    assert found.notes == ("the slope is smaller in b than in a: slope +2.04 in a, −1.01 in b (mm/g)",)


@pytest.mark.parametrize("seed", range(5))
def test_what_an_interaction_says_in_raw_units_never_contradicts_its_effect(seed):
    found = interaction.measure(*interacting(seed), alpha=0.05, seed=0)
    assert "tested on normal scores of y (heavy tails)" in found.notes
    assert found.effect_raw is None or found.effect_raw * found.effect > 0
    assert (found.effect_raw is None) == (" (y per x)" not in " ".join(found.notes))
    if abs(found.effect) >= 0.005:
        assert ("grows with z" in found.notes[0]) == (found.effect > 0)


def test_a_raw_slope_of_the_other_sign_is_left_out():
    untold = [interaction.measure(*interacting(seed), alpha=0.05, seed=0).effect_raw for seed in range(5)]
    assert None in untold


def test_parts_are_joined_with_one_mark_between_and_each_once():
    assert sentences.joined(["", "one.", "two;", "one", "three"]) == "one; two; three"


@pytest.fixture(scope="module")
def told():
    """All that runs on three tables say: notices, notes and reasons."""
    rng = np.random.default_rng(3)
    coded = load_penguins().assign(code=np.where(rng.random(344) < 0.05, -999, rng.normal(size=344)))
    sloping = pd.DataFrame({"x": rng.normal(size=300) * 1e5})
    sloping["y"] = sloping.x * -4e-9 + rng.normal(size=300) * 1e-4
    sloping["z"] = rng.normal(size=300) + sloping.y * 1e4
    said = []
    for frame in (coded, sloping, panel().drop(columns="patient").head(25), panel()):
        run = kosmos_nb.research(frame, workers=0, seed=0).result()
        said += [*run.verdicts.reason, *run.snapshot().run.notes, run.report()]
        said += [notice.sentence for notice in kosmos_nb.screen(frame).notices]
    return said


def test_sentences_have_true_minus_signs_alone(told):
    assert any("−" in one for one in told)
    assert [
        one for one in told if ASCII_MINUS.search(re.sub(r"\bp\b.*|corrected.*|run \w+….*", "", one))
    ] == []


def test_sentences_are_joined_without_doubled_marks(told):
    assert any("; " in one for one in told)
    assert [one for one in told if re.search(r"[.;,:][.;,:]|\.;", one)] == []


def test_small_slopes_keep_their_digits(told):
    assert any("−4" in one and "e−09 y per x" in one for one in told)
    assert not any(re.search(r"[+−]0\.00 \w+ per", one) for one in told)


def test_the_order_of_a_panel_is_told_within_its_units():
    look = kosmos_nb.screen(panel(), unit="patient", time="day")
    said = {notice.code: notice.sentence for notice in look.notices if notice.columns}
    assert said["order"].startswith("the rows are in order of day within each patient: ")
    assert said["autocorrelation"].startswith("neighbouring rows of one patient are alike")
    assert "The rows are in order of day within each patient: " in look.rows_are
    as_they_stand = kosmos_nb.screen(panel().drop(columns="day"), unit="patient")
    assert "The rows follow one another as they stand within each patient: " in as_they_stand.rows_are


def test_a_trend_in_a_panel_is_told_within_its_units():
    frame = panel(units_=6, rows=80)
    frame["rising"] = frame.day * 0.5 + np.random.default_rng(4).normal(size=len(frame))
    look = kosmos_nb.screen(frame, unit="patient", time="day")
    said = {notice.code: notice.sentence for notice in look.notices}
    assert said["trend"].startswith("rising rises or falls over the rows within each patient")
    assert "cannot be told from random walks within each patient: " in said["nonstationary"]


@pytest.mark.parametrize("shared", [True, False])
def test_subjects_too_many_for_a_category_are_series_of_their_own_also_where_no_time_is_shared(shared):
    frame = panel(units_=60)
    if not shared:
        frame["day"] += np.random.default_rng(5).random(len(frame)) / 2
    look = kosmos_nb.screen(frame, unit="patient", time="day")
    assert "are in order of day within each patient: " in look.rows_are
