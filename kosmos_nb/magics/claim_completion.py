"""The Tab key in the body of `%%kosmos_research`: the columns of its table."""

from __future__ import annotations

import re

from kosmos_nb.magics.completion import BodyCompleter, Candidate
from kosmos_nb.magics.names import column_names
from kosmos_nb.magics.research_options import frame_of

# Another cell magic may stand above it, as %%kosmos_profile does.
_CELL = re.compile(r"\s*(?:%%\w[^\n]*\n\s*)*?%%kosmos_research\b([^\n]*)\n")


class ClaimCompleter(BodyCompleter):
    """Columns, in backticks where they need them."""

    def _candidates(self, cell: str, cursor: int) -> tuple[str, list[Candidate]]:
        head = _CELL.match(cell)
        if head is None or cursor < head.end():
            return "", []
        frame = frame_of(self._shell.user_ns, re.split(r"[\s=]+", head[1]))
        if frame is None:
            return "", []
        from kosmos_nb.inquiry.formulas import folded, written  # noqa: PLC0415 - numpy, not before the Tab key

        begun = begun_at(cell[cell.rfind("\n", 0, cursor) + 1 : cursor])
        start = folded(begun.removeprefix("`"))
        fitting = [name for name in column_names(frame) if name and folded(name).startswith(start)]
        return begun, [Candidate(written(name), "param") for name in fitting]


def begun_at(line: str) -> str:
    """Return the name that the end of a line has begun, from its backtick where one is open."""
    from kosmos_nb.inquiry.formulas import is_letter  # noqa: PLC0415 - as above

    if line.count("`") % 2:
        return line[line.rfind("`") :]
    start = len(line)
    while start and is_letter(line[start - 1]):
        start -= 1
    return line[start:]
