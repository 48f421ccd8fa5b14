"""`kosmos history`, run as a user runs it, on a history of a dozen profiles."""

import dataclasses
import json
import os
import subprocess
import sys

import pytest

from kosmos_nb.core import uuid7
from kosmos_nb.history import History, ProfileResult
from tests.samples import STARTED_US, edited_profile, profile


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home")
    with History(folder) as history:
        for n in range(10):
            history.save(profile(id=uuid7(), started_at_us=STARTED_US + n * 10**6, label=f"run {n}"))
        failed = {"status": "failed", "exception_type": "KeyError", "label": None, "code": "%%time\n1/0"}
        history.save(profile(id=uuid7(), started_at_us=STARTED_US + 11 * 10**6, **failed))
        last = {"id": uuid7(), "started_at_us": STARTED_US + 12 * 10**6, "label": "edited"}
        history.save(dataclasses.replace(edited_profile(), **last))
    return folder


@pytest.fixture
def kosmos(home, tmp_path):
    environment = {**os.environ, "KOSMOS_HOME": str(home), "COLUMNS": "80", "TERM": "dumb"}

    def run(*words):
        command = [sys.executable, "-m", "kosmos_nb.cli", "history", *words]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        return done.returncode, done.stdout, done.stderr

    return run


def test_the_newest_profiles_are_listed_in_80_columns_with_the_bytes_on_disk(kosmos):
    code, out, error = kosmos("list", "--last", "3")
    assert (code, error) == (0, "")
    assert max(map(len, out.splitlines())) <= 80
    rows = [line for line in out.splitlines() if "…" in line]
    assert ["edited" in rows[0], "✗ failed" in rows[1], "run 9" in rows[2]] == [True] * 3
    assert "on disk in" in out
    listed = json.loads(kosmos("list", "--json")[1])
    assert len(listed) == 12
    assert listed[0]["started_at"] == "2025-10-09T08:53:32"
    assert kosmos("list", "--label", "nobody's")[1].endswith("has no profile of that label or cell yet.\n")


def test_a_profile_is_shown_by_id_short_id_label_and_word(kosmos):
    listed = json.loads(kosmos("list", "--json")[1])
    whole = listed[2]["id"]
    for reference in (whole, whole[:-3], f"{whole[:8]}…{whole[-6:]}", "run 9"):
        code, out, error = kosmos("show", reference, "--json")
        assert (code, error) == (0, "")
        assert ProfileResult.from_json(out).id == whole
    code, out, error = kosmos("show", "last", "--top", "2")
    assert (code, error) == (0, "")
    assert out.startswith("\nProfile of edited (")
    assert "critical" in out
    _, out, _ = kosmos("show", "run 9")
    assert "As usual" in out or "slower" in out or "Before: " in out


def test_a_profile_is_written_to_a_file_and_no_file_is_overwritten(kosmos, tmp_path):
    assert kosmos("show", "last", "-o", "p.html")[0] == 0
    assert "<script" not in (tmp_path / "p.html").read_text()
    code, _, error = kosmos("show", "last", "-o", "p.html")
    assert code == 1
    assert error.count("\n") == 1 and "p.html" in error


def test_two_profiles_are_compared(kosmos):
    code, out, error = kosmos("compare", "run 9", "edited")
    assert (code, error) == (0, "")
    assert "1.3× faster: 5.92 s → 4.41 s" in out
    assert kosmos("compare", "previous")[0] in (0, 1)


def test_sql_is_answered_as_a_table_and_as_json(kosmos):
    query = "SELECT label, wall_s FROM executions WHERE label LIKE 'run %' ORDER BY seq"
    code, out, error = kosmos("sql", query, "--rows", "2")
    assert code == 0
    assert out.splitlines()[1].split() == ["run", "0", "5.92"]
    assert len(out.splitlines()) == 3
    assert error == "Only the first 2 rows; --rows all (in Python rows=None) gives all.\n"
    assert len(json.loads(kosmos("sql", query, "--json")[1])) == 10
    code, out, error = kosmos("sql", query, "--rows", "2", "--json")
    assert len(json.loads(out)) == 2 and error.startswith("Only the first 2 rows;")
    assert kosmos("sql", "SELECT 1 AS n WHERE false")[1] == "No rows.\n"


