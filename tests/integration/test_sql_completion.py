"""The Tab key in SQL: what it offers where, in a kernel and in IPython's own shell."""

import json
import subprocess
import sys

import duckdb
import IPython
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kosmos_nb.history import History, queryable
from kosmos_nb.magics.sql_candidates import QUOTED, candidates
from kosmos_nb.magics.sql_completion import query_at
from tests.kernel import running_kernel

PRICES = pd.DataFrame({"label": ["a"], "price": [1], "odd name": [2], "order": [3], 'a"b': [4]})
NOTEBOOK = {
    "prices": PRICES,
    "runs": pl.DataFrame({"mine": [1]}),
    "_hidden": PRICES,
    "number": 5,
    "Costs": pd.DataFrame({"cost": [1.5]}),
}


def offered(query: str) -> list[str]:
    """Return what is offered at the `|` in a query."""
    before, after = query.split("|")
    begun, found = candidates(before + after, len(before), queryable(), NOTEBOOK)
    assert before.endswith(begun)
    return [one.text for one in found]


def columns(table: str) -> list[str]:
    return ['"columns"' if column == "columns" else column for column in queryable()[table]]


def test_the_light_names_are_those_that_the_history_tells(tmp_path):
    with History(tmp_path) as history:
        told = history.tables().groupby("name", sort=False).column.agg(tuple)
    assert dict(queryable()) == told.to_dict()
    assert next(iter(queryable())) == "execution_profiles"


def test_the_light_names_can_be_asked_for(tmp_path):
    with History(tmp_path) as history:
        for table in queryable():
            asked = history.sql(f"SELECT {', '.join(columns(table))} FROM {table}")
            assert list(asked.columns) == list(queryable()[table])


