"""`%kosmos_history`: the newest profiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from IPython.core.magic import Magics, line_magic, magics_class, no_var_expand

from kosmos_nb.magics import options as opt
from kosmos_nb.runtime import runtime

if TYPE_CHECKING:
    import pandas as pd

FLUSH_S = 5.0

PARSER = opt.OptionParser(
    "%kosmos_history",
    "Show the newest profiles of this user's history, of all kernels, as a DataFrame.",
    ["%kosmos_history", "%kosmos_history --last 5", "%kosmos_history --label training"],
)
PARSER.add_argument("--last", type=opt.whole_number, metavar="N", default=20, help="How many rows; 20.")
PARSER.add_argument("--label", metavar="NAME", help="Only profiles with this label.")
PARSER.add_argument(
    "--cell", metavar="KEY", help="Only this cell: its Jupyter id, or the beginning of its code hash."
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
        history.flush(FLUSH_S)  # so that the cell before this one is in it
        return history.last(options.last, label=options.label, cell=options.cell)
