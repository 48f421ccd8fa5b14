"""`%%kosmos_sql` and `%kosmos_history` in a real kernel; two kernels on one history."""

from pathlib import Path

import pytest

from kosmos_nb.history import History
from tests.kernel import running_kernel
from tests.waiting import until


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def kernel(home):
    with running_kernel({"KOSMOS_HOME": str(home)}) as running:
        reply = running.run("%load_ext kosmos_nb")
        assert reply.error is None, reply.error
        assert running.run("%%kosmos_profile --mode light --label first\nx = 6 * 7").error is None
        yield running


def test_a_query_sees_the_cell_before_it(kernel):
    kernel.run("%%kosmos_profile --mode light --label just\npass")
    reply = kernel.run("%kosmos_sql SELECT label FROM execution_profiles ORDER BY started_at DESC LIMIT 1")
    assert reply.error is None and "just" in reply.result["text/plain"]


def test_the_text_of_the_query_reaches_the_engine_as_it_was_typed(kernel):
    kernel.run("%kosmos_sql SELECT 'it''s \"--here\" \\ #no' AS t -- it's a comment")
    assert kernel.value("_.t[0]") == repr('it\'s "--here" \\ #no')
    body = "SELECT\n  'a -o b' AS \"odd name\", $$it's$$ AS t"
    assert kernel.run(f"%%kosmos_sql -o asked\n{body}").result is None
    assert kernel.value("asked.loc[0].tolist()") == repr(["a -o b", "it's"])


def test_dataframes_of_the_notebook_join_by_name(kernel):
    kernel.run("import pandas as pd\nprices = pd.DataFrame({'label': ['first'], 'price': [3.5]})")
    reply = kernel.run("%%kosmos_sql\nSELECT price FROM executions JOIN prices USING (label)")
    assert "3.5" in reply.result["text/plain"]
    reply = kernel.run("x = [1]\n%kosmos_sql SELECT * FROM x")
    assert "'x' is a list, no DataFrame" in reply.text


