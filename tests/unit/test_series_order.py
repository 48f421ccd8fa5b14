import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from kosmos_nb.inquiry.reading import read_column
from kosmos_nb.inquiry.series import find_order


def order_of(frame, **asked):
    table = pa.Table.from_pandas(frame, preserve_index=False)
    described = [read_column(name, table.column(name)) for name in table.column_names]
    arrays = {column.name: values for column, values in described if values is not None}
    return find_order(tuple(column for column, _ in described), arrays, len(frame), **asked)


def test_independent_rows_stay_unordered():
    ordered = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        ordered += order_of(pd.DataFrame(rng.standard_normal((100, 6)), columns=list("abcdef"))) is not None
    assert ordered <= 1


@pytest.mark.parametrize("by", [[], ["body_mass_g"], ["species", "island", "body_mass_g"]])
def test_penguins_do_not_follow_one_another(by):
    from palmerpenguins import load_penguins

    penguins = load_penguins()
    assert order_of(penguins.sort_values(by) if by else penguins) is None


def test_a_sorted_table_is_not_a_series():
    rng = np.random.default_rng(0)
    price = rng.lognormal(size=300)
    noise = rng.standard_normal((300, 3)) * 0.2
    frame = pd.DataFrame({"price": price, "area": np.log(price) + noise[:, 0],
                          "tax": price**2 + noise[:, 1], "age": noise[:, 2]})  # fmt: skip
    assert order_of(frame.sort_values("price")) is None


def test_random_walks_are_ordered_as_they_stand():
    walks = np.cumsum(np.random.default_rng(0).standard_normal((100, 4)), axis=0)
    order = order_of(pd.DataFrame(walks, columns=list("abcd")))
    assert order is not None
    assert order.by == ""
    assert order.needs_whitening


def test_shuffled_dates_put_the_rows_in_order():
    walks = np.cumsum(np.random.default_rng(0).standard_normal((100, 3)), axis=0)
    frame = pd.DataFrame(walks, columns=list("abc")).assign(day=pd.date_range("2020", periods=100))
    shuffled = frame.sample(frac=1, random_state=0)
    order = order_of(shuffled)
    assert order is not None
    assert order.by == "day"
    assert shuffled["day"].iloc[order.rows].is_monotonic_increasing


def test_dates_of_independent_rows_need_no_whitening():
    noise = np.random.default_rng(0).standard_normal((100, 3))
    order = order_of(pd.DataFrame(noise, columns=list("abc")).assign(day=pd.date_range("2020", periods=100)))
    assert order is not None
    assert not order.needs_whitening


def test_a_panel_is_ordered_within_its_units():
    rng = np.random.default_rng(0)
    parts = [
        pd.DataFrame(np.cumsum(rng.standard_normal((40, 3)), axis=0), columns=list("abc")).assign(
            firm=f"firm {number}", year=np.arange(1960, 2000)
        )
        for number in range(5)
    ]
    order = order_of(pd.concat(parts).sample(frac=1, random_state=0))
    assert order is not None
    assert order.unit == ("firm",)
    assert len(np.unique(order.segments)) == 5
