"""`%kosmos_history`: the newest profiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from IPython.core.magic import Magics, line_magic, magics_class, no_var_expand

from kosmos_nb.magics import options as opt
from kosmos_nb.runtime import runtime

if TYPE_CHECKING:
    import pandas as pd

NO_REGRESSION = "No cell with 11 or more runs became slower for good."

PARSER = opt.OptionParser(
    "%kosmos_history",
    "Show the newest profiles of this user's history, of all kernels, as a DataFrame.",
    [
        "%kosmos_history",
        "%kosmos_history --last 5",
        "%kosmos_history --label training",
        "%kosmos_history --regressions",
    ],
)
PARSER.add_argument("--last", type=opt.whole_number, metavar="N", default=20, help="How many rows; 20.")
PARSER.add_argument("--label", metavar="NAME", help="Only profiles with this label.")
PARSER.add_argument(
    "--cell",
    metavar="KEY",
    help="Only this cell: its Jupyter id, its key, or the beginning of its code hash.",
)
PARSER.add_argument(
    "--regressions",
    action="store_true",
    help="Where cells became slower for good instead, and what changed with it; the newest first.",
)


@magics_class
class HistoryMagics(Magics):
    """The history as a table."""

    @no_var_expand
    @line_magic
    @opt.documented_by(PARSER)
    @opt.one_line_errors
    def kosmos_history(self, line: str = "") -> pd.DataFrame | None:
        """Replace this by the parser's own page."""
        options = PARSER.parse(line)
        if options.help:
            return None
        history = runtime().history
        if not options.regressions:
            return history.last(options.last, label=options.label, cell=options.cell)
        found = history.regressions(label=options.label, cell=options.cell)
        if found.empty:
            print(NO_REGRESSION)
            return None
        return found.head(options.last)