def test_a_frame_hidden_by_the_history_is_one_line_and_in_the_help(kernel):
    kernel.run("import pandas as pd\nverdicts = pd.DataFrame({'mine': [5]})")
    reply = kernel.run("%kosmos_sql SELECT mine FROM verdicts")
    said, line, caret = reply.text.strip().splitlines()
    assert "nb.verdicts" in said
    assert line[caret.index("^") :].startswith("mine")
    assert "5" in kernel.run("%kosmos_sql SELECT mine FROM nb.verdicts").result["text/plain"]
    reply = kernel.run("%kosmos_sql SELECT count(*) AS n FROM verdicts")
    assert "n" in reply.result["text/plain"]
    assert (
        reply.stderr.startswith("kosmos_nb: verdicts is the history's table")
        and reply.stderr.count("\n") == 1
    )
    assert "nb.runs" in kernel.run("%kosmos_sql --help").stdout


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("%kosmos_sql", "the query is missing"),
        ("%kosmos_sql DROP TABLE runs", "DROP is not allowed"),
        ("%kosmos_sql SELECT 1; SELECT 2", "2 statements"),
        ("%kosmos_sql --nope SELECT 1", "no option --nope"),
        ("%%kosmos_sql SELECT 1\nSELECT 2", "goes into the cell's body"),
        ("%%kosmos_sql -o 1x\nSELECT 2", "1x"),
        ("%%kosmos_sql\nSELECT nope FROM runs", "nope"),
        ("%kosmos_sql --rows many SELECT 1", "'many' is not a whole number above zero"),
        ("%kosmos_sql --rows 0 SELECT 1", "'0' is not a whole number above zero"),
        ("%kosmos_history --last many", "many"),
        ("%kosmos_history --nope", "no option --nope"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_and_the_kernel_goes_on(kernel, cell, said):
    reply = kernel.run(cell)
    lines = reply.text.strip().splitlines()
    assert said in lines[0] and "Traceback" not in reply.text
    # SQL has the line below, and a caret where it is wrong.
    assert len(lines) == 1 or (len(lines) == 3 and lines[2].strip(" ^") == "")
    assert kernel.value("1 + 1") == "2"


def test_tables_are_listed_with_meanings_and_units(kernel):
    kernel.run("%kosmos_sql --tables")
    assert kernel.value("list(_.columns)") == repr(["name", "kind", "column", "meaning", "unit"])
    assert kernel.value("'execution_profiles' in set(_.name)") == "True"


def test_a_big_result_is_cut_with_one_line_that_says_how_to_get_all(kernel):
    reply = kernel.run("%kosmos_sql -o big SELECT * FROM range(1000000000000) t(i)")
    assert (
        reply.stderr
        == "kosmos_nb: Only the first 100,000 rows; --rows all (in Python rows=None) gives all.\n"
    )
    assert kernel.value("len(big)") == "100000"
    reply = kernel.run("%%kosmos_sql -o big\nSELECT repeat('x', 2000) FROM range(1000000000000)")
    assert "rows, 100 MB; --rows all" in reply.stderr
    assert 90e6 < int(kernel.value("int(big.memory_usage(deep=True).sum())")) <= 101e6


@pytest.mark.parametrize(("rows", "n_rows"), [("3", 3), ("150000", 150_000), ("all", 200_000)])
def test_as_many_rows_come_as_are_asked_for(kernel, rows, n_rows):
    reply = kernel.run(f"%%kosmos_sql --rows {rows} -o some\nSELECT i FROM range(200000) t(i)")
    assert reply.error is None
    assert reply.stderr.count("\n") == (0 if rows == "all" else 1)
    assert kernel.value("len(some)") == str(n_rows)


def test_the_history_is_a_dataframe_that_can_be_narrowed(kernel):
    kernel.run("%kosmos_history --label first")
    assert kernel.value("_.label.tolist()") == "['first']"
    kernel.run("%kosmos_history --last 1")
    assert kernel.value("len(_)") == "1"


def test_help_names_the_options_and_shows_examples(kernel):
    reply = kernel.run("%kosmos_sql --help")
    assert "--tables" in reply.stdout and "examples:" in reply.stdout
    assert "-o" in kernel.inspect("%kosmos_sql")
    assert "--label" in kernel.complete("%kosmos_history --la")
    assert "all" in kernel.complete("%%kosmos_sql --rows a")


SAVE_200 = """
import sys
from IPython import get_ipython
for n in range(200):
    get_ipython().run_cell_magic("kosmos_profile", "--mode light --quiet --label two", f"a = {n}")
"""


def test_two_kernels_that_save_200_profiles_each_at_once_lose_none(tmp_path):
    environment = {"KOSMOS_HOME": str(tmp_path / "shared")}
    with running_kernel(environment) as one, running_kernel(environment) as two:
        for kernel in (one, two):
            assert kernel.run("%load_ext kosmos_nb").error is None
        waiting = [kernel.start(SAVE_200) for kernel in (one, two)]
        for reply in (pending.result(120) for pending in waiting):
            assert reply.error is None, reply.error
            assert "Warning" not in reply.text
        flush = "from kosmos_nb.runtime import runtime; assert runtime().history.flush(60)"
        for kernel in (one, two):
            assert kernel.run(flush).error is None
        one.run(
            "%kosmos_sql SELECT count(*) AS n, count(DISTINCT id) AS d FROM executions WHERE label = 'two'"
        )
        assert one.value("_.loc[0].tolist()") == "[400, 400]"
    with History(tmp_path / "shared") as history:
        assert len(history.last(1000, label="two")) == 400


def test_a_cell_just_run_is_saved_when_the_kernel_is_shut_down(tmp_path):
    home = tmp_path / "home"
    with running_kernel({"KOSMOS_HOME": str(home)}) as kernel:
        kernel.run("%load_ext kosmos_nb")
        kernel.run("%%kosmos_profile --mode light --label end\npass")
        kernel.manager.shutdown_kernel()
    with History(home) as history:
        assert list(history.last().label) == ["end"]


def test_a_history_that_cannot_be_opened_is_one_line_in_the_notebook_and_cells_go_on(tmp_path):
    home = tmp_path / "home"
    home.write_text("not a folder")
    (tmp_path / "temp").mkdir()
    with running_kernel({"KOSMOS_HOME": str(home), "TMPDIR": str(tmp_path / "temp")}) as kernel:
        kernel.run("%load_ext kosmos_nb")
        flush = "\nfrom kosmos_nb.runtime import runtime; runtime().history.flush(60)"
        # Saved and told of within its cell; what comes after a cell's end is not in its reply.
        replies = [kernel.run("p = %kosmos_profile --mode light 1" + flush)]
        replies += [kernel.run("%%kosmos_profile --mode light --quiet\nx = 1" + flush) for _ in range(2)]
        replies += [kernel.run(flush) for _ in range(2)]
        assert all(reply.error is None for reply in replies)
        warnings = [line for reply in replies for line in reply.stderr.splitlines() if line.strip()]
        assert len(warnings) == 1 and str(home) in warnings[0], warnings
        assert warnings[0].startswith("kosmos_nb: The history ")
        (spool,) = (tmp_path / "temp").rglob("*.jsonl")
        assert warnings[0].endswith(f"; records wait in {spool.parent} and are kept when it works again.")
        reply = kernel.run("%kosmos_history")
        assert "cannot be used" in reply.text and len(reply.text.strip().splitlines()) == 1
        home.unlink()
        kernel.run("%%kosmos_profile --mode light --label later\npass")
        until(lambda: kernel.run("%kosmos_history") and kernel.value("len(_)") == "4")
    with History(home) as history:
        assert list(history.last().label.fillna("")) == ["later", "", "", ""]