def test_the_light_names_import_nothing_heavy():
    code = (
        "import sys\nfrom kosmos_nb.history import queryable\nqueryable()\n"
        "print([m for m in ('sqlalchemy', 'pyarrow', 'pandas', 'duckdb') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "[]\n"


TABLES = [*queryable(), "Costs", "prices", "nb.runs"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT * FROM |", TABLES),
        ("SELECT * FROM -- why\n |", TABLES),
        ("FROM |", TABLES),
        ("SELECT * FROM runs JOIN |", TABLES),
        ("SELECT * FROM runs r, |", TABLES),
        ("SELECT * FROM runs AS r JOIN verdicts v ON v.run_id = r.id, |", TABLES),
        ("SELECT * FROM (SELECT * FROM |)", TABLES),
        ("DESCRIBE |", TABLES),
        ("SELECT * FROM ver|", ["verdicts"]),
        ("select * from VER|", ["verdicts"]),
        ("SELECT * FROM execu| e WHERE e.mode = 'full'", ["execution_profiles", "executions"]),
        ("SELECT * FROM pr|", ["profiling_bottlenecks", "prices"]),
        ("SELECT * FROM co|", ["codes", "Costs"]),
        ("SELECT * FROM nb.|", ["Costs", "prices", "runs"]),
        ("SELECT * FROM runs JOIN NB.r|", ["runs"]),
        ("SELECT * FROM nb|", ["nb.runs"]),
        ("WITH slow AS (SELECT 1), fast AS (SELECT 2) SELECT * FROM sl|", ["slow"]),
        ("SELECT * FROM '|", []),
    ],
)
def test_where_a_table_is_wanted_tables_and_frames_are_offered(query, expected):
    assert offered(query) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT | FROM verdicts", columns("verdicts")),
        ("SELECT kind, | FROM bottlenecks", columns("bottlenecks")),
        ("FROM bottlenecks SELECT |", columns("bottlenecks")),
        ("SELECT sum(| FROM line_stats", columns("line_stats")),
        ("SELECT * FROM line_stats WHERE |", columns("line_stats")),
        ("SELECT * FROM line_stats WHERE line = 3 AND |", columns("line_stats")),
        ("SELECT self_s * | FROM line_stats", columns("line_stats")),
        ("SELECT * FROM line_stats ORDER BY |", columns("line_stats")),
        ("SELECT e.| FROM executions e", columns("executions")),
        ("SELECT e.| FROM executions AS e, verdicts v", columns("executions")),
        ("SELECT E.| FROM executions e", columns("executions")),
        ('SELECT "e".| FROM executions "e"', columns("executions")),
        ("SELECT v.| FROM executions e JOIN verdicts v USING (id)", columns("verdicts")),
        ("SELECT verdicts.| FROM verdicts", columns("verdicts")),
        ("SELECT verdicts.|", columns("verdicts")),
        ("SELECT e.wal| FROM executions e", ["wall_s"]),
        ("SELECT wal|l FROM executions e", ["wall_s"]),
        ("SELECT wal|", ["wall_s"]),
        ("SELECT p.| FROM nb.prices p", ["label", "price", '"odd name"', '"order"', '"a""b"']),
        ("SELECT nb.prices.p| FROM nb.prices", ["price"]),
        ("SELECT min| FROM nb.runs", ["mine"]),
        ("SELECT min| FROM runs", []),  # the history's
        ("SELECT cos| FROM costs", ["cost"]),
        ("SELECT odd| FROM prices", ['"odd name"']),
        ('SELECT "odd| FROM prices', ['"odd name"']),
        ('SELECT "odd|" FROM prices', ['"odd name']),  # the front end has closed the quote
        ('SELECT "odd n| FROM prices', ['"odd name"']),
        ('SELECT "odd n|ame", "order" FROM prices', ['"odd name"']),
        ('SELECT "odd n|, "order" FROM prices', ['"odd name"']),
        ('SELECT "sel| FROM prices', []),
        ("SELECT * FROM executions e JOIN line_stats l ON e.id = l.exec|", ["execution_id"]),
        ("SELECT * FROM hypotheses JOIN verdicts USING (stat|", ["statement"]),
        ("SELECT * FROM hypotheses JOIN verdicts USING (run|", ["run_id"]),
        ("SELECT (SELECT max(wal| FROM executions) FROM runs", ["wall_s"]),
        ("SELECT x.| FROM executions e", []),
        ("SELECT number.|", []),
        ("SELECT concat('it''s', '$', lab| FROM executions", ["label"]),
        ("SELECT $$ FROM verdicts $$, cave| FROM executions", []),
        ("SELECT cave| FROM executions -- , verdicts", []),
        ("SELECT cave| FROM executions /* , verdicts */", []),
        ("SELECT cave| FROM executions /* */, verdicts", ["caveats"]),
        ("SELECT wal| FROM range(10) AS executions", ["wall_s"]),
    ],
)
def test_where_a_value_is_wanted_the_columns_of_the_named_tables_are_offered(query, expected):
    assert [text for text in offered(query) if not text.isupper()] == expected


@pytest.mark.parametrize(
    ("query", "first", "among"),
    [
        ("|", "SELECT", "FROM"),
        ("SEL|", "SELECT", "SELECT"),
        ("sel|", "select", "select"),
        ("SELECT * |", "FROM", "WHERE"),
        ("SELECT count(*) fr|", "from", "from"),
        ("SELECT * FROM runs |", "FROM", "WHERE"),
        ("SELECT * FROM runs r wh|", "where", "where"),
        ("SELECT * FROM runs GROUP |", "BY ALL", "BY"),
        ("SELECT * FROM runs gr|", "group by all", "group by"),
        ("SELECT * FROM runs LEFT |", "JOIN", "JOIN"),
        ("SELECT * FROM runs WHERE error IS |", "NULL", "NOT NULL"),
        ("SELECT status FROM runs WHERE s|", "seq", "select"),  # names before words
        ("SELECT S| FROM runs", "SELECT", "seq"),  # but first what begins exactly as it was typed
    ],
)
def test_words_of_sql_are_offered_after_names_and_in_the_case_that_was_begun(query, first, among):
    found = offered(query)
    assert found[0] == first
    assert among in found


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 'la| FROM executions",
        "SELECT 'it''s la| FROM executions",
        "SELECT $$la| FROM executions",
        "SELECT $a$ $$ la| FROM executions",
        "SELECT label -- la|",
        "SELECT label /* la|",
        "SELECT 'la'| FROM executions",
        "SELECT wall_s AS |",
        "SELECT wall_s AS la| FROM executions",
        "SELECT * FROM executions LIMIT |",
        "SELECT * FROM executions WHERE wall_s > 1|",
        "SELECT 1.| FROM executions",
    ],
)
def test_where_no_name_belongs_nothing_is_offered(query):
    assert offered(query) == []


