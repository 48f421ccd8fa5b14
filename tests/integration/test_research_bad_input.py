"""What a newcomer may hand to a run by mistake: one clear line or a verdict with a reason, no traceback."""

import re

import numpy as np
import pandas as pd
import pytest

import kosmos_nb
from kosmos_nb import KosmosError

N = 60
rng = np.random.default_rng(0)
TABLE = pd.DataFrame({"y": rng.normal(size=N), "x": rng.normal(size=N), "g": list("ab") * 30})
NOON = pd.Timestamp("2020-01-01 12:00")


def beside(name, values):
    """A table of a good column and the one in question."""
    return pd.DataFrame({"y": rng.normal(size=len(values)), name: values})


@pytest.mark.parametrize(
    ("data", "said"),
    [
        pytest.param(TABLE.head(0), "data has no rows (columns: y, x, g)", id="no rows"),
        pytest.param(TABLE.head(1), "data has 1 row and 3 columns, but none varies", id="one row"),
        pytest.param(TABLE[[]], "data has no columns", id="no columns"),
        pytest.param(TABLE[["y"]], "only 'y' varies", id="one column"),
        pytest.param(TABLE.assign(y=np.nan, x=None, g="a"), "none varies", id="all missing"),
        pytest.param(
            beside("m", [1, "a", None, 2.5, b"x", (1, 2)] * 10),
            "only 'y' varies: two columns with at least two different values are needed (m: left out",
            id="mixed objects",
        ),
        pytest.param(beside("l", [[1, 2], [3]] * 30), "only 'y' varies", id="nested lists"),
        pytest.param(beside("d", [{"a": 1}, {"b": [2]}] * 30), "only 'y' varies", id="nested dicts"),
        pytest.param(beside("c", rng.normal(size=N) + 1j), "only 'y' varies", id="complex numbers"),
        pytest.param(TABLE.set_axis(["a", "a", "b"], axis=1), "two columns named 'a'", id="duplicate names"),
        pytest.param(TABLE.y, "pandas.Series, not a table", id="a series"),
        pytest.param({"a": [1]}, "dict, not a table", id="a dict"),
        pytest.param(None, "NoneType, not a table", id="nothing"),
    ],
)
def test_a_table_that_cannot_be_asked_is_refused_in_one_line(data, said):
    with pytest.raises(KosmosError) as caught:
        kosmos_nb.research(data)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_target_without_a_second_value_is_named():
    with pytest.raises(KosmosError, match=r"the target 'y' has one value or none"):
        kosmos_nb.research(TABLE[["x"]].assign(y=1), target="y")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(TABLE.head(1), id="one row"),
        pytest.param(TABLE[["y"]], id="one column"),
        pytest.param(TABLE.assign(y=np.nan, x=None, g="a"), id="all missing"),
        pytest.param(beside("m", [1, "a", None, 2.5, b"x", (1, 2)] * 10), id="mixed objects"),
        pytest.param(beside("l", [[1, 2], [3]] * 30), id="nested lists"),
        pytest.param(beside("c", [f"l{i % 10_000}" for i in range(20_000)]), id="10,000 levels"),
    ],
)
def test_what_cannot_be_asked_can_be_looked_at(data):
    look = kosmos_nb.screen(data)
    assert look.n_rows == len(data)
    assert str(look)
    assert look.to_html()


