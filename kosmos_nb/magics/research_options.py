"""What `%kosmos_research` and `%%kosmos_research` can be told."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from kosmos_nb.magics import options as opt
from kosmos_nb.magics.names import column_names, frame_names, is_frame, level_names
from kosmos_nb.runtime import runtime

NEWEST = "newest"


PARSER = opt.OptionParser(
    "%kosmos_research",
    "Test which columns of a table go together, concurrently, in the background.\n"
    "Returns a ResearchRun at once: run.verdicts waits for the verdicts, run.cancel() stops it.\n"
    "With %% the cell's body holds your own hypotheses, one a line, and only these are tested:\n"
    "y ~ x, with a sign y ~ +x, z held fixed y ~ x | z, does z change it y ~ x * z; names that are\n"
    "not just letters and digits in backticks.",
    [
        '%kosmos_research "What drives flipper length?" --data penguins',
        'run = %kosmos_research "What drives price?" --data df --target price --alpha 0.01',
        "%kosmos_research --data df --hypotheses 50 --seed 7 --wait -o run",
        "%kosmos_research --data df --unit patient --time visit --control age,sex --ignore id",
        "%kosmos_research --data df --family spread,lag --split --smallest 0.2",
        "%%kosmos_research --data penguins",
        "bill_length_mm ~ +body_mass_g | species",
        "bill_depth_mm ~ body_mass_g * species",
        "%kosmos_research --status",
        "%kosmos_research --cancel",
    ],
)
PARSER.add_argument("question", nargs="*", help="In words; a column that it names is tested first.")
PARSER.add_argument("--data", metavar="DF", help="Name of a pandas or polars DataFrame or an Arrow table.")
PARSER.add_argument("--target", metavar="COL", help="Test only what touches this column.")
PARSER.add_argument(
    "--hypotheses",
    type=opt.whole_number,
    metavar="N",
    help="Test at most N, chosen before any outcome is seen. Default: all.",
)
PARSER.add_argument("--unit", metavar="COL", help="Rows of the same COL belong to the same subject.")
PARSER.add_argument("--time", metavar="COL", help="COL orders the rows.")
PARSER.add_argument(
    "--control",
    action="append",
    type=opt.whole_list,
    metavar="A,B",
    help="Hold these columns fixed in every test of two others.",
)
PARSER.add_argument(
    "--ignore", action="append", type=opt.whole_list, metavar="X,Y", help="Leave these columns out."
)
PARSER.add_argument(
    "--reference", metavar="LEVEL", help="Compare the other levels of its column with this one; or COL=LEVEL."
)
PARSER.add_argument(
    "--allow",
    action="extend",
    type=opt.listed,
    metavar="CODE,CODE",
    help="Let a finding with these caveats be supported, where they would make it inconclusive.",
)
PARSER.add_argument(
    "--family",
    action="extend",
    type=opt.listed,
    metavar="NAME,NAME",
    help="Test these as well: spread, lag, survival.",
)
PARSER.add_argument(
    "--split", action="store_true", help="Look on one half of the rows, confirm on the other."
)
PARSER.add_argument(
    "--smallest",
    type=opt.between_0_and_1,
    metavar="S",
    help="Smallest effect that matters, as a rank correlation. Default: Kosmos.smallest.",
)
PARSER.add_argument(
    "--alpha", type=opt.between_0_and_1, metavar="A", help="False discovery rate. Default: Kosmos.alpha."
)
PARSER.add_argument(
    "--seed",
    type=opt.whole_number_from_zero,
    metavar="S",
    help="Seed of permutations. Default: Kosmos.seed.",
)
PARSER.add_argument("--engine", metavar="NAME", default="auto", help="auto or statistics, now the same.")
PARSER.add_argument(
    "--workers",
    type=opt.whole_number_from_zero,
    metavar="N",
    help="Worker processes, 0 for none. Default: Kosmos.workers.",
)
PARSER.add_argument("--wait", action="store_true", help="Return when the run has ended.")
PARSER.add_argument(
    "-o", dest="variable", type=opt.variable_name, metavar="VAR", help="Also keep the run here."
)
PARSER.add_argument("--status", action="store_true", help="Say where this kernel's five newest runs stand.")
PARSER.add_argument("--list", action="store_true", help="Return the runs in the history as a DataFrame.")
PARSER.add_argument(
    "--cancel", nargs="?", const=NEWEST, metavar="RUN", help="Stop the newest run, or the one with this id."
)


def _columns(names: Mapping[str, Any], words: Sequence[str]) -> list[str]:
    """Offer the columns of the frame that the line names."""
    frame = frame_of(names, words)
    return quoted(column_names(frame)) if frame is not None else []


def _levels(names: Mapping[str, Any], words: Sequence[str]) -> list[str]:
    frame = frame_of(names, words)
    return quoted(level_names(frame)) if frame is not None else []


def quoted(names: Sequence[str]) -> list[str]:
    """Return the names as they are typed in a line: in quotes where they must be."""
    return [shlex.quote(name) for name in names]


def frame_of(names: Mapping[str, Any], words: Sequence[str]) -> Any:
    """Return the table that `--data` names among the words of a line; None without one."""
    data = words[words.index("--data") + 1 :][:1] if "--data" in words else []
    frame = names.get(data[0]) if data else None
    return frame if is_frame(frame) else None


def _running(names: Mapping[str, Any], words: Sequence[str]) -> list[str]:
    return [run.id for run in runtime().runs.values() if run.status == "running"]


def _codes(names: Mapping[str, Any], words: Sequence[str]) -> list[str]:
    from kosmos_nb.inquiry.caveats import BLOCKS, CODES  # noqa: PLC0415 - numpy, not before the Tab key

    return [*sorted(BLOCKS), *sorted(CODES - BLOCKS)]


def _families(names: Mapping[str, Any], words: Sequence[str]) -> Sequence[str]:
    from kosmos_nb.inquiry.naming import ON_REQUEST  # noqa: PLC0415 - as above

    return ON_REQUEST


PARSER.offer("--data", lambda names, words: frame_names(names))
for _option in ("--target", "--unit", "--time"):
    PARSER.offer(_option, _columns)
for _option in ("--control", "--ignore"):
    PARSER.offer(_option, _columns, is_list=True)
PARSER.offer("--reference", _levels)
PARSER.offer("--allow", _codes, is_list=True)
PARSER.offer("--family", _families, is_list=True)
PARSER.offer("--engine", lambda names, words: ["auto", "statistics"])
PARSER.offer("--cancel", _running)
CELL_PARSER = PARSER.called("%%kosmos_research")