def test_what_is_offered_is_understood_as_it_stands(tmp_path):
    with History(tmp_path) as history:
        for table in TABLES:
            for column in offered(f"SELECT t.| FROM {table} t"):
                asked = history.sql(f"SELECT t.{column} FROM {table} AS t", frames=NOTEBOOK)
                assert asked.shape[1] == 1
    words = (
        "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category IN ('reserved', 'type_function')"
    )
    assert {word for (word,) in duckdb.sql(words).fetchall()} <= QUOTED


@given(
    st.lists(
        st.sampled_from(
            [*"""'"$.,()*-/ \nax""", "--", "/*", "*/", " FROM ", " AS ", "runs", "prices", "nb.", "1."]
        ),
        max_size=14,
    ),
    st.integers(0, 30),
)
def test_whatever_is_typed_has_an_answer(parts, cursor):
    query = "".join(parts)
    cursor = min(cursor, len(query))
    begun, found = candidates(query, cursor, queryable(), NOTEBOOK)
    assert query[:cursor].endswith(begun)
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    ("cell", "query"),
    [
        ("%%kosmos_sql\nSELECT |1\n", "SELECT |1\n"),
        ("\n\n  %%kosmos_sql -o x --rows all\nSELECT |1", "SELECT |1"),
        ("%%kosmos_profile --mode light\n%%kosmos_sql\n|", "|"),
        ("%kosmos_sql SELECT |1", "SELECT |1"),
        ("x = %kosmos_sql SELECT |1", "SELECT |1"),
        ("a = 1\nif a:\n    x = %kosmos_sql SELECT |1\nb = 2", "SELECT |1"),
        ("%kosmos_sql --rows 5 -o x SELECT |1", "SELECT |1"),
        ("%kosmos_sql -- SELECT |1", "SELECT |1"),
        ("%kosmos_sql |", "|"),
        ("%kosmos_sql --rows 5 |", "|"),
        ("%kosmos_sql|", None),
        ("%kosmos_sql --|", None),
        ("%kosmos_sql --rows |", None),
        ("%kosmos_sql --rows 5|", None),
        ("%kosmos_sql -o '|", None),
        ("%kosmos_sql --ta|bles", None),
        ("%%kosmos_sql -o |\nSELECT 1", None),
        ("%%kosmos_sqlx\nSELECT |1", None),
        ("%%time\nSELECT |1", None),
        ("SELECT |1", None),
        ("x = '''\n%%kosmos_sql\nSELECT |1'''", None),
        ("%kosmos_sql SELECT 1\nx|", None),
        ("|", None),
        (" " * 100_000 + "|", None),
    ],
)
def test_only_the_query_of_our_magics_is_sql(cell, query):
    before, after = cell.split("|")
    expected = None if query is None else (query.replace("|", ""), query.index("|"))
    assert query_at(before + after, len(before)) == expected


