"""`--always`: which mode every cell is profiled in, and the one status line that tells of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs
from IPython.display import TextDisplayObject, display

from kosmos_nb.core import ConfigError, units

if TYPE_CHECKING:
    from IPython.display import DisplayHandle

    from kosmos_nb.config import Kosmos
    from kosmos_nb.history import ProfileResult


_NAMED = 3
_SEE = "see kosmos_nb.last(), %kosmos_history"


def always_mode(kosmos: Kosmos) -> str:
    """Return the mode for cells that do not ask, or `off`.

    This is asked at every cell. The settings behind the default take a tenth of a second to
    import, so they are read only where something from outside could have set it.

    Raises:
        ConfigError: What was set outside makes no sense; the second time it is `off`.
    """
    if not kosmos.trait_has_value("always") and not _is_set_outside():
        kosmos.always = "off"
    try:
        return str(kosmos.always)
    except ConfigError:
        kosmos.always = "off"  # said once, not at every cell
        raise


def _is_set_outside() -> bool:
    config = platformdirs.user_config_path("kosmos_nb", appauthor=False) / "config.toml"
    return (
        any(name.upper() == "KOSMOS_ALWAYS" for name in os.environ)
        or Path(".env").exists()
        or config.exists()
    )


class _Line(TextDisplayObject):
    """A line of text, the same in every front end."""

    def __init__(self, text: str) -> None:
        super().__init__(data=text)

    def __repr__(self) -> str:
        return str(self.data)


class StatusLine:
    """One line below the cell that said `--always`; it changes in place as cells are profiled."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._handle: DisplayHandle | None = None
        self._mode = "off"
        self._cells = 0
        self._slower: dict[str, str] = {}  # cells that ran slower than usual when they ran last

    def show(self, mode: str) -> None:
        """Write the line for a new mode."""
        self._mode, self._cells = mode, 0
        self._slower.clear()
        text = "no longer profiles every cell" if mode == "off" else f"profiles every cell ({mode}); {_SEE}"
        self._handle = display(_Line(f"kosmos_nb {text}"), display_id=True)

    def add(self, profile: ProfileResult) -> None:
        """Tell of one more cell. A terminal cannot change what is written, and stays silent."""
        if self._handle is None or getattr(self._shell, "kernel", None) is None:
            return
        self._cells += 1
        cells = "1 cell" if self._cells == 1 else f"{self._cells} cells"
        count = f"[{profile.execution_count}] " if profile.execution_count is not None else ""
        how = "" if profile.status == "ok" else f", {profile.status}"
        self._handle.update(
            _Line(
                f"kosmos_nb profiles every cell ({self._mode}): {cells}; last {count}"
                f"{units.seconds(profile.wall_s)}, CPU {units.seconds(profile.cpu_s)}, "
                f"peak {units.size(profile.peak_bytes)}{how}{self._notice(profile)}; {_SEE}"
            )
        )

    def _notice(self, profile: ProfileResult) -> str:
        """Name the cells that are slower than usual, by the number of their run; the newest last."""
        cell, standing = profile.cell_id or profile.code_hash, profile.standing
        self._slower.pop(cell, None)
        if standing is not None and standing.is_notable and standing.ratio is not None:
            self._slower[cell] = f"[{profile.execution_count}] {standing.ratio:.1f}×"
        named = list(self._slower.values())[-_NAMED:]
        return f"; ▲ slower than usual: {', '.join(named)}" if named else ""
