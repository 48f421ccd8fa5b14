"""Who a cell is: its notebook, its kernel, its id, and a hash of what it says."""

import hashlib
import os
import re
from functools import cache
from typing import Any

_KERNEL_FILE = re.compile(r"kernel-(.+)\.json$")


def code_hash(source: str, magic: str = "kosmos_profile") -> str:
    """Return SHA-256 of the source without the magic's own line, blank lines and trailing spaces."""
    lines = [line.rstrip() for line in source.splitlines()]
    if "%%" in source:
        own = _line_of(magic)
        kept = [line for line in lines if line and not own.match(line)]
    else:
        kept = [line for line in lines if line]
    return hashlib.sha256("\n".join(kept).encode("utf-8", "surrogatepass")).hexdigest()


@cache
def _line_of(magic: str) -> re.Pattern[str]:
    return re.compile(rf"\s*%%{magic}\b")


def cell_id(shell: Any, info: Any) -> str | None:
    """Return the Jupyter cell id of the running cell, None where the front end sends none."""
    given = getattr(info, "cell_id", None)
    if given:
        return str(given)
    kernel = getattr(shell, "kernel", None)
    if kernel is None or not hasattr(kernel, "get_parent"):
        return None
    metadata = (kernel.get_parent() or {}).get("metadata") or {}
    return str(metadata["cellId"]) if metadata.get("cellId") else None


def notebook(shell: Any) -> str | None:
    """Return the notebook's path where the front end tells it (some tell its name alone), else None."""
    path = os.environ.get("JPY_SESSION_NAME") or shell.user_ns.get("__vsc_ipynb_file__")
    return str(path) if path else None


def kernel_id(shell: Any) -> str:
    """Return the id in the kernel's connection file; `process-PID` where there is none."""
    parent = getattr(getattr(shell, "kernel", None), "parent", None)
    return _id_in(str(getattr(parent, "connection_file", ""))) or f"process-{os.getpid()}"


@cache
def _id_in(connection_file: str) -> str | None:
    match = _KERNEL_FILE.search(connection_file)
    return match[1] if match else None


def running_count(shell: Any) -> int:
    """Return the `In[…]` number of the cell that runs now.

    `shell.execution_count` is that number until IPython 8; IPython 9 counts up before the cell.
    """
    kept = getattr(shell.history_manager, "input_hist_parsed", None)
    return len(kept) - 1 if kept else int(shell.execution_count)
