"""Whatever the columns: the screens answer, and what they say is well formed."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kosmos_nb.inquiry.caveats import CODES, rank_of
from kosmos_nb.inquiry.columns import Column
from kosmos_nb.inquiry.screens import find_unit, look, sketch

NUMBERS = st.one_of(
    st.just(np.nan), st.sampled_from([0.0, -999.0, 1e300, 5e-324]), st.integers(-5, 5).map(float),
    st.floats(allow_nan=False, allow_infinity=False),
)  # fmt: skip


@st.composite
def tables(draw):
    n = draw(st.integers(0, 60))
    columns, arrays = [], {}
    for name in draw(st.lists(st.text(min_size=1, max_size=9), max_size=5, unique=True)):
        if draw(st.booleans()):
            values = np.array(draw(st.lists(NUMBERS, min_size=n, max_size=n)), dtype=np.float64)
            columns.append(Column(name, "numeric", is_continuous=draw(st.booleans())))
        else:
            values = np.array(draw(st.lists(st.integers(-1, 2), min_size=n, max_size=n)), dtype=np.int32)
            columns.append(Column(name, "category", ("a", "é", "other"), ("rare_levels",)))
        arrays[name] = values
    return tuple(columns), arrays, n


@settings(max_examples=300, deadline=None)
@given(tables())
def test_any_table_gets_well_formed_notices(table):
    columns, arrays, n = table
    with np.errstate(all="ignore"):
        notices = look(columns, arrays, n)
        labels = {
            name: values.astype(np.int64) for name, values in arrays.items() if values.dtype.kind == "i"
        }
        unit = find_unit(columns, arrays, n, labels)
    names = {column.name for column in columns}
    for notice in notices:
        assert notice.code in CODES
        assert notice.rank == rank_of(notice.code)
        assert notice.columns
        assert set(notice.columns) <= names
        assert len(set(notice.columns)) == len(notice.columns)
        assert 0 <= notice.rows <= n
        assert notice.sentence
        assert "nan" not in notice.sentence.lower().split()
    assert [drawn.name for drawn in sketch(columns, arrays)] == [column.name for column in columns]
    assert unit is None or unit.name in names
