"""A first look at a table, and how it is shown."""

import dataclasses
import datetime
import re

import numpy as np
import pandas as pd
import pytest
from palmerpenguins import load_penguins

import kosmos_nb
from kosmos_nb.core import ResearchError
from kosmos_nb.history.records import ColumnSketch, Notice, Screening
from kosmos_nb.reporters import saved_bytes, screen_html, screen_text


def screening(columns: int = 3, notices: int = 2) -> Screening:
    ranks = ("notes", "blocks", "warns")
    return Screening(
        data_name="df",
        n_rows=48_211,
        n_columns=columns,
        rows_are="in order of day",
        columns=tuple(
            ColumnSketch(
                name=f"column_{i}", kind="numeric", missing=i, summary="0 to 1", codes=("order", "count")
            )
            for i in range(columns)
        ),
        notices=tuple(
            Notice(code="order", rank=ranks[i % 3], columns=(f"column_{i}",), sentence=f"oddity {i} <b>")
            for i in range(notices)
        ),
        dropped=("12 rows are dropped",),
        wall_s=0.25,
    )


def test_each_column_of_the_penguins_is_sketched_in_the_tables_order():
    look = kosmos_nb.screen(load_penguins())
    sketches = {column.name: column for column in look.columns}
    assert list(sketches) == list(load_penguins().columns)
    assert (look.n_rows, look.n_columns) == (344, 8)
    assert look.rows_are.startswith("independent")
    assert sketches["species"].summary.startswith("Adelie (152), Gentoo (124)")
    assert "median 4,050" in sketches["body_mass_g"].summary
    assert sketches["sex"].missing == 11


def test_what_is_odd_is_said_the_worst_first_with_numbers():
    n = 200
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "value": rng.normal(size=n),
            "same": 1,
            "gap": np.where(np.arange(n) < 3, np.inf, rng.normal(size=n)),
            "level": ["a"] * 120 + ["b"] * 77 + ["c"] * 3,
            "mixed": [1, "x"] * (n // 2),
        }
    )
    look = kosmos_nb.screen(pd.concat([frame, frame.head(40)]))
    by_code = {notice.code: notice for notice in look.notices}
    ranks = [("blocks", "warns", "notes").index(notice.rank) for notice in look.notices]
    assert ranks == sorted(ranks)
    assert by_code["constant"].rank == "blocks"
    assert "40 rows that repeat another row" in by_code["duplicate_rows"].sentence
    assert by_code["non_finite"].sentence == "gap: 6 infinite values count as missing"
    assert by_code["rare_levels"].columns == ("level",)
    assert any("mixed: left out" in line for line in look.dropped)
    assert sum(notice.code == "duplicate_rows" for notice in look.notices) == 1
    assert not any("duplicate_rows" in column.codes for column in look.columns)  # it is the table's
    mixed = look.columns[-1]
    assert (mixed.name, mixed.kind) == ("mixed", "unusable")
    assert "mixed or unknown types" in mixed.summary


def test_dates_are_shown_as_dates():
    days = [datetime.date(2024, 1, 1) + datetime.timedelta(i) for i in range(90)]
    frame = pd.DataFrame({"day": days, "at": pd.to_datetime(days), "x": range(90)})
    sketches = {column.name: column.summary for column in kosmos_nb.screen(frame).columns}
    assert sketches["day"] == sketches["at"]
    assert sketches["day"].startswith("2024-01-01 to 2024-03-30")


def test_every_notice_says_something_of_its_columns():
    frame = pd.DataFrame({"sorted": np.arange(50) * 1.5, "value": np.random.default_rng(1).normal(size=50)})
    look = kosmos_nb.screen(frame)
    assert look.notices
    for notice in look.notices:
        for name in notice.columns:
            assert notice.code in next(one.codes for one in look.columns if one.name == name)
    assert all(notice.sentence.split(":")[-1].strip() for notice in look.notices)


