"""What changed between two profiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kosmos_nb.core import render
from kosmos_nb.history.records import saving
from kosmos_nb.history.records.base import Drawn
from kosmos_nb.history.records.profile import ProfileResult

if TYPE_CHECKING:
    import os
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One function, or one line of the cell, in both profiles.

    Attributes:
        name, file, line: The function; of a line its text, and its number in the newer profile
            (in the older one where it is gone).
        before_s, after_s: Wall seconds; zero where it was not seen. A function's own, which add up;
            of a line, with all that it called.
        error_s: Half width of the 95 % interval of the difference, from the sampling of both.
    """

    name: str
    file: str
    line: int
    before_s: float
    after_s: float
    error_s: float

    @property
    def change_s(self) -> float:
        """Seconds more than before; negative where it got faster."""
        return self.after_s - self.before_s

    @property
    def is_clear(self) -> bool:
        """Whether the difference is more than sampling can explain."""
        return abs(self.change_s) > self.error_s


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffNode:
    """One frame of both call trees laid over each other; seconds with all that it called."""

    name: str
    file: str
    line: int
    before_s: float
    after_s: float
    before_self_s: float
    after_self_s: float
    children: tuple[DiffNode, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileDiff(Drawn):
    """Two profiles side by side.

    Attributes:
        before, after: The profiles.
        functions, lines: What took time in either, the largest slow-down first. Functions are matched
            by name and file, lines by their text, so that an edit above them changes nothing.
            Empty where either profile has no samples: only the clocks can be compared then.
        tree: Both call trees laid over each other by path; None unless both have one.
        notes: What makes the two hard to compare: other mode, other machine, other code.
    """

    before: ProfileResult
    after: ProfileResult
    functions: tuple[Change, ...] = ()
    lines: tuple[Change, ...] = ()
    tree: DiffNode | None = None
    notes: tuple[str, ...] = ()

    def to_page(self) -> str:
        """Return a whole HTML page that needs nothing else and prints well."""
        return str(render.render(self, render.PAGE))

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write the comparison as an HTML page.

        Args:
            path: Ends in `.html`.
            overwrite: Whether a file that is there may be replaced.

        Returns:
            The path, with `~` resolved.

        Raises:
            ConfigError: The ending is another one, or the file cannot be written.
            FileThereError: There is such a file, and `overwrite` is False.
        """
        return saving.save(self, {".html": ProfileDiff.to_page}, path, overwrite=overwrite)
