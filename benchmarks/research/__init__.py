"""Research runs: how often they are wrong, what they find and see, and how fast they are.

`make bench` judges a part: of the seeds of set A (see shards.py) the first 20 of each kind of noise, 20 of
power and 10 of each trap; and times the three smaller tables. With `--long` all 200 seeds, the peers on
the same tables, and the table of 200 × 100,000; set B as well once it has been judged with
`python -m benchmarks.research STUDY --set B`. Outcomes are kept, for the sources they came from.
"""

from __future__ import annotations

from benchmarks.harness import Figure

PART = 20
PART_OF_TRAPS = 10


def figures() -> list[Figure]:
    """Return the figures of a part of the tables; about five minutes."""
    from benchmarks.research import false_findings, power, shards, speed, traps, workers

    seeds = shards.SETS["A"]
    return [
        *false_findings.figures(seeds[:PART], f"1 to {PART}"),
        *power.figures(seeds[:PART]),
        *traps.figures(seeds[:PART_OF_TRAPS]),
        *speed.figures(),
        *workers.figures(),
    ]


def long_figures() -> list[Figure]:
    """Return the figures of all tables, beside the peers; an hour or more where nothing is kept."""
    from benchmarks.research import false_findings, peers, power, shards, speed, traps, workers

    seeds, last = shards.SETS["A"], shards.SETS["B"]
    made = false_findings.figures(seeds, "A")
    if shards.is_kept(false_findings.NAME, list(false_findings.KINDS), last):
        made += false_findings.figures(last, "B")
    return [
        *made,
        *peers.figures(seeds),
        *power.figures(seeds),
        *traps.figures(seeds),
        *speed.long_figures(),
        *workers.figures(),
    ]
