"""The layout of flame graphs: boxes nest, add up, and lose the smallest first."""

from collections.abc import Sequence

import pytest

from kosmos_nb.history import CallNode, DiffNode
from kosmos_nb.reporters import Box, DiffBox, diff_boxes, flame_boxes
from tests import samples

NO_LIMIT = 10**6


def doubled(node: CallNode, factor: float = 2.0) -> DiffNode:
    """Lay a tree over itself, `factor` times as long afterwards."""
    return DiffNode(
        name=node.name, file=node.file, line=node.line, before_s=node.total_s, after_s=node.total_s * factor,
        before_self_s=node.self_s, after_self_s=node.self_s * factor,
        children=tuple(doubled(child, factor) for child in node.children),
    )  # fmt: skip


def leaf(name: str, before_s: float, after_s: float) -> DiffNode:
    return DiffNode(
        name=name, file="m.py", line=1, before_s=before_s, after_s=after_s, before_self_s=before_s,
        after_self_s=after_s,
    )  # fmt: skip


def swapped() -> DiffNode:
    """Return two trees of one second each: one function went, another came."""
    return DiffNode(
        name="<module>", file="m.py", line=1, before_s=1.0, after_s=1.0, before_self_s=0.0, after_self_s=0.0,
        children=(leaf("gone", 1.0, 0.0), leaf("new", 0.0, 1.0)),
    )  # fmt: skip


@pytest.mark.parametrize(
    "boxes",
    [
        flame_boxes(samples.tree(), NO_LIMIT),
        flame_boxes(samples.big_profile().tree, NO_LIMIT),  # type: ignore[arg-type]
        flame_boxes(samples.big_profile().tree, 37),  # type: ignore[arg-type]
        diff_boxes(doubled(samples.tree()), NO_LIMIT),
        diff_boxes(swapped(), NO_LIMIT),
    ],
)
def test_every_box_lies_within_its_caller_and_beside_its_siblings(
    boxes: Sequence[Box | DiffBox],
) -> None:
    taken: dict[int, float] = {}
    assert (boxes[0].start, boxes[0].width, boxes[0].parent, boxes[0].depth) == (0, 1, -1, 0)
    for index, box in enumerate(boxes[1:], 1):
        caller = boxes[box.parent]
        assert box.parent < index
        assert box.depth == caller.depth + 1
        assert box.start >= taken.get(box.parent, caller.start) - 1e-9
        assert box.start + box.width <= caller.start + caller.width + 1e-9
        taken[box.parent] = box.start + box.width


def test_a_box_is_as_wide_as_its_share_and_the_longest_callee_comes_first() -> None:
    boxes = {box.name: box for box in flame_boxes(samples.tree(), NO_LIMIT)}
    assert boxes["clean"].width == pytest.approx(4.61 / 5.92)
    assert boxes["clean"].share == pytest.approx(4.61 / 5.92)
    assert boxes["Series.apply"].start == 0 < boxes["read_parquet"].start < boxes["GroupBy.median"].start
    assert boxes["clean"].computing == pytest.approx(0.98)
    assert (boxes["clean"].self_s, boxes["clean"].total_s) == pytest.approx((3.79, 4.61))


def test_boxes_come_depth_first_and_a_limit_takes_the_smallest() -> None:
    names = [box.name for box in flame_boxes(samples.tree(), NO_LIMIT)]
    assert names == ["<module>", "Series.apply", "SeriesApply.apply", "clean", "sub",
                     "read_parquet", "read_table", "GroupBy.median"]  # fmt: skip
    fewer = [box.name for box in flame_boxes(samples.tree(), 5)]
    assert fewer == ["<module>", "Series.apply", "SeriesApply.apply", "clean", "sub"]
    assert len(flame_boxes(samples.tree(), 0)) == 1


def test_waiting_shows_in_every_caller_of_who_waited() -> None:
    sleeper = CallNode(
        name="sleep", file="m.py", line=1, self_s=3.0, total_s=3.0, self_cpu_s=0.0, samples=300
    )
    root = CallNode(
        name="<module>", file="m.py", line=1, self_s=1.0, total_s=4.0, self_cpu_s=1.0, samples=400,
        children=(sleeper,),
    )  # fmt: skip
    assert [box.computing for box in flame_boxes(root, NO_LIMIT)] == [0.25, 0.0]


def test_a_tree_without_time_has_no_boxes_and_a_deep_one_all() -> None:
    empty = CallNode(name="<module>", file="m.py", line=1, self_s=0, total_s=0, self_cpu_s=0, samples=0)
    assert flame_boxes(empty, 10) == ()
    deep = samples.big_profile(depth=5000).tree
    assert deep is not None
    assert max(box.depth for box in flame_boxes(deep, NO_LIMIT)) == 5000


def test_what_has_gone_and_what_is_new_are_both_seen_in_a_difference() -> None:
    root, gone, new = diff_boxes(swapped(), NO_LIMIT)
    assert (gone.name, gone.change, gone.width) == ("gone", -1.0, 0.5)
    assert (new.name, new.change, new.width) == ("new", 1.0, 0.5)
    assert root.change == 0.0


def test_a_difference_that_sampling_may_explain_has_no_colour() -> None:
    nearly = leaf("f", 1.0, 1.1)  # 100 and 110 samples: the difference varies by 14
    assert diff_boxes(nearly, 1, grain_s=0.01)[0].change == 0.0
    assert diff_boxes(nearly, 1)[0].change == pytest.approx(1 / 11)
    clear = leaf("f", 1.0, 2.0)
    assert diff_boxes(clear, 1, grain_s=0.01)[0].change == pytest.approx(0.5)