CELLS = {
    "%%kosmos_sql\nSELECT wal|\nFROM executions": ["wall_s"],
    "%%kosmos_sql -o x\nSELECT e.wal|, 1\nFROM executions e\nWHERE true": ["e.wall_s"],
    "%%kosmos_sql\nSELECT ü, wal|\nFROM executions": ["wall_s"],
    "%%kosmos_sql\nSELECT * FROM pri|": ["prices"],
    "%%kosmos_sql\nFROM prices SELECT odd|": ['"odd name"'],
    '%%kosmos_sql\nSELECT "odd n|" FROM prices': ['"odd name'],
    "%%kosmos_sql\nFROM nb.pri|": ["nb.prices"],
    "x = %kosmos_sql SELECT * FROM exe|": ["execution_profiles", "executions"],
    "x = 1\n%kosmos_sql SELECT e.wal| FROM executions e\nx": ["e.wall_s"],
    "%%kosmos_profile\n%%kosmos_sql\nSELECT * FROM execu|": ["execution_profiles", "executions"],
    "%%kosmos_sql\nSELECT * FROM pri|\nWHERE print": ["prices"],
}


def replaced(code: str, cursor: int, start: int, matches: list[str]) -> list[str]:
    """Return the last word as it will be with each match: front ends differ in what they replace."""
    begin = max(code.rfind(sign, 0, cursor) for sign in " (\n") + 1
    return [code[begin:start] + match for match in matches]


@pytest.fixture(scope="module")
def kernel():
    with running_kernel(load=True) as running:
        running.run("import pandas as pd\nprices = pd.DataFrame({'price': [1], 'odd name': [2]})")
        yield running


@pytest.mark.parametrize("cell", CELLS)
def test_a_kernel_completes_the_cell_as_jupyterlab_sends_it(kernel, cell):
    cursor = cell.index("|")
    code = cell.replace("|", "")
    content = kernel.client.complete(code, cursor, reply=True, timeout=60)["content"]
    assert content["cursor_end"] == cursor
    whole = replaced(code, cursor, content["cursor_start"], content["matches"])
    assert [text.removeprefix('"odd ') for text in whole] == [
        text.removeprefix('"odd ') for text in CELLS[cell]
    ]


def test_python_and_options_are_completed_as_before(kernel):
    assert "print" in kernel.complete("pri")
    assert "prices" in kernel.complete("x = pri")
    assert "--rows" in kernel.complete("%kosmos_sql --ro")
    assert "--rows" in kernel.complete("%%kosmos_sql --ro\nSELECT 1", len("%%kosmos_sql --ro"))
    assert "wall_s" not in kernel.complete("wal")
    assert "wall_s" not in kernel.complete("%%time\nSELECT wal")


SHELL = """
import json, sys
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "kosmos_nb")
shell.run_cell("import pandas as pd; prices = pd.DataFrame({'price': [1], 'odd name': [2]})")
found = {}
for cell in json.loads(sys.argv[1]):
    cursor = cell.index("|")
    code = cell.replace("|", "")
    with provisionalcompleter():
        some = list(shell.Completer.completions(code, cursor))
    found[cell] = [[one.start, one.text] for one in some]
print(json.dumps(found))
"""


def test_the_ipython_shell_completes_the_same(tmp_path):
    # Before 8.6 it tells its matchers of the line alone.
    knows_cell = IPython.version_info >= (8, 6)
    cells = [cell for cell in CELLS if knows_cell or "%%" not in cell]
    done = subprocess.run(
        [sys.executable, "-c", SHELL, json.dumps(cells)],
        capture_output=True, text=True, timeout=60, check=True, cwd=tmp_path,
    )  # fmt: skip
    found = json.loads(done.stdout)
    for cell in cells:
        code, cursor = cell.replace("|", ""), cell.index("|")
        whole = [replaced(code, cursor, start, [text])[0] for start, text in found[cell]]
        assert [text.removeprefix('"odd ') for text in whole] == [
            text.removeprefix('"odd ') for text in CELLS[cell]
        ], cell