def test_the_unit_that_is_told_is_told_again_and_checked():
    frame = pd.DataFrame({"patient": [f"p{i % 30}" for i in range(120)], "x": np.arange(120) % 7})
    look = kosmos_nb.screen(frame, unit="patient")
    assert look.rows_are.startswith("The rows of one `patient` belong to the same subject")
    assert look.rows_are in screen_text(look).replace("\n  ", " ")
    with pytest.raises(ResearchError, match="Did you mean 'island'"):
        kosmos_nb.screen(load_penguins(), unit="islnd")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (None, "NoneType, not a table"),
        (pd.DataFrame(), "has no columns"),
        (pd.DataFrame({"a": []}), "has no rows"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "two columns named 'a'"),
        (pd.DataFrame({"a": [1, "x"]}), "No column of data can be read"),
    ],
)
def test_what_is_no_table_to_look_at_is_one_clear_error(data, said):
    with pytest.raises(ResearchError, match=said):
        kosmos_nb.screen(data)


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"a": [1.0]}),
        pd.DataFrame({"a": [None, None]}),
        pd.DataFrame({"a": [[1], [2]], "b": [1, 2]}),
        pd.DataFrame({"a": [True, False] * 10, "नाम": ["x"] * 20}),
        pd.DataFrame({"t": pd.to_datetime(["2024-01-01"] * 3 + [None])}),
        pd.DataFrame({"mixed": [1, "x"] * 9, "b": range(18), "complex": [1j] * 18}),
        pd.DataFrame({"d": pd.to_timedelta(range(30), unit="h")}),
        pd.DataFrame(np.random.default_rng(0).normal(size=(5, 400))),
    ],
)
def test_any_small_or_strange_table_can_be_looked_at_and_shown(frame):
    look = kosmos_nb.screen(frame)
    assert len(look.columns) == look.n_columns == len(frame.columns)
    assert saved_bytes(screen_text(look)) + saved_bytes(look.to_html()) <= 40_000


def test_the_text_says_rows_then_the_worst_notices_then_columns():
    text = screen_text(screening())
    order = ["in order of day", "1 blocks", "● order  oddity 1", "○ order  oddity 0", "column_2", "12 rows"]
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    assert "no hypothesis was tested" in text


def test_the_html_is_real_tables_escaped_and_never_by_colour_alone():
    html = screen_html(screening())
    assert html.count("<table") == 2
    assert html.count("scope=col") == 5
    assert "oddity 0 &lt;b&gt;" in html
    assert re.search(r"k-bad'?>● blocks", html)
    assert "var(--jp-layout-color1" in html
    assert html.count("<style>") == 1
    assert "http" not in html


def test_a_wide_table_keeps_its_notices_and_says_how_many_columns_are_left_out():
    look = screening(columns=3_000, notices=50)
    text, html = screen_text(look), screen_html(look)
    assert "showing 40 of 50 notices; all in screening.notices" in html
    assert re.search(r"showing \d+ of 3000 columns", html)
    assert saved_bytes(text) + saved_bytes(html) <= 40_000
    assert "column_2999" in screen_html(look, None)


def test_a_table_without_anything_odd_says_so():
    assert "Nothing odd was found." in screen_text(screening(notices=0))
    assert "Nothing odd was found." in screen_html(screening(notices=0))


def test_columns_that_no_test_can_use_are_counted_where_nothing_else_is_odd():
    columns = tuple(dataclasses.replace(one, kind="unusable") for one in screening().columns)
    text = screen_text(dataclasses.replace(screening(notices=0), columns=columns))
    assert f"{len(columns)} columns cannot be used" in text
    assert "Nothing odd" not in text


def test_a_table_without_codes_has_no_column_for_them():
    plain = dataclasses.replace(
        screening(notices=0), columns=tuple(dataclasses.replace(one, codes=()) for one in screening().columns)
    )
    assert "codes" in screen_text(screening())
    assert "codes" not in screen_text(plain)
    assert "codes" not in screen_html(plain)
    assert screen_html(plain).count("scope=col") == 4
    assert screen_html(plain).count("<td") == 4 * len(plain.columns)
