"""What queries see: tables, stamps, parameters, frames of the notebook, what is new."""

import datetime
import signal

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from kosmos_nb.core import HistoryError, QueryError, uuid7
from kosmos_nb.history import History
from tests.samples import done_run, profile


@pytest.fixture
def history(tmp_path):
    with History(tmp_path) as opened:
        yield opened


def test_the_columns_of_the_predecessor_hold_the_numbers_of_the_profile(history):
    saved = profile(id=uuid7())
    history.save(saved)
    (row,) = history.sql("SELECT * FROM execution_profiles").to_dict("records")
    assert row["profile_id"] == saved.id
    assert row["execution_time"] == saved.execution_time
    assert row["memory_peak_mb"] == saved.memory_peak_mb
    assert row["memory_delta_peak_mb"] == saved.memory_delta_peak_mb
    assert row["profiler_overhead_ms"] == pytest.approx(saved.profiler_overhead_ms)
    found = history.sql("SELECT * FROM profiling_bottlenecks ORDER BY bottleneck_rank")
    assert list(found.function_name) == [b.name for b in saved.bottlenecks]
    assert list(found.time_percent) == pytest.approx([b.share * 100 for b in saved.bottlenecks])


def test_stamps_are_timestamps_in_utc_without_a_zone(history):
    moment = datetime.datetime(2026, 2, 3, 4, 5, 6, 789_012, tzinfo=datetime.UTC)
    history.save(profile(id=uuid7(), started_at_us=int(moment.timestamp() * 1_000_000)))
    asked = history.sql(
        "SELECT started_at, typeof(started_at) AS kind FROM executions WHERE started_at < $when",
        {"when": datetime.datetime(2026, 2, 3, 4, 5, 7)},
    )
    assert asked.started_at[0] == pd.Timestamp("2026-02-03 04:05:06.789012")
    assert asked.kind[0] == "TIMESTAMP"
    assert history.sql("SELECT now() AS t, current_setting('TimeZone') AS z").z[0] == "UTC"


def test_parameters_are_values_and_never_text_of_the_query(history):
    history.save(profile(id=uuid7(), label="a' OR '1'='1"))
    assert history.sql("SELECT label FROM executions WHERE label = ?", ["a' OR '1'='1"]).shape == (1, 1)
    assert history.sql("SELECT label FROM executions WHERE label = $l", {"l": "' OR 1=1 --"}).empty
    with pytest.raises(QueryError):
        history.sql("SELECT ?")


FRAMES = {
    "pandas": pd.DataFrame({"label": ["a", "b"], "cost": [1.5, 2.5]}),
    "polars": pl.DataFrame({"label": ["a", "b"], "cost": [1.5, 2.5]}),
    "arrow": pa.table({"label": ["a", "b"], "cost": [1.5, 2.5]}),
}


@pytest.mark.parametrize("kind", FRAMES)
def test_frames_of_the_notebook_join_by_name(history, kind):
    history.save(profile(id=uuid7(), label="b"))
    frames = {"Costs": FRAMES[kind], "unused": object()}
    for name in ("Costs", "costs"):
        asked = history.sql(f"SELECT cost FROM executions JOIN {name} USING (label)", frames=frames)
        assert list(asked.cost) == [2.5]
    asked = history.sql('WITH mine AS (FROM "Costs") SELECT sum(cost) AS s FROM mine', frames=frames)
    assert asked.s[0] == 4.0
    with pytest.raises(QueryError):  # a frame is there for its own query only
        history.sql("FROM Costs")


def test_a_frame_is_read_anew_each_time(history):
    frame = pd.DataFrame({"a": [1]})
    assert history.sql("SELECT a FROM frame", frames={"frame": frame}).a[0] == 1
    frame.loc[0, "a"] = 7
    assert history.sql("SELECT a FROM frame", frames={"frame": frame}).a[0] == 7


def test_a_name_of_the_history_is_the_history_even_where_the_notebook_has_it_too(history):
    history.save(done_run())
    asked = history.sql("SELECT count(*) AS n FROM runs", frames={"runs": pd.DataFrame({"a": [1, 2, 3]})})
    assert asked.n[0] == 1


