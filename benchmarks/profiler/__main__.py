"""`python -m benchmarks.profiler`: measure some or all of it, in this Python or another one.

Examples:
    python -m benchmarks.profiler                                       everything, about 30 minutes
    python -m benchmarks.profiler --python 3.13 --ours                  another Python, about 15
    python -m benchmarks.profiler --quick --parts accuracy              two rounds, does it work?
    python -m benchmarks.profiler --tables                              write the tables and the chart anew
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from benchmarks.harness import ROOT, markdown_table
from benchmarks.profiler import bars, chart, roster, tables, truths, workloads
from benchmarks.profiler.campaign import PARTS, Campaign, only_ours
from benchmarks.profiler.pythons import environment
from benchmarks.profiler.results import FOLDER, Results

CHART = ROOT / "docs" / "profiler_peers.svg"
README = ROOT / "benchmarks" / "README.md"
BEGIN, END = "<!-- profiler tables -->", "<!-- end of profiler tables -->"


def main() -> int:
    """Measure, print, save; the exit code is 1 if a bar is missed."""
    options = _options()
    if options.tables:
        write_documents(read_all())
        return 0
    campaign = _campaign(options)
    if campaign is None:
        return 2
    results = campaign.run(_say)
    file = options.out or FOLDER / f"{results.short_python}.json"
    if file.exists() and not options.quick:
        results.keep(Results.load_file(file), [part for part in PARTS if part not in campaign.parts])
    if not options.quick or options.out:
        results.save(file)
        _say(f"saved {file}")
    print(tables.markdown([results]))
    figures = bars.figures(results)
    print(markdown_table(("figure", "bar", "value", "verdict", "how"), [one.row() for one in figures]))
    return 1 if any(one.verdict == "miss" for one in figures) else 0


def read_all() -> list[Results]:
    """Return the saved results, by version."""
    return [Results.load_file(file) for file in sorted(FOLDER.glob("*.json"))]


def write_documents(many: list[Results]) -> None:
    """Write the tables into benchmarks/README.md between their marks, and the chart."""
    text = README.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    figures = [one.row() for results in many for one in bars.figures(results)]
    table = markdown_table(("figure", "bar", "value", "verdict", "how"), figures)
    README.write_text(
        f"{before}{BEGIN}\n\n{table}\n\n{tables.markdown(many)}\n{END}{after}", encoding="utf-8"
    )
    for results in many:
        if chart.points(results):
            CHART.write_text(chart.svg(results), encoding="utf-8")
            break


def _campaign(options: argparse.Namespace) -> Campaign | None:
    python = environment(options.python, _say) if options.python else None
    if options.python and python is None:
        return None
    engines = tuple(options.engines or (only_ours() if options.ours else roster.ENGINES))
    return Campaign(
        python=python,
        engines=(roster.NONE, *(name for name in engines if name != roster.NONE)),
        parts=tuple(options.parts or PARTS),
        workloads=tuple(options.workloads or workloads.names()),
        truths=tuple(options.truths or (one.name for one in truths.TRUTHS)),
        rounds=2 if options.quick else options.rounds,
        peer_rounds=1 if options.quick else options.peer_rounds,
        accuracy_rounds=1 if options.quick else options.accuracy_rounds,
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.profiler",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--python", metavar="3.13", help="in this Python; an environment is made")
    parser.add_argument("--ours", action="store_true", help="ourselves, the control and cProfile alone")
    parser.add_argument("--quick", action="store_true", help="two rounds, one of the peers; nothing is saved")
    parser.add_argument("--parts", nargs="+", choices=PARTS, help="the others are kept from the last run")
    parser.add_argument("--engines", nargs="+", choices=roster.ENGINES[1:])
    parser.add_argument("--workloads", nargs="+", choices=workloads.names())
    parser.add_argument("--truths", nargs="+", choices=[one.name for one in truths.TRUTHS])
    parser.add_argument("--rounds", type=int, default=20, help="pairs of each workload (20)")
    parser.add_argument("--peer-rounds", type=int, default=6, help="pairs for engines that trace (6)")
    parser.add_argument("--accuracy-rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, help="JSON file for the results")
    parser.add_argument("--tables", action="store_true", help="measure nothing; write tables and chart anew")
    return parser.parse_args()


def _say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
