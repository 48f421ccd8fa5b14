"""Who is on the other side: a front end that shows live views, a runner that only records, or a terminal."""

from __future__ import annotations

import sys
from typing import Any


def parent_metadata(shell: Any) -> dict[str, Any]:
    """Return the metadata of the request that the kernel is answering; empty in a terminal."""
    metadata = _parent(shell).get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def cell_at_tab(shell: Any) -> tuple[str, int] | None:
    """Return the cell in which the Tab key was pressed, and where; None in a terminal."""
    parent = _parent(shell)
    if parent.get("header", {}).get("msg_type") != "complete_request":
        return None
    cell, cursor = parent["content"]["code"], parent["content"].get("cursor_pos")
    return cell, len(cell) if cursor is None else cursor


def _parent(shell: Any) -> dict[str, Any]:
    """Return the request that the kernel is answering; empty in a terminal."""
    kernel = getattr(shell, "kernel", None)
    if kernel is None:
        return {}
    parent = kernel.get_parent() if hasattr(kernel, "get_parent") else kernel._parent_header
    return parent or {}


def is_live(shell: Any) -> bool:
    """Whether a person's front end is connected, where widgets can be shown and updated.

    JupyterLab, Notebook 7 and VS Code name the cell in every request; nbconvert, nbclient,
    papermill and nbval do not. Colab does not either, but is known by its own package.
    """
    if getattr(shell, "kernel", None) is None:
        return False
    return "cellId" in parent_metadata(shell) or "google.colab" in sys.modules


def is_terminal(shell: Any) -> bool:
    """Whether this is IPython in a terminal."""
    return getattr(shell, "kernel", None) is None
