"""`python -m benchmarks.research STUDY`: judge a study's tables, print a line a kind; see shards.py."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from benchmarks.research import shards


def main() -> None:
    """Measure what was asked for and print it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.research", description=__doc__)
    parser.add_argument("study", choices=shards.STUDIES)
    parser.add_argument("--kind", action="append", help="only this kind; repeatable")
    parser.add_argument("--set", choices=shards.SETS, default="A", help="of seeds; default A")
    parser.add_argument("--tables", type=int, default=200, help="first so many seeds of the set")
    parser.add_argument("--folder", type=Path, default=shards.FOLDER, help="where outcomes are kept")
    parser.add_argument("--processes", type=int, default=shards.PROCESSES)
    options = parser.parse_args()
    study = shards.module(options.study)
    for kind in options.kind or ():
        if kind not in study.KINDS:
            parser.error(f"no kind {kind!r}; there are {', '.join(study.KINDS)}")
    kinds, seeds = options.kind or list(study.KINDS), shards.SETS[options.set][: options.tables]
    outcomes = shards.run(options.study, kinds, seeds, folder=options.folder, processes=options.processes)
    print(*study.summary(outcomes), sep="\n")
    failed = Counter(outcome["error"] for outcome in outcomes if "error" in outcome)
    for error, times in failed.most_common():
        print(f"{times} failed: {error}")


if __name__ == "__main__":
    main()
