"""What the profiler costs and how right it is, beside its peers.

`make bench` measures ourselves, the control and cProfile; with `--long` all peers, and Python 3.12
and 3.13. `python -m benchmarks.profiler --help` selects parts.
"""

from __future__ import annotations

from rich.console import Console

from benchmarks.harness import Figure

OTHER_PYTHONS = ("3.12", "3.13")


def figures() -> list[Figure]:
    """Measure in this Python, without the slow peers; about 15 minutes."""
    from benchmarks.profiler.bars import figures as out_of
    from benchmarks.profiler.campaign import Campaign, only_ours

    return out_of(Campaign(engines=only_ours()).run(_say))


def long_figures() -> list[Figure]:
    """Measure with all peers and in the other Pythons, and keep the results; about 50 minutes."""
    from benchmarks.profiler.bars import figures as out_of
    from benchmarks.profiler.campaign import Campaign, only_ours
    from benchmarks.profiler.pythons import environment
    from benchmarks.profiler.results import FOLDER

    plans = [Campaign()]
    for version in OTHER_PYTHONS:
        python = environment(version, _say)
        if python is not None:
            plans.append(Campaign(python=python, engines=only_ours()))
    made: list[Figure] = []
    for plan in plans:
        results = plan.run(_say)
        results.save(FOLDER / f"{results.short_python}.json")
        made += out_of(results)
    return made


def _say(line: str) -> None:
    Console(stderr=True).print(line, style="dim", markup=False, highlight=False)
