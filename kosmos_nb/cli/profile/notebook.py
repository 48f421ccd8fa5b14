"""A notebook in a fresh kernel, each of its code cells under a profile."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from rich.console import Console
from rich.text import Text

from kosmos_nb.core import ConfigError, ExecutionError, FileThereError
from kosmos_nb.history import ProfileResult, write_file
from kosmos_nb.profiling import READY, startup_line

if TYPE_CHECKING:
    from kosmos_nb.profiling import CellOptions

_FIRST_LINE_CHARACTERS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class CellProfile:
    """One cell's profile. `number` counts the code cells that ran, as `In[number]` does."""

    number: int
    source: str
    profile: ProfileResult


@dataclass(frozen=True, slots=True, kw_only=True)
class NotebookProfile:
    """What became of a notebook.

    Attributes:
        cells: The profiled cells, in order.
        of: Code cells that there are to run.
        problem: What ended it early, in one line; None where nothing did.
        exit_code: 0; 1 after a problem; 130 after Ctrl-C.
        unsaved: Why the executed notebook could not be written, in one line; None where it was.
    """

    cells: tuple[CellProfile, ...]
    of: int
    problem: str | None = None
    exit_code: int = 0
    unsaved: str | None = None


def run_notebook(file: Path, executed: Path | None, options: CellOptions) -> NotebookProfile:
    """Execute a notebook in a fresh kernel and profile its code cells.

    Args:
        file: The notebook; it is read and never written.
        executed: Where a copy with its outputs goes, also of one that failed; None for nowhere.
        options: How each cell is profiled.

    Raises:
        ExecutionError: It is no notebook, or its kernel cannot start or cannot import kosmos_nb.
    """
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # the debugger's advice is not for here
    notebook = _read(file)
    with tempfile.TemporaryDirectory(prefix="kosmos-") as folder, tempfile.TemporaryFile() as log:
        profiles = Path(folder)
        client = NotebookClient(
            notebook,
            timeout=None,
            kernel_name=notebook.metadata.get("kernelspec", {}).get("name") or "python3",
            resources={"metadata": {"path": str(file.resolve().parent)}},
            extra_arguments=[f"--IPKernelApp.code_to_run={startup_line(profiles, options)}"],
        )
        try:
            with _kernel(client, log):
                if not (profiles / READY).exists():
                    raise ExecutionError(
                        f"The notebook's kernel {client.kernel_name!r} cannot import kosmos_nb; install it "
                        f"there.{_last_line(log)}"
                    )
                ran = _Run(client, notebook, profiles, file.name, log).all_cells()
        finally:
            unsaved = None if executed is None else _write(notebook, executed)
    return dataclasses.replace(ran, unsaved=unsaved)


class _Run:
    """Goes through the cells of one notebook."""

    def __init__(self, client: Any, notebook: Any, folder: Path, name: str, log: IO[bytes]) -> None:
        self._client, self._notebook = client, notebook
        self._folder, self._name, self._log = folder, name, log
        self._cells: list[CellProfile] = []
        self._todo = [
            (index, cell)
            for index, cell in enumerate(notebook.cells)
            if cell.cell_type == "code" and cell.source.strip()
        ]

    def all_cells(self) -> NotebookProfile:
        console = Console(stderr=True)
        number = 0
        with console.status("") as status:
            for number, (index, cell) in enumerate(self._todo, 1):
                first = cell.source.strip().splitlines()[0][:_FIRST_LINE_CHARACTERS]
                status.update(Text(f"{self._name}: cell {number} of {len(self._todo)}  {first}"))
                try:
                    self._client.execute_cell(cell, index)
                except CellExecutionError as error:
                    self._take(number, cell)
                    return self._ended(f"cell {number} failed: {_one_line(error)}", 1)
                except DeadKernelError:
                    return self._ended(f"the kernel died in cell {number}.{_last_line(self._log)}", 1)
                except KeyboardInterrupt:
                    return self._ended(f"interrupted in cell {number}; its kernel was ended.", 130)
                self._take(number, cell)
        return self._ended(None, 0)

    def _ended(self, problem: str | None, exit_code: int) -> NotebookProfile:
        told = None if problem is None else f"{self._name}: {problem}"
        return NotebookProfile(
            cells=tuple(self._cells), of=len(self._todo), problem=told, exit_code=exit_code
        )

    def _take(self, number: int, cell: Any) -> None:
        """Take the profile that the kernel wrote before it answered."""
        for file in sorted(self._folder.glob("*.json")):
            profile = ProfileResult.from_json(file.read_text("utf-8"))
            file.unlink()
            known = dataclasses.replace(profile, notebook=self._name, cell_id=cell.get("id"))
            self._cells.append(CellProfile(number=number, source=cell.source, profile=known))


@contextlib.contextmanager
def _kernel(client: Any, log: IO[bytes]) -> Iterator[None]:
    from jupyter_client.kernelspec import NoSuchKernel  # noqa: PLC0415 - as nbclient does

    try:
        with client.setup_kernel(stderr=log, stdout=log):
            yield
    except NoSuchKernel as error:
        raise ExecutionError(f"There is no kernel {error.name!r} here, which the notebook wants.") from error
    except RuntimeError as error:  # nbclient's word for a kernel that did not come up
        raise ExecutionError(f"The kernel could not be started: {error}.{_last_line(log)}") from error


def _read(file: Path) -> Any:
    if file.is_dir():
        raise ExecutionError(f"{file} is a folder. Name a notebook in it.")
    if not file.exists():
        raise ExecutionError(f"There is no file {file}.")
    try:
        notebook = nbformat.read(file, as_version=4)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, KeyError, AttributeError, nbformat.ValidationError) as error:
        raise ExecutionError(f"{file} cannot be read as a notebook: {_one_line(error)}") from error
    language = notebook.metadata.get("kernelspec", {}).get("language") or "python"
    if language.lower() != "python":
        raise ExecutionError(f"{file} is a notebook in {language}; only Python can be profiled.")
    return notebook


def _write(notebook: Any, file: Path) -> str | None:
    """Write the executed notebook, and return what went wrong: the profiles are worth showing still."""
    text = nbformat.writes(notebook)  # type: ignore[no-untyped-call]
    try:
        write_file(file, f"{text}\n", overwrite=False)
    except FileThereError:
        return f"The executed notebook is not saved: {file} is there already, and is not overwritten."
    except ConfigError as error:
        return f"The executed notebook is not saved: {error}"
    return None


def _one_line(error: Exception) -> str:
    if isinstance(error, CellExecutionError):
        return f"{error.ename}: {error.evalue}".splitlines()[0]
    return (str(error) or type(error).__name__).splitlines()[0]


def _last_line(log: IO[bytes]) -> str:
    """Return the last thing that the kernel said, if anything."""
    log.seek(0)
    lines = log.read().decode(errors="replace").splitlines()
    said = [line.strip() for line in lines if line.strip() and "] WARNING |" not in line]
    return f" The kernel said: {said[-1]}" if said else ""
