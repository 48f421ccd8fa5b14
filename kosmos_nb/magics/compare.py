"""`%kosmos_compare`: two profiles of the history side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_magic, magics_class, no_var_expand

from kosmos_nb.magics import options as opt
from kosmos_nb.runtime import runtime

if TYPE_CHECKING:
    from kosmos_nb.history import ProfileDiff

PARSER = opt.OptionParser(
    "%kosmos_compare",
    "Compare two profiles of the history: what got slower, what got faster, and what is chance.\n"
    "Each is named by its id (or the beginning of it), by a label, or as last or previous; previous is\n"
    "the run before the last one of the same cell.",
    ["%kosmos_compare", "%kosmos_compare previous last", "%kosmos_compare baseline last"],
)
PARSER.add_argument("before", nargs="?", metavar="A", default="previous", help="The older one; previous.")
PARSER.add_argument("after", nargs="?", metavar="B", default="last", help="The newer one; last.")


@magics_class
class CompareMagics(Magics):
    """Two profiles side by side."""

    @no_var_expand
    @line_magic
    @opt.documented_by(PARSER)
    @opt.one_line_errors
    def kosmos_compare(self, line: str = "") -> ProfileDiff | None:
        """Replace this by the parser's own page."""
        options = PARSER.parse(line)
        if options.help:
            return None
        history = runtime().history
        newest = runtime().last_profile  # of this kernel; others go on meanwhile
        last = newest.id if newest is not None else None
        before, after = (history.find(name, last=last) for name in (options.before, options.after))
        if before == after:
            raise UsageError("%kosmos_compare: both are the same profile.")
        return history.compare(before, after)
