"""The passes over sampled paths keep the time they are given, whatever the stacks look like."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kosmos_nb.history import CallNode, ProfileResult
from kosmos_nb.profiling.bottlenecks import activity, find_bottlenecks, severity
from kosmos_nb.profiling.frames import Frame, Function, WeightedPath
from kosmos_nb.profiling.tree import MAX_DEPTH, build_tree, function_stats, line_stats

ROOT = Frame(Function("<module>", "In[1]", 1), 1, 1)
SOURCE = [f"line {n}" for n in range(1, 7)]

functions = st.builds(Function, st.sampled_from("abcd"), st.sampled_from(["In[1]", "x.py"]), st.just(1))
frames = functions.flatmap(
    lambda f: st.integers(1, 6).map(lambda n: Frame(f, n, n if f.file == "In[1]" else None))
)
seconds = st.floats(0, 10, allow_nan=False).map(lambda s: round(s, 4))


@st.composite
def weighted_paths(draw: st.DrawFn) -> WeightedPath:
    inner = draw(st.lists(frames, max_size=12))
    root = Frame(ROOT.function, *([draw(st.integers(1, 6))] * 2))
    wall_s = draw(seconds)
    return WeightedPath((root, *inner), wall_s, wall_s * draw(st.floats(0, 1)), draw(st.integers(1, 5)))


paths = st.lists(weighted_paths(), min_size=1, max_size=40)


def nodes(root: CallNode) -> list[CallNode]:
    order = [root]
    for node in order:
        order.extend(node.children)
    return order


@given(paths)
def test_self_times_of_the_tree_add_up_to_its_total(given_paths):
    root = build_tree(given_paths)
    total = sum(path.wall_s for path in given_paths)
    assert root.total_s == pytest.approx(total)
    assert sum(node.self_s for node in nodes(root)) == pytest.approx(total)
    assert sum(node.self_cpu_s for node in nodes(root)) == pytest.approx(sum(p.cpu_s for p in given_paths))
    assert sum(node.samples for node in nodes(root)) == sum(p.samples for p in given_paths)


@given(paths)
def test_no_node_has_less_time_than_its_children_together(given_paths):
    for node in nodes(build_tree(given_paths)):
        children_s = sum(child.total_s for child in node.children)
        assert node.total_s == pytest.approx(node.self_s + children_s)


@given(paths, st.integers(1, 10))
def test_folding_small_branches_keeps_the_time_and_the_limit(given_paths, limit):
    root = build_tree(given_paths, max_nodes=limit)
    assert len(nodes(root)) <= limit
    assert root.total_s == pytest.approx(sum(path.wall_s for path in given_paths))
    assert sum(node.self_s for node in nodes(root)) == pytest.approx(root.total_s)


@given(paths)
def test_self_shares_of_functions_add_up_to_all_of_the_time(given_paths):
    stats = function_stats(given_paths)
    total = sum(path.wall_s for path in given_paths)
    assert sum(stat.self_s for stat in stats) == pytest.approx(total)
    assert sum(stat.self_cpu_s for stat in stats) == pytest.approx(sum(p.cpu_s for p in given_paths))
    assert [s.self_s for s in stats] == sorted((s.self_s for s in stats), reverse=True)


@given(paths)
def test_recursion_counts_once_so_no_function_takes_more_than_everything(given_paths):
    total = sum(path.wall_s for path in given_paths)
    for stat in function_stats(given_paths):
        assert stat.self_s <= stat.total_s + 1e-9
        assert stat.total_s <= total + 1e-9
    for line in line_stats(given_paths, SOURCE):
        assert line.wall_s <= total + 1e-9


def test_a_function_that_calls_itself_has_its_time_once():
    function = Function("f", "In[1]", 2)
    deep = WeightedPath((ROOT, *[Frame(function, 3, 3)] * 40), 2.0, 2.0, 4)
    (stat,) = [s for s in function_stats([deep]) if s.name == "f"]
    assert (stat.self_s, stat.total_s, stat.samples) == (2.0, 2.0, 4)
    (line,) = [s for s in line_stats([deep], SOURCE) if s.line == 3]
    assert line.wall_s == 2.0


def test_a_very_deep_stack_still_becomes_a_record_that_travels_as_json():
    function = [Frame(Function(f"f{n}", "x.py", n), n) for n in range(900)]
    root = build_tree([WeightedPath((ROOT, *function), 1.0, 1.0, 1)])
    assert len(nodes(root)) == MAX_DEPTH
    assert root.total_s == 1.0
    profile = ProfileResult(
        id="1",
        kind="cell",
        mode="standard",
        status="ok",
        started_at_us=0,
        wall_s=1.0,
        cpu_s=1.0,
        user_s=1.0,
        system_s=0.0,
        main_thread_cpu_s=1.0,
        rss_start_bytes=1,
        rss_end_bytes=1,
        peak_bytes=1,
        peak_method="VmHWM",
        tree=root,
    )
    assert ProfileResult.from_json(profile.to_json()) == profile


@given(paths, st.floats(0.1, 99))
def test_bottlenecks_are_exactly_what_passes_the_threshold_largest_first(given_paths, threshold):
    total = sum(path.wall_s for path in given_paths)
    found = find_bottlenecks(given_paths, SOURCE, "In[1]", threshold)
    assert [b.share for b in found] == sorted((b.share for b in found), reverse=True)
    for bottleneck in found:
        assert bottleneck.share * 100 > threshold
        assert bottleneck.share == pytest.approx(bottleneck.wall_s / total)
        assert bottleneck.severity == severity(bottleneck.share)
    for kind in ("function", "line"):
        assert sum(b.share for b in found if b.kind == kind) <= 1 + 1e-9


@pytest.mark.parametrize(
    ("share", "word"),
    [
        (0.301, "critical"),
        (0.30, "high"),
        (0.151, "high"),
        (0.15, "medium"),
        (0.051, "medium"),
        (0.05, "low"),
    ],
)
def test_severity_changes_above_30_15_and_5_percent(share, word):
    assert severity(share) == word


def test_the_reading_says_where_and_whether_it_computes_or_waits():
    clean = Function("clean", "In[1]", 2)
    computing = WeightedPath((ROOT, Frame(clean, 4, 4)), 0.82, 0.80, 82)
    waiting = WeightedPath((Frame(ROOT.function, 6, 6),), 0.18, 0.001, 18)
    readings = [b.reading for b in find_bottlenecks([computing, waiting], SOURCE, "In[1]", 5.0)]
    assert readings == [
        "82 % in clean() at line 4: computing",
        "82 % at line 4: computing",
        "18 % at line 6: waiting",
    ]


def test_no_samples_make_no_tree_and_no_bottleneck():
    assert build_tree([]) is None
    assert function_stats([]) == ()
    assert find_bottlenecks([], SOURCE, "In[1]", 5.0) == ()


@pytest.mark.parametrize(
    ("cpu_s", "said"),
    [
        (0.0, "waiting"),
        (0.099, "waiting"),
        (0.1, "10 % computing, the rest off CPU"),
        (0.35, "35 % computing, the rest off CPU"),
        (0.6, "computing"),
    ],
)
def test_what_a_busy_machine_keeps_off_the_cpu_is_not_called_waiting(cpu_s, said):
    assert activity(1.0, cpu_s) == said
