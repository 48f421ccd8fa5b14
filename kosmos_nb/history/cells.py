"""Which cell a run belongs to: the same one across edits, sessions and renames of its notebook.

A front end gives each cell an id, which edits keep and a pasted copy does not. A copied notebook,
though, has the ids of the first one. So a cell is its id and its notebook's path; and where the id turns
up at a path that the history does not know,

- the other notebook's file is gone: it was renamed or moved, and the cell is the same;
- the other file is there: it was copied, and the cell is a new one.

Where no id is given, the cell is its code; so it is for the ids that VS Code makes up for notebooks
without any (before nbformat 4.5), which count the cells anew whenever the file is opened. The rule is in
docs/design/history.md.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

_PASSING = "vscode-notebook-cell:"
_NEWEST = """
SELECT notebook, cell_key FROM executions
WHERE cell_id = ? AND kind = 'cell' AND origin = (SELECT content FROM meta WHERE key = 'origin')
ORDER BY seq DESC LIMIT 1
"""
_PLACES = """
SELECT notebook, cell_key, max(seq) AS newest FROM executions
WHERE cell_id = ? AND kind = 'cell' AND origin = (SELECT content FROM meta WHERE key = 'origin')
GROUP BY notebook, cell_key ORDER BY newest DESC
"""


def is_there(path: Path) -> bool:
    """Whether a path leads to something; also where nobody can tell, as behind a mount that was lost."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def cell_key(
    connection: sqlite3.Connection,
    run: Mapping[str, Any],
    *,
    is_there: Callable[[Path], bool] = is_there,
) -> str | None:
    """Return the key of a run's cell; for a cell that is new, the run's own id.

    Args:
        connection: On the store, within a transaction.
        run: Row of `executions`: `id`, `kind`, `cell_id`, `notebook` and `code_hash`.
        is_there: Whether a path leads to a file.
    """
    if run["kind"] != "cell" or not run["cell_id"] or run["cell_id"].startswith(_PASSING):
        return run["code_hash"] or None
    newest = connection.execute(_NEWEST, (run["cell_id"],)).fetchone()
    if newest is None:
        return str(run["id"])
    if _is_same_path(newest[0], run["notebook"]):
        return str(newest[1])
    return _among(connection.execute(_PLACES, (run["cell_id"],)).fetchall(), run, is_there)


def _among(places: list[Any], run: Mapping[str, Any], is_there: Callable[[Path], bool]) -> str:
    """Choose among the places where the id was seen, the newest first; the newest is elsewhere."""
    lives: dict[str, str | None] = {}  # where each cell was seen last
    for notebook, key, _ in places:
        lives.setdefault(key, notebook)
    for key, notebook in lives.items():
        if _is_same_path(notebook, run["notebook"]):
            return key
    for key, notebook in lives.items():
        if notebook and Path(notebook).is_absolute() and not is_there(Path(notebook)):
            return key
    return str(run["id"])


def _is_same_path(one: str | None, other: str | None) -> bool:
    """Older versions kept the notebook's name alone, and some front ends give no more."""
    here, there = Path(one or ""), Path(other or "")
    return here == there or (here.name == there.name and not (here.is_absolute() and there.is_absolute()))