@pytest.mark.parametrize(
    ("data", "settings", "reason"),
    [
        pytest.param(
            beside("c", [f"l{i % 10_000}" for i in range(20_000)]),
            {},
            "fewer than two levels",
            id="10,000 levels",
        ),
        pytest.param(TABLE.assign(g="a"), {"target": "g"}, "one value only", id="a target of one level"),
        pytest.param(TABLE.assign(g=range(N)), {"target": "g"}, "looks like an id", id="an id as the target"),
    ],
)
def test_a_column_that_cannot_be_tested_says_why(data, settings, reason):
    verdicts = kosmos_nb.research(data, **settings).verdicts
    assert set(verdicts.verdict) == {"not_testable"}
    assert all(reason in told for told in verdicts.reason)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(TABLE.set_axis(["größe", "体重", "😀 a\nb"], axis=1), id="names of any script"),
        pytest.param(TABLE.set_axis([0, None, 2.5], axis=1), id="names that are no text"),
        pytest.param(beside("b", ["True", "False"] * 30), id="truth as text"),
        pytest.param(
            beside("t", [NOON.tz_localize("UTC"), NOON.tz_localize("Asia/Tokyo"), NOON] * 20), id="zones"
        ),
        pytest.param(beside("t", pd.date_range("2020", periods=N, tz="Europe/Berlin")), id="one time zone"),
    ],
)
def test_an_odd_table_is_asked_like_any_other(data):
    run = kosmos_nb.research(data)
    assert len(run.verdicts) > 0
    assert run.status == "done"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("y ~ nope", "There is no column 'nope'"),
        ("nope ~ x", "There is no column 'nope'"),
        ("y ~", "not the end of the line"),
        ("~ x", "Expected a column, not '~'"),
        ("y x", "Expected '~'"),
        ("y = x", "write y ~ x"),
        ("y ~ y", "on both sides"),
        ("y ~ ++x", "Expected a column, not '+'"),
        ("y ~ x + g", "to hold more fixed: y ~ x | z, w"),
        ("y ~ log(x)", "no functions"),
        ("y ~ x | y", "stands left of ~ already"),
        ("y ~ x | g * y", "| and * are not used in one line"),
        ("y ~ +x * g", "leave one of them out"),
        ("`y ~ x", "not closed"),
        ("", "no hypothesis here"),
        ("# a remark", "no hypothesis here"),
    ],
)
def test_a_hypothesis_with_a_slip_is_shown_with_its_place(line, said):
    with pytest.raises(KosmosError) as caught:
        kosmos_nb.research(TABLE, hypotheses=line)
    told = str(caught.value)
    assert said in told
    assert not line.split("#")[0] or told.splitlines()[-1].strip() == "^"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"target": "nope"}, "no column 'nope'"),
        ({"unit": "nope"}, "no column 'nope'"),
        ({"time": "nope"}, "no column 'nope'"),
        ({"control": "nope"}, "no column 'nope'"),
        ({"ignore": "nope"}, "no column 'nope'"),
        ({"ignore": ["y", "x", "g"]}, "none varies"),
        ({"unit": "y"}, "does not tell subjects"),
        ({"target": "y", "control": "y"}, "cannot be held fixed"),
        ({"allow": ["nope"]}, "no caveat code 'nope'"),
        ({"families": ["nope"]}, "no family to ask for 'nope'"),
        ({"engine": "nope"}, "no engine 'nope'"),
        ({"alpha": 0}, "between 0 and 1"),
        ({"smallest": 2}, "between 0 and 1"),
        ({"seed": "a"}, "must be a whole number"),
        ({"hypotheses": 3.5}, "must be a whole number"),
        ({"hypotheses": 0}, "At least one hypothesis"),
        ({"split": 5}, "split is either True or False, not 5."),
        ({"split": "yes"}, "split is either True or False, not 'yes'."),
        ({"reference": "Mars"}, "No column of data has a level 'Mars'. There is a, b."),
        ({"reference": "g=Mars"}, "The column 'g' has no level 'Mars'. There is a, b."),
        ({"reference": "A"}, "Did you mean 'a'?"),
        ({"hypotheses": "y ~ x", "control": "g"}, "say themselves what they hold fixed, as y ~ x | z."),
        ({"hypotheses": "y ~ x", "families": "spread"}, "Your own hypotheses are tested alone."),
    ],
)
def test_a_setting_that_cannot_be_is_refused_in_one_line(settings, said):
    with pytest.raises(KosmosError) as caught:
        kosmos_nb.research(TABLE, **settings)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