@pytest.mark.parametrize("name", ["runs", "Verdicts", "execution_profiles"])
def test_a_frame_that_the_history_hides_is_told_of_and_reachable_in_nb(history, name):
    history.save(done_run())
    frames, said = {name: pd.DataFrame({"mine": [1, 2]}), "other": pd.DataFrame({"mine": [2]})}, []
    history.sql(f"SELECT count(*) FROM {name}", frames=frames, note=said.append)
    assert said == [f"{name} is the history's table; your DataFrame of that name is reachable as nb.{name}."]
    with pytest.raises(QueryError, match=f'"mine" not found.*reachable as nb.{name}'):
        history.sql(f"SELECT mine FROM {name}", frames=frames)
    said.clear()
    both = f"SELECT o.mine FROM nb.{name} JOIN nb.other o USING (mine), (SELECT count(*) FROM {name})"
    assert list(history.sql(both, frames=frames, note=said.append).mine) == [2]
    assert list(history.sql(f'SELECT mine FROM NB."{name.upper()}"', frames=frames).mine) == [1, 2]
    assert said == []
    with pytest.raises(QueryError):  # there for its own query only
        history.sql(f"FROM nb.{name}")
    history.sql(f"SELECT count(*) FROM {name}", frames={name: 3}, note=said.append)
    assert said == []


MIXED = pd.DataFrame({"a": [1, 2], "mixed": [1, "x"], "z": [1j, 2j], "b": ["u", "v"]})


@pytest.mark.parametrize(
    "frame",
    [
        MIXED,
        pl.DataFrame({"a": [1, 2], "b": ["u", "v"]}).with_columns(
            mixed=pl.Series([object(), 1], dtype=pl.Object)
        ),
    ],
)
def test_columns_without_a_form_in_sql_do_not_keep_the_others_away(history, frame):
    said = []
    asked = history.sql("SELECT a, b FROM f", frames={"f": frame}, note=said.append)
    assert (list(asked.a), list(asked.b), said) == ([1, 2], ["u", "v"], [])
    with pytest.raises(QueryError, match=r"Left out of f, for want of a form in SQL: mixed \("):
        history.sql("SELECT mixed FROM f", frames={"f": frame})
    asked = history.sql("SELECT * FROM f", frames={"f": frame}, note=said.append)
    assert list(asked.columns) == ["a", "b"]
    assert len(said) == 1 and "mixed (" in said[0]


def test_frames_with_columns_of_every_kind_can_be_asked(history):
    frame = pd.DataFrame(
        {
            "a": [1, 2],
            "interval": pd.interval_range(0, 2),
            "period": pd.period_range("2020", periods=2, freq="M"),
            "category": pd.Categorical(["x", "y"]),
            "lists": [[1], [2, 3]],
            3: [True, None],
        }
    )
    assert list(history.sql("SELECT a FROM f", frames={"f": frame}).a) == [1, 2]
    assert len(history.sql("SELECT * FROM f", frames={"f": frame}, note=lambda line: None)) == 2
    twice = pd.DataFrame([[1, 2, 3]], columns=["a", "a", "b"])
    assert list(history.sql("SELECT b FROM f", frames={"f": twice}).b) == [3]


def test_what_is_no_frame_is_named_with_its_type_and_what_there_is_instead(history):
    with pytest.raises(QueryError, match=r"'mine' is a list, no DataFrame.*The history has: .*executions"):
        history.sql("SELECT * FROM mine", frames={"mine": [1, 2]})
    with pytest.raises(QueryError, match="'lazy' is a LazyFrame: collect it"):
        history.sql("SELECT * FROM lazy", frames={"lazy": pl.LazyFrame({"a": [1]})})
    with pytest.raises(QueryError, match="cannot be used as a table"):
        history.sql("SELECT * FROM odd", frames={"odd": pd.DataFrame({"a": [1, "x", object()]})})


def test_a_wrong_query_is_one_line_and_a_caret_below_the_place(history):
    with pytest.raises(QueryError) as caught:
        history.sql("SELECT *\nFROM executions\n   WHERE wal_s > 1")
    said, line, caret = str(caught.value).split("\n")
    assert 'Referenced column "wal_s" not found' in said
    assert line == "    WHERE wal_s > 1"
    assert caret in ("          ^^^^^", "          ^")  # the latter until DuckDB 1.4
    assert line[caret.index("^") :][:5] == "wal_s"


