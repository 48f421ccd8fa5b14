"""What the history costs, and how well it judges."""

from benchmarks.harness import Figure
from benchmarks.history import queries, saving, standing, steps


def figures() -> list[Figure]:
    """Return the figures of all parts."""
    return [*saving.figures(), *queries.figures(), *standing.figures(), *steps.figures()]