ROLES = TABLE.assign(
    one=1,
    id=[f"k{i}" for i in range(N)],
    day=[f"2020-01-{i % 28 + 1:02d}" for i in range(N)],
    at=[NOON + pd.Timedelta(days=i % 20) for i in range(N)],
    twelve=[f"p{i % 12}" for i in range(N)],
    rare=["a"] * 30 + ["b"] * 27 + ["c"] * 3,
)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"unit": "y"}, "The unit 'y' does not tell subjects: it holds decimals,"),
        ({"unit": "at"}, "does not tell subjects: it holds dates or times,"),
        ({"unit": "g"}, "does not tell subjects: that takes 6 different values or more, and it has 2."),
        ({"unit": "id"}, "does not tell subjects: each of its values has one row only."),
        ({"unit": "twelve", "time": "twelve"}, "leave it out of time and control"),
        ({"unit": "twelve", "control": "twelve"}, "leave it out of time and control"),
        ({"time": "day"}, "The time 'day' is text, which has no order in time. Make dates or numbers of it"),
        ({"time": "one"}, "The time 'one' cannot order the rows: it has one value only."),
        ({"control": "id"}, "The control 'id' cannot be held fixed: 60 different values"),
        ({"control": ["g", "one"]}, "The control 'one' cannot be held fixed: it has one value only."),
        (
            {"reference": "c"},
            "The level 'c' of 'rare' has fewer than 5 rows, too few to compare others with.",
        ),
    ],
)
def test_a_column_that_cannot_serve_is_told_before_anything_is_proposed(settings, said):
    with pytest.raises(KosmosError) as caught:
        kosmos_nb.research(ROLES, **settings)
    assert said in str(caught.value)
    assert "--" not in str(caught.value)
    assert "\n" not in str(caught.value)
    if set(settings) <= {"unit", "time"}:
        with pytest.raises(KosmosError, match=re.escape(str(caught.value))):
            kosmos_nb.screen(ROLES, **settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"time": "at", "unit": "twelve"},
        {"time": "number"},
        {"time": "wave"},
        {"unit": "with_gaps"},
        {"ignore": ["unread", "one"]},
        {"reference": "b"},
        {"reference": "g=b"},
    ],
)
def test_a_column_that_can_serve_is_taken(settings):
    waves = pd.Categorical(ROLES.g.map({"a": "early", "b": "late"}), ["early", "late"], ordered=True)
    gaps = [np.nan if i == 7 else i % 12 for i in range(N)]
    frame = ROLES.assign(number=range(N), wave=waves, with_gaps=gaps, unread=[1, "a"] * 30)
    run = kosmos_nb.research(frame, hypotheses="y ~ g", workers=0, **settings).result()
    assert run.status == "done"
    if "reference" in settings:
        assert "; a − b" in run.verdicts.reason[0]
    if "unit" in settings:
        said = f"the rows of one `{settings['unit']}` belong to the same subject, as you say"
        assert said in run.snapshot().run.notes


def test_times_of_several_zones_are_taken_to_utc_and_said():
    times = [NOON.tz_localize("Asia/Tokyo"), NOON.tz_localize("Europe/Berlin"), None, NOON] * 15
    frame = beside("t", [at if at is None else at + pd.Timedelta(days=i) for i, at in enumerate(times)])
    said = (
        "t: its times are of several zones (Asia/Tokyo, Europe/Berlin, none, read as UTC), all taken to UTC"
    )
    assert said in kosmos_nb.research(frame, workers=0).result().snapshot().run.notes
    look = kosmos_nb.screen(frame)
    assert said in look.dropped
    assert look.columns[1].summary.startswith("2020-01-01 to 2020-02-29")


def test_times_of_one_zone_are_said_to_be_shown_in_utc():
    midnights = beside("t", pd.date_range("2020-01-02", periods=N, tz="Asia/Tokyo"))
    look = kosmos_nb.screen(midnights)
    assert look.dropped == ("t: its times are of the zone Asia/Tokyo, and are shown in UTC",)
    assert look.columns[1].summary.startswith("2020-01-01 to 2020-02-29")
    assert kosmos_nb.screen(midnights.astype(object)).dropped == look.dropped
    assert not kosmos_nb.screen(beside("t", pd.date_range("2020-01-02", periods=N, tz="UTC"))).dropped