def test_a_query_sees_what_was_saved_since_the_last_one_and_reads_only_that(history):
    for n in range(1, 4):
        history.save(profile(id=uuid7()))
        with History(history.location) as other_kernel:
            other_kernel.save(profile(id=uuid7()))
        assert history.sql("SELECT count(*) AS n FROM executions").n[0] == 2 * n
        expected = 2 * n * len(profile().function_stats)
        assert history.sql("SELECT count(*) AS n FROM function_stats").n[0] == expected
    copy = history._engine._mirror._copies["executions"]
    assert copy.table.column(0).num_chunks == 3  # one for each refresh
    history.sql("SELECT * FROM executions")
    before = copy.table
    history.sql("SELECT label FROM executions")
    assert history._engine._mirror._copies["executions"].table is before
    assert "line_stats" not in history._engine._mirror._copies  # nobody asked for it


LATER = """
SELECT label FROM executions ORDER BY label
SELECT * FROM executions ORDER BY label
SELECT e FROM executions e ORDER BY label
SELECT executions.label, Executions FROM executions ORDER BY ALL
FROM executions AS e (number, mine) SELECT mine ORDER BY 1
SELECT COLUMNS('wall_.*') FROM executions
SELECT count(*) FROM executions NATURAL JOIN (SELECT 5.92 AS wall_s)
PIVOT executions ON mode IN ('standard') USING count(*) ORDER BY label
UNPIVOT (SELECT label, wall_s FROM executions) ON COLUMNS(* EXCLUDE label) ORDER BY label
SELECT count(*) FROM executions
SELECT label FROM execution_profiles ORDER BY label
SELECT struct_extract(e, 'label') AS l FROM executions AS "e" ORDER BY l
SELECT f.name, E."LABEL" FROM executions e JOIN function_stats f ON f.execution_id = e.id ORDER BY ALL
SUMMARIZE function_stats
"""


@pytest.mark.parametrize("query", LATER.strip().splitlines())
def test_a_query_gives_the_same_whatever_was_loaded_before_it(history, query):
    for label in "ab":
        history.save(profile(id=uuid7(), label=label))
    history.sql("SELECT wall_s FROM executions")  # one column is here, of the first two records
    history.save(profile(id=uuid7(), label="c"))
    with History(history.location) as other:
        other.sql("FROM executions, function_stats, codes, annotations LIMIT 0")
        expected = other.sql(query).map(str)
    asked = history.sql(query).map(str)
    pd.testing.assert_frame_equal(asked, expected)
    assert len(asked)


def test_columns_that_no_query_named_are_not_loaded_and_yet_told_of(history):
    history.save(profile(id=uuid7()))
    assert list(history.sql("SELECT kind FROM executions").kind) == ["cell"]
    assert history._engine._mirror._copies["executions"].table.column_names == ["seq", "kind"]
    with pytest.raises(QueryError, match=r'"label_" not found.*Candidate bindings: .*"label"'):
        history.sql("SELECT label_ FROM executions")
    assert list(history.sql("SELECT kind FROM executions").kind) == ["cell"]
    assert history._engine._mirror._copies["executions"].table.column_names == ["seq", "kind"]


def test_erased_records_leave_the_copy_too(history):
    kept, erased = profile(id=uuid7()), profile(id=uuid7())
    history.save(erased)
    history.save(kept)
    count = "SELECT (SELECT count(*) FROM executions) AS n, (SELECT count(*) FROM line_stats) AS m"
    assert history.sql(count).n[0] == 2
    history._store._connection.execute("DELETE FROM executions WHERE id = ?", (erased.id,))
    assert list(history.sql(count).loc[0]) == [1, len(kept.line_stats)]


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer by signal")
@pytest.mark.parametrize("rows", [None, 5])
@pytest.mark.parametrize("more", ["", ", executions"])
def test_the_stop_button_ends_any_query_and_the_next_one_works(history, more, rows):
    history.save(profile(id=uuid7()))
    history.sql("SELECT 1")  # what the first query loads is not what is stopped here
    clock, alarm = signal.ITIMER_REAL, signal.SIGALRM
    waiting = signal.setitimer(clock, 0)  # pytest's own time limit uses the same timer
    before = signal.signal(alarm, signal.default_int_handler)
    signal.setitimer(clock, 0.3)
    try:
        with pytest.raises(KeyboardInterrupt):
            history.sql(
                f"SELECT a.range FROM range(1000000000000) a {more} WHERE a.range % 7 = 3.5", rows=rows
            )
    finally:
        signal.setitimer(clock, 0)
        signal.signal(alarm, before)
        signal.setitimer(clock, *waiting)
    assert history.sql("SELECT count(*) AS n FROM executions").n[0] == 1