def test_sql_shows_the_first_thousand_rows_unless_it_is_asked_for_more(kosmos):
    endless, long = "SELECT i FROM range(1000000000000) t(i)", "SELECT i FROM range(1500) t(i)"
    code, out, error = kosmos("sql", endless)
    assert (code, out.split()[-1]) == (0, "999")
    assert error.startswith("Only the first 1,000 rows; --rows all")
    code, out, error = kosmos("sql", long, "--rows", "all")
    assert (code, out.split()[-1], error) == (0, "1499", "")
    assert len(json.loads(kosmos("sql", long, "--json")[1])) == 1500
    for wrong in ("0", "many", "-3"):
        code, out, error = kosmos("sql", long, "--rows", wrong)
        assert (code, out) == (2, "") and f"{wrong!r} is neither" in error


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("show", "nothere"), "no profile with the id or label 'nothere'"),
        (("show", "01"), "no profile with the id or label '01'"),
        (("show", "01a2"), "Several profiles"),
        (("compare", "edited", "last"), "are the same profile"),
        (("sql", "SELECT nothere FROM executions"), "nothere"),
        (("sql", "DELETE FROM executions"), "SELECT"),
        (("sql", "SELECT * FROM '/etc/passwd'"), ""),
    ],
)
def test_bad_input_is_one_line_and_an_exit_code(kosmos, words, said):
    code, out, error = kosmos(*words)
    assert (code, out) == (1, "")
    assert error.startswith("kosmos: ")
    assert error.count("\n") == (3 if "^" in error else 1)  # SQL: the line, and a caret below it
    assert said in error


@pytest.mark.parametrize("command", ["list", "show", "compare", "sql", "verify", "salvage", "erase"])
def test_help_shows_examples(kosmos, command):
    code, out, _ = kosmos(command, "--help")
    assert code == 0
    assert f"kosmos history {command}" in out


@pytest.fixture
def experiment(tmp_path):
    home = tmp_path / "home"
    with History(home) as history:
        for n, name in enumerate(("exp_1", "exp_2")):
            changes = {"id": uuid7(), "experiment_id": name, "started_at_us": STARTED_US + (20 + n) * 10**6}
            history.save(dataclasses.replace(edited_profile() if n else profile(), **changes))
    environment = {**os.environ, "KOSMOS_HOME": str(home), "COLUMNS": "100", "TERM": "dumb"}

    def run(*words):
        command = [sys.executable, "-m", "kosmos_nb.cli", "profile", "experiment", *words]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        return done.returncode, done.stdout, done.stderr

    return run


def test_the_predecessors_command_line_works(experiment, tmp_path):
    words = "--experiment exp_2 --mode standard --compare exp_1 --output profile.json --top 50"
    code, out, error = experiment(*words.split())
    assert (code, error) == (0, "")
    assert "Profile of experiment exp_2" in out
    assert "1.3× faster: 5.92 s → 4.41 s" in out
    assert ProfileResult.from_json((tmp_path / "profile.json").read_text()).experiment_id == "exp_2"
    code, _, error = experiment(*words.split())
    assert code == 1 and "profile.json" in error
    assert json.loads(experiment("--experiment", "exp_1", "--json")[1])["experiment_id"] == "exp_1"


def test_an_experiment_that_is_not_there_is_one_line_with_what_is(experiment):
    for words in (("--experiment", "nope"), ("--experiment", "exp_1", "--mode", "full")):
        code, out, error = experiment(*words)
        assert (code, out) == (1, "")
        assert error.count("\n") == 1
        assert '"exp_1", "exp_2"' in error


def test_an_empty_history_says_so(tmp_path):
    environment = {**os.environ, "KOSMOS_HOME": str(tmp_path / "new")}
    for words, code in ((("list",), 0), (("show", "last"), 1)):
        done = subprocess.run(
            [sys.executable, "-m", "kosmos_nb.cli", "history", *words],
            env=environment, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == code
        assert "no profile yet" in done.stdout + done.stderr
