"""What a profile knows of the data that its cell read, and whether the kernel was warm."""

import pytest

from tests.kernel import running_kernel


@pytest.fixture(scope="module")
def kernel():
    with running_kernel(load=True) as running:
        running.run("import numpy as np, pandas as pd\ndf = pd.DataFrame({'a': range(342), 'b': 1.0})")
        yield running


def inputs(kernel, code):
    assert kernel.run(f"%%kosmos_profile --quiet --mode light -o p\n{code}").error is None
    return eval(kernel.value("[(i.name, i.kind, i.rows, i.columns) for i in p.inputs]"))


def test_frames_and_arrays_that_a_cell_names_are_told_as_they_were_at_its_begin(kernel):
    kernel.run("cube = np.zeros((10, 3, 4)); scalar = np.array(1); words = ['a']; unused = df.copy()")
    assert inputs(kernel, "df = df.head(5); cube.sum() + scalar; words; s = df.a") == [
        ("cube", "numpy.ndarray", 10, 12),
        ("df", "pandas.DataFrame", 342, 2),
        ("scalar", "numpy.ndarray", 1, 1),
    ]
    assert inputs(kernel, "len(df); s") == [("df", "pandas.DataFrame", 5, 2), ("s", "pandas.Series", 5, 1)]
    assert kernel.value("p.input_cells") == "15"


def test_a_name_that_a_cell_gives_a_new_value_is_not_read(kernel):
    kernel.run("old = np.zeros(9); both = np.zeros(8)")
    assert inputs(kernel, "old = np.ones(3)\nboth = both + 1\nold == both[:3]") == [
        ("both", "numpy.ndarray", 8, 1)
    ]


def test_a_cell_is_warm_when_the_kernel_has_run_its_code_before(kernel):
    code = "%%kosmos_profile --quiet --mode light -o p\nn = 1"
    kernel.run(code)
    assert kernel.value("p.is_warm") == "False"
    kernel.run(code)
    assert kernel.value("p.is_warm") == "True"
    kernel.run("%%kosmos_profile --quiet --mode light -o p\n1 / 0")
    kernel.run("%%kosmos_profile --quiet --mode light -o p\n1 / 0")
    assert kernel.value("p.is_warm") == "False"  # it never came to its end


def test_values_that_misbehave_are_left_alone(kernel):
    kernel.run(
        "class Lies:\n    @property\n    def __class__(self): raise SystemError('asked')\n"
        "class Odd(np.ndarray):\n    @property\n    def shape(self): raise SystemError('asked')\n"
        "lies, odd = Lies(), np.zeros(3).view(Odd)"
    )
    assert inputs(kernel, "lies; odd; 1") == []


def test_what_was_read_is_there_in_the_history(kernel):
    assert inputs(kernel, "df.sum()")
    kernel.run(
        "from kosmos_nb import History\nfrom kosmos_nb.runtime import runtime; runtime().history.flush(60)"
    )
    query = "SELECT i.name, i.rows, e.is_warm FROM inputs i JOIN executions e ON e.id = i.execution_id"
    assert "'df'" in kernel.value(f"History().sql({query!r}).values.tolist()")
