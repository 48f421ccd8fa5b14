"""A cell is the same across edits, sessions and renames; copies are new. With real kernels and files."""

from pathlib import Path

import pytest

from kosmos_nb.core import uuid7
from kosmos_nb.history import History
from tests.kernel import running_kernel
from tests.samples import profile

CELL, OTHER = "b7f3a1c2", "0d9e4b55"


@pytest.fixture
def nb(tmp_path):
    """A folder with the notebooks, beside the history."""
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


def run(home: Path, notebook: Path | None, *cells: tuple[str | None, str]) -> list[str]:
    """Run cells in a kernel of that notebook, as JupyterLab asks for them; return the cells' keys."""
    env = {"KOSMOS_HOME": str(home), "JPY_SESSION_NAME": str(notebook) if notebook else None}
    with running_kernel(env, load=True) as kernel:
        for cell_id, code in cells:
            reply = kernel.run(code, cell_id)
            assert reply.status == "ok", reply.error
        kernel.run("from kosmos_nb.runtime import runtime; runtime().history.flush()")
    with History(home) as history:
        return history.last(len(cells)).cell_key.tolist()[::-1]


def profiled(code: str) -> str:
    return f"%%kosmos_profile --mode light --quiet\n{code}"


def test_a_cell_is_the_same_across_edits_sessions_and_a_rename_of_its_notebook(tmp_path, nb):
    first, second = nb / "one.ipynb", nb / "two.ipynb"
    first.touch()
    keys = run(
        tmp_path, first, (CELL, profiled("a = 1")), (CELL, profiled("a = 2")), (OTHER, profiled("a = 2"))
    )
    assert keys[0] == keys[1] != keys[2]
    first.rename(second)
    assert run(tmp_path, second, (CELL, profiled("a = 3"))) == [keys[0]]


def test_a_copied_notebook_has_cells_of_its_own(tmp_path, nb):
    first, second = nb / "one.ipynb", nb / "two.ipynb"
    first.touch()
    second.touch()
    (key,) = run(tmp_path, first, (CELL, profiled("a = 1")))
    (copied,) = run(tmp_path, second, (CELL, profiled("a = 1")))
    assert copied != key
    assert run(tmp_path, first, (CELL, profiled("a = 1"))) == [key]
    assert run(tmp_path, second, (CELL, profiled("a = 4"))) == [copied]


def test_without_a_cell_id_the_cell_is_its_code(tmp_path):
    keys = run(
        tmp_path, None, (None, profiled("a = 1")), (None, profiled("a = 1\n\n")), (None, profiled("a = 2"))
    )
    assert keys[0] == keys[1] != keys[2]


def test_a_notebook_renamed_there_and_back_and_copied_is_told_apart(tmp_path, nb):
    one, two = nb / "one.ipynb", nb / "two.ipynb"
    with History(tmp_path) as history:

        def key(notebook: Path) -> str:
            record = profile(id=uuid7(), cell_id=CELL, notebook=str(notebook))
            history.save(record)
            return history.last(1).cell_key[0]

        one.touch()
        first = key(one)
        one.rename(two)
        assert key(two) == first
        two.rename(one)
        assert key(one) == first
        one.rename(two)
        assert key(two) == first
        one.touch()  # a copy under the old name: the cell lives in `two` now
        copied = key(one)
        assert copied != first
        assert (key(two), key(one)) == (first, copied)


def test_a_front_end_that_tells_no_path_or_the_name_alone_keeps_its_cells(tmp_path):
    with History(tmp_path) as history:
        keys = set()
        for notebook in ("one.ipynb", "/deep/one.ipynb", "one.ipynb"):
            history.save(profile(id=uuid7(), cell_id=CELL, notebook=notebook))
            keys.add(history.last(1).cell_key[0])
        assert len(keys) == 1
        history.save(profile(id=uuid7(), cell_id=CELL, notebook=None))
        assert history.last(1).cell_key[0] not in keys


def test_an_expression_is_its_own_code_wherever_it_stands(tmp_path):
    with History(tmp_path) as history:
        history.save(profile(id=uuid7(), kind="expression", cell_id=CELL, notebook="one.ipynb"))
        assert history.last(1).cell_key[0] == profile().code_hash


def test_an_id_that_vs_code_makes_up_is_none(tmp_path):
    with History(tmp_path) as history:
        made_up = "vscode-notebook-cell:/data/old.ipynb#W0sZmlsZQ%3D%3D"
        history.save(profile(id=uuid7(), cell_id=made_up, notebook="/data/old.ipynb"))
        assert history.last(1).cell_key[0] == profile().code_hash
