"""An IPython shell of this process with our extension, for what is measured as a cell."""

from __future__ import annotations

import contextlib
import io
from typing import Any

from kosmos_nb.history import ProfileResult


class Stage:
    """Runs cells; a cell's own output and traceback are not shown."""

    def __init__(self) -> None:
        from IPython.core.interactiveshell import InteractiveShell

        self.shell: Any = InteractiveShell.instance()
        self.shell.run_line_magic("load_ext", "kosmos_nb")

    def run(self, cell: str, names: dict[str, object]) -> None:
        """Run a cell that may fail."""
        self.shell.user_ns.update(names)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            self.shell.run_cell(cell, store_history=False)

    def profile(self, mode: str, cell: str, names: dict[str, object]) -> ProfileResult:
        """Run a cell under a mode and return its profile; line 1 of the cell is the magic's.

        Raises:
            RuntimeError: There is no profile.
        """
        import kosmos_nb

        self.shell.user_ns.pop("_profile", None)
        self.run(f"%%kosmos_profile --mode {mode} --quiet -o _profile\n{cell}", names)
        result = self.shell.user_ns.get("_profile")
        if not isinstance(result, ProfileResult):
            raise RuntimeError(f"the cell gave no profile in {mode} mode; the newest is {kosmos_nb.last()}")
        return result