def test_a_query_is_read_up_to_the_limit_and_no_further(history):
    history.save(profile(id=uuid7()))
    said = []
    endless = "SELECT i FROM executions, range(1000000000000) t(i)"
    assert list(history.sql(endless, rows=3, note=said.append).i) == [0, 1, 2]
    assert len(history.sql(endless, rows=50_000, note=said.append)) == 50_000
    assert said == [
        "Only the first 3 rows; --rows all (in Python rows=None) gives all.",
        "Only the first 50,000 rows; --rows all (in Python rows=None) gives all.",
    ]
    assert history.sql("SELECT count(*) AS n FROM executions").n[0] == 1


@pytest.mark.parametrize("rows", [None, 1, 2047, 2048, 2049, 5000, 5001])
def test_who_gets_all_rows_is_told_nothing_and_who_does_not_is_told_how_many(history, rows):
    said = []
    asked = history.sql("SELECT i FROM range(5000) t(i) ORDER BY i", rows=rows, note=said.append)
    n_rows = min(rows or 5000, 5000)
    assert list(asked.i) == list(range(n_rows))
    assert isinstance(asked.index, pd.RangeIndex)
    assert len(said) == (1 if n_rows < 5000 else 0)
    assert not said or f"first {n_rows:,} rows;" in said[0] or (n_rows == 1 and "first row;" in said[0])


@pytest.mark.parametrize(
    ("length", "most"),
    [
        ("10", 1_000_000),  # many pieces
        ("2000", 1_000_000),  # one piece is too much
        ("CASE WHEN i < 100 THEN 50000 ELSE 1 END", 1_000_000),  # the first rows are most of it
        ("CASE WHEN i BETWEEN 5000 AND 5100 THEN 50000 ELSE 1 END", 1_000_000),
    ],
)
def test_a_result_of_long_texts_ends_where_it_would_be_too_big(history, length, most):
    query, said = f"SELECT i, repeat('x', {length}) AS t FROM range(100000) t(i)", []
    asked = history.sql(query, size_bytes=most, note=said.append)
    assert list(asked.i) == list(range(len(asked)))
    size = asked.memory_usage(index=False, deep=True).sum()
    one_more = history.sql(query, rows=len(asked) + 1).memory_usage(index=False, deep=True).sum()
    assert size <= 1.01 * most and one_more > 0.99 * most  # a text in two pieces weighs some bytes more
    assert said == [f"Only the first {len(asked):,} rows, 1 MB; --rows all (in Python rows=None) gives all."]


def test_a_row_that_is_too_big_alone_is_given_and_told_of(history):
    said = []
    asked = history.sql("SELECT repeat('x', 5000) AS t FROM range(9)", size_bytes=1000, note=said.append)
    assert asked.t.str.len().tolist() == [5000]
    assert said[0].startswith("Only the first row, 1 kB;")


KINDS = {
    "BOOLEAN": "i % 2 = 0",
    "SMALLINT": "i % 100",
    "BIGINT": "9007199254740993 + i",
    "UBIGINT": "i",
    "HUGEINT": "i",
    "DOUBLE": "i / 7",
    "DECIMAL(10, 2)": "i / 4",
    "VARCHAR": "'t' || i",
    "BLOB": "('t' || i)::BLOB",
    "DATE": "DATE '2020-01-01' + i::INTEGER",
    "TIME": "TIME '01:02:03'",
    "TIMESTAMP": "TIMESTAMP '2020-01-01' + to_microseconds(i)",
    "TIMESTAMP_NS": "TIMESTAMP_NS '2020-01-01'",
    "TIMESTAMPTZ": "TIMESTAMPTZ '2020-01-01'",
    "INTERVAL": "to_seconds(i)",
    "UUID": "'6d3d2541-710b-4bde-b3af-4711738636bf'",
    "BIGINT[]": "[i, i + 1]",
    "VARCHAR[]": "['t' || i]",
    "STRUCT(a BIGINT)": "{'a': i}",
    "MAP(VARCHAR, BIGINT)": "MAP {'a': i}",
    "ENUM('a', 'b')": "'a'",
}


