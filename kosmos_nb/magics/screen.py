"""`%kosmos_screen`: a first look at a table, before any hypothesis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_magic, magics_class, no_var_expand

from kosmos_nb.magics import options as opt
from kosmos_nb.magics.names import column_names, frame_named, frame_names, is_frame
from kosmos_nb.magics.research_options import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kosmos_nb.history.records import Screening

PARSER = opt.OptionParser(
    "%kosmos_screen",
    "Look at a table before asking it anything: what its columns are, and what is odd about them or\n"
    "about how the rows hang together. No hypothesis is tested.",
    [
        "%kosmos_screen penguins",
        "look = %kosmos_screen df --unit patient --time visit",
        "%kosmos_screen df -o look",
    ],
)
PARSER.add_argument("data", nargs="?", metavar="DF", help="A pandas or polars DataFrame or an Arrow table.")
PARSER.add_argument("--unit", metavar="COL", help="Rows of the same COL belong to the same subject.")
PARSER.add_argument("--time", metavar="COL", help="COL orders the rows.")
PARSER.add_argument(
    "-o", dest="variable", type=opt.variable_name, metavar="VAR", help="Bind the screening to VAR as well."
)


def _frame(names: Mapping[str, Any], words: Sequence[str]) -> Any:
    return next((names[word] for word in words if is_frame(names.get(word))), None)


def _columns(names: Mapping[str, Any], words: Sequence[str]) -> list[str]:
    frame = _frame(names, words)
    return quoted(column_names(frame)) if frame is not None else []


for _option in ("--unit", "--time"):
    PARSER.offer(_option, _columns)
PARSER.offer("", lambda names, words: frame_names(names) if _frame(names, words) is None else [])


@magics_class
class ScreenMagics(Magics):
    """The magic of a first look."""

    shell: Any

    @no_var_expand
    @line_magic
    @opt.documented_by(PARSER)
    @opt.one_line_errors
    def kosmos_screen(self, line: str = "") -> Screening | None:
        """Replace this by the parser's own page."""
        options = PARSER.parse(line)
        if options.help:
            return None
        data = frame_named(options.data, self.shell.user_ns, how="%kosmos_screen df")
        from kosmos_nb.inquiry import screening  # noqa: PLC0415 - numpy, only when something is looked at

        found = screening.screen(data, name=options.data, unit=options.unit, time=options.time)
        if options.variable is not None:
            self.shell.user_ns[options.variable] = found
        return found
