"""`%kosmos_screen` in a real kernel."""

import json

import pytest

from tests.kernel import running_kernel

LOAD = """
%load_ext kosmos_nb
import pandas as pd
from palmerpenguins import load_penguins
penguins = load_penguins()
n = range(120)
visits = pd.DataFrame({'patient': [f'p{i % 30}' for i in n], 'day': n, 'x': [i % 7 for i in n]})
other = pd.DataFrame({'two words': [1], 'tone': [2]})
"""


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    with running_kernel(env={"KOSMOS_HOME": str(home)}) as running:
        assert running.run(LOAD).error is None
        yield running


def test_a_look_is_the_cells_value_as_text_and_html(kernel):
    reply = kernel.run("%kosmos_screen penguins")
    assert reply.error is None
    assert set(reply.result) == {"text/plain", "text/html"}
    assert "344 rows × 8 columns" in reply.result["text/plain"].replace("\u202f", "")
    assert "<table" in reply.result["text/html"]
    assert len(json.dumps(reply.result)) < 40_000


def test_a_look_can_be_kept_and_told_the_design(kernel):
    reply = kernel.run("look = %kosmos_screen visits --unit patient --time day -o again")
    assert (reply.data, reply.stderr) == ([], "")
    assert kernel.value("look is again") == "True"
    assert "one `patient` belong to the same subject" in kernel.value("look.rows_are")


def test_the_same_as_a_function(kernel):
    assert kernel.value("__import__('kosmos_nb').screen(penguins).n_rows") == "344"


def test_what_is_saved_can_be_the_text_alone(kernel):
    kernel.run("%config Kosmos.saved_output = 'none'")
    assert set(kernel.run("%kosmos_screen other").result) == {"text/plain"}
    kernel.run("%config Kosmos.saved_output = 'summary'")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "Which data? Name a DataFrame: %kosmos_screen df. Tables here: other, penguins, visits."),
        ("pengins", "Did you mean 'penguins'?"),
        ("pd", "pd is a builtins.module, not a table"),
        ("penguins other", "nothing is expected at 'other'"),
        ("penguins --unit specie", "Did you mean 'species'?"),
        ("penguins --tiem year", "did you mean --time?"),
    ],
)
def test_bad_input_is_one_line_and_the_kernel_goes_on(kernel, line, said):
    reply = kernel.run(f"%kosmos_screen {line}")
    (told,) = [text for text in reply.text.strip().splitlines() if text.strip()]
    assert told.startswith("UsageError")
    assert said in told
    assert kernel.value("1 + 1") == "2"


def test_help_has_examples_and_the_page_is_the_same(kernel):
    shown = kernel.run("%kosmos_screen --help").stdout
    assert "%kosmos_screen penguins" in shown
    assert "--unit COL" in shown
    assert "No hypothesis is tested" in kernel.inspect("%kosmos_screen")


def test_the_tab_key_knows_tables_then_their_columns(kernel):
    assert kernel.complete("%kosmos_screen pen") == ["penguins"]
    assert {"other", "penguins"} <= set(kernel.complete("look = %kosmos_screen "))
    assert kernel.complete("%kosmos_screen penguins --unit sp") == ["species"]
    assert kernel.complete("%kosmos_screen penguins --t") == ["--time"]
