"""Columns that name subjects with several rows each, told from ordinary factors."""

import numpy as np
import pandas as pd
import pytest

from kosmos_nb.inquiry.screens import find_unit
from tests.unit.test_screens import encoded


@pytest.fixture
def unit_of(tmp_path):
    """Find the unit of a pandas table, labels made as the run makes them."""

    def find(table):
        frame = pd.DataFrame(table)
        labels = {}
        for name in frame:
            if frame[name].dtype.kind == "f":
                continue
            codes, values = pd.factorize(frame[name])
            if 6 <= len(values) <= len(frame) / 2:
                labels[name] = codes.astype(np.int64)
        return find_unit(*encoded(frame), labels)

    return find


def visits(rng, units, rows, *, label="P{}"):
    """Patients seen several times; each has an age, a sex and a level of its own."""
    who = np.repeat(np.arange(units), rows)
    level = rng.normal(0, 2, units)[who]
    return {
        "patient": [label.format(at) for at in who] if label else who * 7 + 100,
        "age": rng.normal(60, 9, units).round(1)[who],
        "sex": rng.choice(["f", "m"], units)[who],
        "pressure": 120 + level + rng.normal(size=len(who)),
        "pulse": 70 - level + rng.normal(size=len(who)),
        "visit": np.tile(np.arange(rows), units),
    }


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(("units", "rows"), [(6, 10), (40, 4), (200, 2), (200, 5)])
@pytest.mark.parametrize("label", ["P{}", ""])
def test_patients_with_constant_age_and_sex_are_the_unit(unit_of, seed, units, rows, label):
    found = unit_of(visits(np.random.default_rng(seed), units, rows, label=label))
    assert (found.name, found.n_units, found.rows_per_unit) == ("patient", units, rows)
    assert "age" in found.nested
    assert f"{units} levels of `patient`" in found.sentence


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("name", ["school", "Subject", "siteID", "customer_id"])
def test_named_units_whose_rows_are_alike_are_found_without_constant_columns(unit_of, seed, name):
    rng = np.random.default_rng(seed)
    where = np.repeat(np.arange(20), 15)
    table = {
        name: where * 3 + 1,
        **{f"y{at}": rng.normal(0, 1, 20)[where] + rng.normal(size=300) for at in range(3)},
    }
    found = unit_of(table)
    assert (found.name, found.nested) == (name, ())
    assert "resemble" in found.sentence


@pytest.mark.parametrize("seed", range(20))
def test_a_named_column_that_explains_nothing_is_no_unit(unit_of, seed):
    rng = np.random.default_rng(seed)
    assert (
        unit_of(
            {
                "site": [f"s{at}" for at in rng.integers(0, 8, 300)],
                "patient_age": rng.integers(20, 60, 300),
                "user_rating": rng.integers(1, 11, 300),
                **{f"y{at}": rng.normal(size=300) for at in range(4)},
            }
        )
        is None
    )


@pytest.mark.parametrize(
    "name", ["month", "treatment_arm", "species", "origin", "weekday", "dose_group", "year"]
)
def test_factors_are_no_units_however_much_they_explain(unit_of, name):
    rng = np.random.default_rng(0)
    level = np.repeat(np.arange(12), 25)
    table = {
        name: [f"{at:02}" for at in level],
        "strength": (level // 3) * 2.5,
        "half": np.where(level < 6, "first", "second"),
        **{f"y{at}": level + rng.normal(size=300) for at in range(3)},
    }
    assert unit_of(table) is None


def test_an_integer_measure_with_its_own_groups_is_no_unit(unit_of):
    rng = np.random.default_rng(0)
    age = rng.integers(20, 60, 400)
    table = {
        "age": age,
        "band": np.where(age < 40, "young", "old"),
        "square": age.astype(float) ** 2,
        "y": age + rng.normal(size=400),
        "z": rng.normal(size=400) - age,
    }
    assert unit_of(table) is None


def test_the_unit_with_most_columns_nested_in_it_is_taken(unit_of):
    table = visits(np.random.default_rng(0), 80, 4)
    table["clinic"] = np.repeat([f"C{at % 8}" for at in range(80)], 4)
    found = unit_of(table)
    assert found.name == "patient"
    assert "clinic" in found.nested


def test_gaps_do_not_hide_a_unit(unit_of):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(visits(rng, 60, 4))
    table.loc[rng.random(240) < 0.1, "age"] = np.nan
    table.loc[rng.random(240) < 0.1, "patient"] = None
    assert unit_of(table).name == "patient"


@pytest.mark.parametrize("n", [0, 1, 5])
def test_tiny_and_empty_tables_have_no_unit(n):
    assert find_unit((), {}, n, {"patient": np.zeros(n, dtype=np.int64)}) is None
    assert find_unit((), {}, n, {"patient": np.full(n, -1, dtype=np.int64)}) is None


def test_penguins_and_panel_data(unit_of):
    penguins = pytest.importorskip("palmerpenguins").load_penguins()
    assert unit_of(penguins) is None
    panel = pytest.importorskip("statsmodels.datasets").grunfeld.load_pandas().data
    assert unit_of(panel).name == "firm"
