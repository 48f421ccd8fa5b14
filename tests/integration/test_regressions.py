"""Cells that became slower for good are listed, with what was new when they did."""

import random

import pytest

from kosmos_nb.core import HistoryError, uuid7
from kosmos_nb.history import Environment, History, InputData
from tests.samples import STARTED_US, profile


@pytest.fixture
def history(tmp_path):
    with History(tmp_path) as opened:
        yield opened


class Cell:
    """A cell that is run again and again."""

    def __init__(self, history, cell_id="c", notebook="/data/nb.ipynb", seed=1, **always):
        self.history, self.random = history, random.Random(seed)
        self.always = {"cell_id": cell_id, "notebook": notebook, "is_warm": True, "label": None, **always}
        self.runs = 0

    def run(self, n, wall_s, **changes):
        """Run it n times, with 5 % noise."""
        for _ in range(n):
            self.runs += 1
            took_s = wall_s * self.random.lognormvariate(0, 0.05)
            kept = {"id": uuid7(), "started_at_us": STARTED_US + self.runs * 60_000_000, "wall_s": took_s}
            self.history.save(profile(**{**self.always, **kept, **changes}))


def place(*packages, host_class="x86_64, 8 cores, 16 GB"):
    return Environment(host_class=host_class, system="Linux 6.1", packages=packages)


def test_a_step_up_is_told_with_what_was_new(history):
    cell = Cell(history)
    cell.run(15, 1.0, environment=place("numpy 2.3.1", "pandas 3.0.2"))
    cell.run(12, 1.6, environment=place("numpy 2.3.1", "pandas 3.1.0"))
    (row,) = history.regressions().to_dict("records")
    assert row["cell"] == "df = pd.read_parquet(path)"
    assert row["notebook"] == "/data/nb.ipynb"
    assert (row["runs_before"], row["runs_after"], row["is_last"]) == (15, 12, True)
    assert row["before_s"] == pytest.approx(1.0, rel=0.05)
    assert row["ratio"] == pytest.approx(1.6, rel=0.05)
    assert row["p"] < 0.01
    assert row["what_changed"] == "pandas 3.0.2 → 3.1.0"
    assert history.profile(row["id"]).environment.packages[1] == "pandas 3.1.0"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"code_hash": "edited"}, "code"),
        ({"inputs": (InputData(name="df", kind="pandas.DataFrame", rows=1000, columns=9),)},
         "data 0 → 9,000 values"),
        ({"host": "other"}, "machine host → other"),
        ({"environment": place(host_class="x86_64, 2 cores, 4 GB")},
         "machine x86_64, 8 cores, 16 GB → x86_64, 2 cores, 4 GB"),
        ({"python": "3.12.1"}, "Python 3.11.9 → 3.12.1"),
        ({"environment": place("a 1", "b 1", "c 1", "d 1", "e 1")},
         "a none → 1; b none → 1; c none → 1; 2 other packages"),
        ({}, "nothing that is known"),
    ],
)  # fmt: skip
def test_what_changed_is_named(history, changes, told):
    cell = Cell(history, **({} if "host" in changes else {"environment": place()}))
    cell.run(10, 1.0)
    cell.run(10, 1.6, **changes)
    assert history.regressions().what_changed.tolist() == [told]


def test_a_step_down_or_an_even_cell_is_none_and_a_mended_one_says_so(history):
    even, faster, mended = (Cell(history, cell_id=name, seed=n) for n, name in enumerate("abc"))
    even.run(40, 1.0)
    faster.run(15, 1.6)
    faster.run(15, 1.0)
    for level_s in (1.0, 1.6, 1.0):
        mended.run(12, level_s)
    found = history.regressions()
    assert found.is_last.tolist() == [False]
    assert found.runs_after.tolist() == [12]


def test_modes_and_cold_runs_are_series_of_their_own(history):
    cell = Cell(history)
    cell.run(12, 1.0)
    cell.run(12, 1.6, mode="light")
    cell.run(12, 2.2, is_warm=False)
    assert history.regressions().empty


def test_cells_can_be_chosen(history):
    for name, notebook in (("a", "/data/one.ipynb"), ("b", "/data/two.ipynb")):
        cell = Cell(history, cell_id=name, notebook=notebook, label=name)
        cell.run(12, 1.0)
        cell.run(12, 1.6)
    assert len(history.regressions()) == 2
    assert history.regressions(notebook="two.ipynb").cell.tolist() == ["b"]
    assert history.regressions(label="a").notebook.tolist() == ["/data/one.ipynb"]
    with pytest.raises(
        HistoryError, match="chosen by label, cell, experiment, mode, notebook; not by 'colour'"
    ):
        history.regressions(colour="red")


def test_an_empty_history_has_none(history):
    found = history.regressions()
    assert found.empty and "what_changed" in found.columns
