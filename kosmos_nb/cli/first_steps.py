"""The first notebook, executed on a table by a kernel of its own."""

from __future__ import annotations

import os
import shlex
import tempfile
from importlib import resources
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from kosmos_nb.core import ExecutionError
from kosmos_nb.inquiry import as_table

if TYPE_CHECKING:
    import pandas as pd

NAME = "01_first_steps.ipynb"
CELL_TIMEOUT_S = 120


def notebook_source() -> Path:
    """Return the notebook's place: in the wheel beside this file, in a checkout in `notebooks/`."""
    shipped = Path(str(resources.files("kosmos_nb.cli"))) / NAME
    checkout = Path(__file__).parents[2] / "notebooks" / NAME
    found = next((path for path in (shipped, checkout) if path.is_file()), None)
    if found is None:
        raise ExecutionError(
            f"The notebook {NAME} is missing from this installation; install kosmos-nb again."
        )
    return found


def execute(frame: pd.DataFrame, question: str, column: str | None, name: str, target: Path) -> None:
    """Execute the first notebook on `frame` and write it, with its outputs, to `target`.

    Args:
        frame: The table; a copy lies beside the notebook afterwards, so that it can be run again.
        question: Asked in the notebook. column: The run's target, None for none.
        name: What the table is called.
        target: The file to write; its folder exists.

    Raises:
        ExecutionError: A cell failed; the notebook up to there is at `target`.
    """
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # the debugger's advice is not for here
    import nbformat  # noqa: PLC0415 - with nbclient 0.3 s; only who executes a notebook pays
    from nbclient import NotebookClient  # noqa: PLC0415
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError  # noqa: PLC0415
    from pyarrow import parquet  # noqa: PLC0415

    notebook: Any = nbformat.read(notebook_source(), as_version=4)  # type: ignore[no-untyped-call]
    copy = target.parent / "data.parquet"
    parquet.write_table(as_table(frame, name=name)[0], copy)  # as the run took it
    _set_parameters(notebook, column, data=copy.name, question=" ".join(question.split()), name=name)
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT_S,
        kernel_name="python3",
        resources={"metadata": {"path": str(target.parent)}},
    )
    with tempfile.TemporaryFile() as log:  # what libraries say at the kernel's end is not the user's
        try:
            client.execute(stderr=log)
        except CellExecutionError as error:
            raise ExecutionError(f"A cell of {NAME} failed: {error.ename}: {error.evalue}") from error
        except (CellTimeoutError, DeadKernelError) as error:
            last = _last_line(log)
            raise ExecutionError(
                f"{NAME} could not be executed: {str(error).splitlines()[0]}{last}"
            ) from error
        finally:
            nbformat.write(notebook, target)  # type: ignore[no-untyped-call]


def _last_line(log: IO[bytes]) -> str:
    """Return the last thing that the kernel said, if anything."""
    log.seek(0)
    lines = log.read().decode(errors="replace").strip().splitlines()
    return f" The kernel said: {lines[-1]}" if lines else ""


def _set_parameters(notebook: Any, column: str | None, *, question: str, **values: str) -> None:
    """Fill in the cell tagged `parameters` and the question of the cell tagged `research`."""
    lines = [f"{key} = {value!r}" for key, value in {"question": question, **values}.items()]
    about = f"--target {shlex.quote(column)} " if column is not None else ""
    sources = {
        "parameters": "\n".join(lines),
        "research": f"%kosmos_research {shlex.quote(question)} --data df {about}-o run",
    }
    for tag, source in sources.items():
        tagged = [cell for cell in notebook.cells if tag in cell.metadata.get("tags", ())]
        if len(tagged) != 1:
            raise ExecutionError(f"{NAME} should have one cell tagged {tag!r}, not {len(tagged)}.")
        tagged[0].source = source