def test_a_sorted_column_with_infinite_values_says_each_of_the_two():
    frame = beside("s", [*np.arange(N - 1) * 1.5, np.inf])
    said = {notice.code: notice.sentence for notice in kosmos_nb.screen(frame).notices if notice.columns}
    assert said["non_finite"] == "s: 1 infinite value counts as missing"
    assert said["order"] == "s: the values follow the order of the rows"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([np.inf, -np.inf] * 30, "all values are infinite"),
        ([np.inf, np.nan] * 30, "all values are missing or infinite"),
        ([np.nan] * 60, "all values are missing"),
    ],
)
def test_a_column_without_any_number_says_which_kind_of_none(values, said):
    frame = beside("c", values).assign(x=TABLE.x)
    assert kosmos_nb.screen(frame).columns[1].summary == said
    verdicts = kosmos_nb.research(frame, workers=0).verdicts
    assert f"c: {said}" in set(verdicts.reason)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([str(i) for i in range(N)], "its texts are numbers: pd.to_numeric makes numbers of them"),
        ([f"2020-01-{i % 30 + 1:02d} 10:{i:02d}" for i in range(N)], "its texts are dates: pd.to_datetime"),
        ([f"{i % 30 + 1}/{i % 12 + 1}/2020" for i in range(N)], "its texts are dates: pd.to_datetime"),
        ([f"2{i % 3}-b" for i in range(N)], ""),
    ],
)
def test_texts_that_are_numbers_or_dates_are_told_with_what_to_do(values, said):
    column = kosmos_nb.screen(beside("t", values)).columns[1]
    assert said in column.summary
    assert (column.kind == "unusable") == bool(said)


@pytest.mark.parametrize(
    ("values", "kind", "said"),
    [
        (pd.Series(pd.period_range("2020-01", periods=N, freq="M")), "numeric", "2020-01-01 to 2024-12-01"),
        (pd.Series(pd.arrays.SparseArray([0.0, 0.0, 1.5] * 20)), "numeric", "0 to 1.5, median 0"),
        (
            pd.Series(pd.arrays.IntervalArray.from_breaks([0, 1, 2, 3]).take([0, 1, 2] * 20)),
            "category",
            "(0, 1] (20)",
        ),
    ],
)
def test_periods_intervals_and_sparse_values_are_read(values, kind, said):
    frame = beside("v", values)
    column = kosmos_nb.screen(frame).columns[1]
    assert column.kind == kind
    assert column.summary.startswith(said)
    assert "not_testable" not in set(
        kosmos_nb.research(frame, hypotheses="y ~ v", workers=0).verdicts.verdict
    )


def test_levels_of_nothing_but_spaces_can_be_seen():
    frame = beside("c", ["", " ", "a", "b"] * 15)
    assert kosmos_nb.screen(frame).columns[1].summary == "' ' (15), '' (15), a (15), b (15)"
    ordered = frame.assign(c=pd.Categorical(frame.c, ["b", " ", "", "a"], ordered=True))
    assert kosmos_nb.research(ordered, workers=0).result().status == "done"


def test_an_index_that_tells_something_is_said_to_be_left_out():
    said = "the index (g) is no column and was left out; data.reset_index() makes columns of it"
    assert said in kosmos_nb.screen(TABLE.set_index("g")).dropped
    assert said in kosmos_nb.research(TABLE.set_index("g"), workers=0).result().snapshot().run.notes
    dated = TABLE.set_index(pd.date_range("2020", periods=N))
    assert "the index (of dates or times) is no column" in kosmos_nb.screen(dated).dropped[0]
    assert not kosmos_nb.screen(TABLE.sample(frac=1)).dropped


def test_levels_that_are_numbers_are_compared_as_levels():
    frame = TABLE.assign(died=(TABLE.y + rng.normal(size=N) > 0).astype(int))
    run = kosmos_nb.research(frame, hypotheses="y ~ died\ndied ~ x | g", workers=0).result()
    assert "'1' − '0'" in run.verdicts.reason[0]
    assert run.verdicts.unit[1] == "share of died = 1 per x"


def test_effects_without_a_sign_are_shown_without_one():
    frame = TABLE.assign(three=["a", "b", "c"] * 20)
    report = kosmos_nb.research(frame, hypotheses="y ~ three", workers=0).result().report()
    assert re.search(r"n 60  0\.\d+ y$", report, re.MULTILINE)
