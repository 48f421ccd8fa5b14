"""Labels and notes given later: the newest counts, wherever a profile is shown; the record stays."""

import sqlite3

import pytest

from kosmos_nb.core import HistoryError, uuid7
from kosmos_nb.history import History
from tests.samples import profile


@pytest.fixture
def history(tmp_path):
    with History(tmp_path) as opened:
        yield opened


def test_a_label_given_later_counts_everywhere(history):
    first, second = (history.save(profile(id=uuid7(), label="first")) for _ in range(2))
    assert history.label(first, "baseline") == first
    assert history.find("baseline") == first
    assert history.find("first") == second
    assert history.profile(first).label == "baseline"
    assert history.last().label.tolist() == ["first", "baseline"]
    assert history.last(label="baseline").id.tolist() == [first]
    assert history.sql("SELECT label FROM execution_profiles ORDER BY profile_id").label.tolist() == [
        "baseline",
        "first",
    ]
    assert set(history.sql("SELECT label FROM profiling_bottlenecks").label) == {"baseline", "first"}


def test_a_label_can_be_changed_and_taken_back(history):
    saved = history.save(profile(id=uuid7(), label="first"))
    history.label("first", "second")
    history.label("second", "third")
    assert history.profile(saved).label == "third"
    history.label("third", "")
    assert history.profile(saved).label is None
    assert history.last().label.tolist() == [None]
    with pytest.raises(HistoryError, match="no profile with the id or label 'first'"):
        history.find("first")


def test_a_note_is_in_the_list_and_in_queries(history):
    saved = history.save(profile(id=uuid7()))
    history.note("last", "after the index was rebuilt")
    assert history.last().note.tolist() == ["after the index was rebuilt"]
    query = "SELECT note FROM execution_profiles WHERE profile_id = ?"
    assert history.sql(query, [saved]).note.tolist() == ["after the index was rebuilt"]


def test_the_newest_counts_though_the_clock_was_set_back(history, tmp_path):
    saved = history.save(profile(id=uuid7()))
    history.label(saved, "before")
    with sqlite3.connect(tmp_path / "history.sqlite") as connection:  # an hour in the future
        connection.execute("UPDATE annotations SET at_us = at_us + 3600000000")
    history.label(saved, "after")
    assert history.profile(saved).label == "after"


def test_what_was_said_has_its_limits(history):
    saved = history.save(profile(id=uuid7()))
    with pytest.raises(HistoryError, match=r"A label has at most 200 characters; this one has 201\."):
        history.label(saved, "x" * 201)
    with pytest.raises(HistoryError, match="A note is a text, not a int"):
        history.note(saved, 7)
    with pytest.raises(HistoryError, match="no profile with the id or label 'unknown'"):
        history.label("unknown", "x")
    history.label(saved, "sk-ant-api03-" + "Ab1_" * 12)
    assert history.profile(saved).label == "***"
