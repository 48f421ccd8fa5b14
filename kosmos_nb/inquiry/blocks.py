"""Tests that are carried out together: one task for a worker.

A block holds tests that read the same columns. How a run falls into blocks depends on its hypotheses and its
rows alone, never on the number of workers, so that the same seed gives the same numbers on any machine.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from kosmos_nb.history.records import Family
from kosmos_nb.inquiry.measurement import Test

# Values (rows × columns) of one side of a tile of pairs, and the most columns of a side.
TILE_VALUES, TILE_COLUMNS = 2_000_000, 32
# Rows that a block's tests read in all, by family: a fraction of a second each.
ROWS_OF_A_BLOCK: dict[Family, int] = {
    "group_difference": 1_000_000,
    "category_association": 2_000_000,
    "non_monotone": 20_000,  # of which a test reads 5,000 at most
    "trend": 100_000,
    "conditional": 60_000,
    "interaction": 60_000,
    "spread": 200_000,
    "lag": 100_000,
    "survival": 60_000,
}


@dataclass(frozen=True, slots=True)
class Block:
    """Some tests of one family on one file.

    Attributes:
        name: Of the task; unique in a run.
        tests: At least one.
    """

    name: str
    tests: tuple[Test, ...]

    def halves(self) -> tuple[Block, Block]:
        """Return two smaller blocks, to find the test that does not come back."""
        middle = len(self.tests) // 2
        return (
            Block(f"{self.name}.0", self.tests[:middle]),
            Block(f"{self.name}.1", self.tests[middle:]),
        )


def into_blocks(tests: Iterable[Test], n_rows: int) -> list[Block]:
    """Put tests together that share columns, no more than a fraction of a second's work each.

    Args:
        tests: In the order in which they should be done.
        n_rows: Of the data.
    """
    side = max(2, min(TILE_COLUMNS, TILE_VALUES // max(n_rows, 1)))
    tiles: dict[str, int] = {}
    groups: dict[Hashable, list[Test]] = defaultdict(list)
    for test in tests:
        family = test.hypothesis.family
        if family in ("association", "non_monotone"):
            for column in (test.x, test.y):
                tiles.setdefault(column.name, len(tiles) // side)
            tile = tuple(sorted((tiles[test.x.name], tiles[test.y.name])))
            groups[family, test.path, tile].append(test)
        else:  # what is sorted, is sorted once
            groups[family, test.path, (test.y if family == "group_difference" else test.x).name].append(test)
    blocks: list[Block] = []
    for members in groups.values():
        most = max(1, ROWS_OF_A_BLOCK.get(members[0].hypothesis.family, 10**12) // max(n_rows, 1))
        for begin in range(0, len(members), most):
            blocks.append(Block(f"B{len(blocks) + 1}", tuple(members[begin : begin + most])))
    return blocks
