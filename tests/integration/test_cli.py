"""The command `kosmos`, run as a user runs it."""

import json
import os
import signal
import subprocess
import sys

import nbformat
import numpy as np
import pandas as pd
import pytest
from palmerpenguins import load_penguins

from kosmos_nb.history import History
from tests.waiting import until


@pytest.fixture
def kosmos(tmp_path):
    environment = {**os.environ, "KOSMOS_HOME": str(tmp_path / "home"), "COLUMNS": "100", "TERM": "dumb"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)

    def start(*words):
        command = [sys.executable, "-m", "kosmos_nb.cli", *words]
        return subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def run(*words):
        process = start(*words)
        out, error = process.communicate(timeout=120)
        return process.returncode, out, error

    run.start = start
    return run


def only_folder(folder):
    (found,) = folder.iterdir()
    return found


def test_the_demo_answers_keeps_and_executes(kosmos, tmp_path):
    code, out, error = kosmos("demo")
    assert (code, error) == (0, "")
    assert "What drives flipper length?" in out
    for word in ("✓ supported", "? inconclusive", "simpson", "corr. p", "slowest step", "peak memory"):
        assert word in out
    results = only_folder(tmp_path / "demo-results")
    verdicts = pd.read_csv(results / "verdicts.csv")
    assert len(verdicts) == 101
    depth = verdicts[(verdicts.x == "bill_depth_mm") & (verdicts.y == "flipper_length_mm")].iloc[0]
    assert depth.verdict == "inconclusive"
    assert "<script" not in (results / "report.html").read_text()
    notebook = nbformat.read(results / "01_first_steps.ipynb", as_version=4)
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    assert "text/html" in json.dumps(notebook)
    with History(tmp_path / "home") as history:
        assert len(history.runs()) == 2  # the demo's own and the notebook's
        assert set(history.sql("SELECT kind FROM executions").kind) == {"block", "cell"}


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet"])
def test_the_demo_does_the_same_on_a_table_of_ones_own(kosmos, tmp_path, ending):
    rng = np.random.default_rng(0)
    rides = pd.DataFrame({"distance": rng.gamma(2, 2, 300), "city": rng.choice(["Bonn", "Köln"], 300)})
    rides["duration"] = rides.distance * 3 + rng.normal(size=300)
    file = tmp_path / f"rides.{ending}"
    if ending == "parquet":
        rides.to_parquet(file)
    else:
        rides.to_csv(file, index=False, sep="," if ending == "csv" else "\t")
    code, out, _ = kosmos("demo", "--data", file.name, "--question", "What drives trip duration?")
    assert code == 0
    assert "duration ~ distance" in out
    notebook = (only_folder(tmp_path / "demo-results") / "01_first_steps.ipynb").read_text()
    assert "What drives trip duration?" in notebook


def test_dates_and_separators_of_a_text_table_are_understood(kosmos, tmp_path):
    days = pd.date_range("2024-01-01", periods=100)
    table = pd.DataFrame({"day": days, "sales": np.arange(100) + np.tile([0, 9], 50)})
    table.to_csv(tmp_path / "sales.csv", index=False, sep=";")
    code, out, _ = kosmos("demo", "--data", "sales.csv", "--no-notebook")
    assert code == 0
    assert "sales ~ day" in out
    assert "✓ supported" in out


def test_a_table_without_numbers_works_to_the_end(kosmos, tmp_path):
    load_penguins()[["species", "island", "sex"]].to_csv(tmp_path / "words.csv", index=False)
    code, out, error = kosmos("demo", "--data", "words.csv", "--target", "species")
    assert (code, error) == (0, "")
    assert "species ~ island" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--data", "missing.csv"], "There is no file missing.csv"),
        (["--data", "."], "is a folder"),
        (["--data", "notes.docx"], "neither CSV nor Parquet"),
        (["--data", "broken.parquet"], "cannot be read as a table"),
        (["--data", "empty.csv"], "cannot be read as a table"),
        (["--data", "header.csv"], "no rows"),
        (["--data", "one.csv"], "only 'a' varies"),
        (["--target", "flipper"], "Did you mean 'flipper_length_mm'?"),
    ],
)
def test_bad_input_is_one_line_and_an_exit_code(kosmos, tmp_path, words, message):
    for name, text in {
        "notes.docx": "x",
        "broken.parquet": "x",
        "empty.csv": "",
        "header.csv": "a,b\n",
        "one.csv": "a,b\n1,1\n2,1\n3,1\n",
    }.items():
        (tmp_path / name).write_text(text)
    code, _, error = kosmos("demo", *words)
    assert code == 1
    assert error.startswith("kosmos: ")
    assert message in error
    assert len(error.strip().splitlines()) == 1


def test_brackets_mixed_types_and_line_breaks_do_no_harm(kosmos, tmp_path):
    frame = load_penguins()
    frame["odd"] = [1, "two"] * (len(frame) // 2)
    file = tmp_path / "[red]birds[" / "old].csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    frame.to_csv(file, index=False)
    code, out, error = kosmos("demo", "--data", str(file), "--question", "What drives\nflipper length?")
    assert (code, error) == (0, "")
    assert "old].csv" in out


def test_an_unknown_option_names_itself(kosmos):
    code, _, error = kosmos("demo", "--dat", "x.csv")
    assert code == 2
    assert "--dat" in error


def test_ctrl_c_ends_the_demo_and_its_workers(kosmos, tmp_path):
    import psutil

    rng = np.random.default_rng(0)
    wide = pd.DataFrame(rng.normal(size=(100_000, 30))).rename(columns=lambda name: f"c{name}")
    wide.to_parquet(tmp_path / "wide.parquet")
    process = kosmos.start("demo", "--data", "wide.parquet")
    workers = until(lambda: psutil.Process(process.pid).children(recursive=True))
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "interrupted" in error
    until(lambda: not any(worker.is_running() and worker.status() != "zombie" for worker in workers))


def test_results_of_two_demos_never_overwrite_each_other(kosmos, tmp_path):
    assert kosmos("demo", "--no-notebook")[0] == 0
    assert kosmos("demo", "--no-notebook")[0] == 0
    assert len(list((tmp_path / "demo-results").iterdir())) == 2


def test_help_shows_examples_and_version_is_said(kosmos):
    code, out, _ = kosmos("demo", "--help")
    assert code == 0
    assert "kosmos demo --data rides.csv" in out
    code, out, _ = kosmos("--version")
    assert (code, out.split()[0]) == (0, "kosmos_nb")


def test_the_command_line_imports_no_widgets_and_no_kernel():
    heavy = ("anywidget", "ipywidgets", "ipykernel")
    code = f"import sys, kosmos_nb.cli; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