@pytest.mark.filterwarnings("ignore:The inplace keyword:DeprecationWarning")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("condition", ["true", "false", "i < 2048", "i >= 2048", "i <> 4000", "i = 4000"])
def test_what_is_read_in_pieces_is_of_the_same_types_as_in_one(history, kind, condition):
    value = f"CASE WHEN {condition} THEN CAST({KINDS[kind]} AS {kind}) END"
    query = f"SELECT i, {value} AS x, {value} AS x FROM range(6000) t(i) ORDER BY i"
    whole, pieces = history.sql(query), history.sql(query, rows=6000)
    assert list(pieces.dtypes) == list(whole.dtypes)
    assert list(pieces.columns) == list(whole.columns)
    assert [repr(value) for value in pieces.iloc[:, 1]] == [repr(value) for value in whole.iloc[:, 1]]


@pytest.mark.parametrize(
    "query", ["EXPLAIN SELECT 1", "DESCRIBE executions", "SHOW TABLES", "SELECT 1 AS a WHERE false"]
)
def test_a_small_answer_is_the_same_with_a_limit(history, query):
    whole, limited = history.sql(query), history.sql(query, rows=1000, size_bytes=10**6)
    assert list(limited.dtypes) == list(whole.dtypes)
    assert limited.to_dict() == whole.to_dict()


def test_an_error_far_into_the_result_is_told_as_any_other(history):
    query = "SELECT CASE WHEN i = 50000 THEN error('too far') ELSE i END AS x FROM range(100000) t(i)"
    with pytest.raises(QueryError, match="too far"):
        history.sql(query, rows=100_000)
    assert len(history.sql("SELECT 1 AS a", rows=10)) == 1


SORTED = "SELECT i, (i * 7919) % 10007 AS x, 't' || i AS x FROM range(10000) t(i) WHERE i >= $from ORDER BY 2"


@pytest.mark.parametrize(
    "ending", ["", ";", " ; ", " DESC", " LIMIT 500", " -- why", " /* why */;", "; -- why"]
)
def test_a_sorted_query_gives_the_same_first_rows_whether_all_are_read_or_not(history, ending):
    whole = history.sql(SORTED + ending, {"from": 10})
    said = []
    for rows in (3, 500, 5000, 20_000):
        part = history.sql(SORTED + ending, {"from": 10}, rows=rows, note=said.append)
        pd.testing.assert_frame_equal(part, whole.head(rows))
    assert len(said) == (1 if "LIMIT" in ending else 3)


def test_what_is_wrong_in_a_sorted_query_is_shown_as_it_was_typed(history):
    query = "SELECT id,\n  wal_s\nFROM executions\nORDER BY id"
    said = []
    for rows in (None, 10):
        with pytest.raises(QueryError) as caught:
            history.sql(query, rows=rows)
        said.append(str(caught.value))
    assert said[0] == said[1]
    assert said[0].split("\n")[1] == "    wal_s"
    assert len(history.sql("EXPLAIN SELECT id FROM executions ORDER BY id", rows=10)) > 0


@pytest.mark.parametrize("limit", [{"rows": 0}, {"rows": -1}, {"size_bytes": 0}])
def test_a_limit_below_one_is_refused(history, limit):
    (name,) = limit
    with pytest.raises(HistoryError, match=f"{name} is a number above zero"):
        history.sql("SELECT 1", **limit)


def test_a_run_can_be_asked_by_its_verdicts(history):
    picture = done_run()
    history.save(picture)
    asked = history.sql(
        "SELECT h.statement, v.verdict, v.caveats FROM verdicts v JOIN hypotheses h USING (run_id, position) "
        "ORDER BY position"
    )
    assert list(asked.verdict) == [verdict.verdict for verdict in picture.verdicts]
    assert list(asked.caveats) == [";".join(verdict.caveats) for verdict in picture.verdicts]


def test_the_users_own_duckdb_is_left_as_it_is(history):
    history.save(profile(id=uuid7()))
    history.sql("SELECT * FROM executions")
    assert duckdb.sql("SELECT current_setting('enable_external_access')").df().iloc[0, 0]
    with pytest.raises(duckdb.CatalogException):
        duckdb.sql("SELECT * FROM execution_profiles")
