"""The passes over sampled paths keep the time they are given, whatever the stacks look like."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kosmos_nb.history import CallNode, ProfileResult
from kosmos_nb.profiling.analysis.bottlenecks import find_bottlenecks, severity
from kosmos_nb.profiling.analysis.frames import Frame, Function, WeightedPath
from kosmos_nb.profiling.analysis.readings import Use, spent
from kosmos_nb.profiling.analysis.tree import MAX_DEPTH, build_tree, function_stats, line_stats

ROOT = Frame(Function("<module>", "In[1]", 1), 1)
SOURCE = [f"line {n}" for n in range(1, 7)]

functions = st.builds(Function, st.sampled_from("abcd"), st.sampled_from(["In[1]", "x.py"]), st.just(1))
frames = functions.flatmap(
    lambda f: st.integers(1, 6).map(lambda n: Frame(f, n if f.file == "In[1]" else None))
)
seconds = st.floats(0, 10, allow_nan=False).map(lambda s: round(s, 4))


@st.composite
def weighted_paths(draw: st.DrawFn) -> WeightedPath:
    inner = draw(st.lists(frames, max_size=12))
    root = Frame(ROOT.function, draw(st.integers(1, 6)))
    wall_s = draw(seconds)
    memory_bytes, thread_id = draw(st.integers(-(10**6), 10**6)), draw(st.integers(0, 3))
    lock_s = wall_s * draw(st.floats(0, 1))
    return WeightedPath(
        (root, *inner),
        wall_s,
        wall_s * draw(st.floats(0, 1)),
        draw(st.integers(1, 5)),
        lock_s=lock_s,
        await_s=(wall_s - lock_s) * draw(st.floats(0, 1)),
        grain_s=wall_s,
        grain_s2=wall_s**2,
        memory_bytes=memory_bytes,
        thread_id=thread_id,
    )


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
    deep = WeightedPath((ROOT, *[Frame(function, 3)] * 40), 2.0, 2.0, 4)
    (stat,) = [s for s in function_stats([deep]) if s.name == "f"]
    assert (stat.self_s, stat.total_s, stat.samples) == (2.0, 2.0, 4)
    (line,) = [s for s in line_stats([deep], SOURCE) if s.line == 3]
    assert line.wall_s == 2.0


def test_a_very_deep_stack_still_becomes_a_record_that_travels_as_json():
    function = [Frame(Function(f"f{n}", "x.py", n)) for n in range(900)]
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


@given(paths)
def test_lines_own_time_memory_and_waiting_are_parts_of_what_was_sampled(given_paths):
    total = sum(path.wall_s for path in given_paths)
    lines = line_stats(given_paths, SOURCE, has_memory=True)
    assert sum(line.self_s for line in lines) == pytest.approx(total)
    for line in lines:
        assert line.self_s <= line.wall_s + 1e-9
        assert line.lock_s + line.await_s <= line.wall_s + 1e-9
        through = [p for p in given_paths if any(f.cell_line == line.line for f in p.frames)]
        assert line.memory_growth_mb == pytest.approx(sum(p.memory_bytes for p in through) / 1e6)
    assert all(line.memory_growth_mb is None for line in line_stats(given_paths, SOURCE))
    stats = function_stats(given_paths)
    assert sum(stat.self_lock_s for stat in stats) == pytest.approx(sum(p.lock_s for p in given_paths))
    assert sum(stat.self_await_s for stat in stats) == pytest.approx(sum(p.await_s for p in given_paths))
    (root,) = [stat for stat in stats if stat.name == "<module>"]
    assert root.threads == len({path.thread_id for path in given_paths})


CLEAN = Function("clean", "In[1]", 2)


def told(*given: WeightedPath, source: list[str] = SOURCE) -> list[str]:
    return [b.reading for b in find_bottlenecks(given, source, "In[1]", 5.0)]


def test_the_reading_says_where_and_whether_it_computes_or_waits():
    computing = WeightedPath((ROOT, Frame(CLEAN, 4)), 0.82, 0.80, 82)
    waiting = WeightedPath((Frame(ROOT.function, 6),), 0.18, 0.001, 18)
    assert told(computing, waiting) == [
        "82 % in clean() at line 4: CPU-bound, 1 thread",
        "82 % at line 4, `line 4`, nearly all the time of clean()",
        "18 % at line 6, `line 6`: waiting (I/O or sleep)",
    ]


def test_time_inside_a_library_is_told_at_the_users_line_with_the_users_call():
    def under(name: str, wall_s: float) -> WeightedPath:
        apply = Frame(Function("DataFrame.apply", "pandas/core/frame.py", 10))
        return WeightedPath(
            (Frame(ROOT.function, 3), apply, Frame(Function(name, "tools.py", 1))), wall_s, wall_s, 9
        )

    source = ["", "", "out = df.apply(clean)"]
    assert told(under("clean", 0.82), under("other", 0.18), source=source) == [
        "100 % at line 3, `out = df.apply(clean)`, most of it in clean(): CPU-bound, 1 thread",
        "82 % in clean(), from `out = df.apply(clean)` at line 3: CPU-bound, 1 thread",
        "18 % in other(), from `out = df.apply(clean)` at line 3: CPU-bound, 1 thread",
    ]


def test_a_share_is_told_with_its_error_where_that_is_more_than_a_point():
    few = WeightedPath((ROOT, Frame(CLEAN, 4)), 0.5, 0.5, 50, grain_s=0.5, grain_s2=0.005)
    rest = WeightedPath((Frame(ROOT.function, 6),), 0.5, 0.5, 50, grain_s=0.5, grain_s2=0.005)
    (bottleneck, *_) = find_bottlenecks([few, rest], SOURCE, "In[1]", 5.0)
    error = bottleneck.share_error
    assert 0.09 < error < 0.14  # 1.96 * sqrt(0.25 / 100 * 1.52) = 0.12
    assert bottleneck.reading.startswith(f"50 ± {error * 100:.0f} % in clean()")
    assert "±" not in told(WeightedPath((ROOT,), 1.0, 1.0, 10**5, grain_s=1.0, grain_s2=1e-5))[0]


def test_a_function_that_several_threads_run_says_how_many():
    main = WeightedPath((ROOT,), 0.2, 0.0, 20)
    work = [
        WeightedPath((ROOT, Frame(CLEAN, 4)), 0.2, 0.2, 20, thread_id=thread_id) for thread_id in (1, 2, 3)
    ]
    assert told(main, *work)[0] == "75 % in clean() at line 4: CPU-bound, 3 threads"
    assert [stat.threads for stat in function_stats([main, *work])] == [3, 4]


def test_no_samples_make_no_tree_and_no_bottleneck():
    assert build_tree([]) is None
    assert function_stats([]) == ()
    assert find_bottlenecks([], SOURCE, "In[1]", 5.0) == ()


@pytest.mark.parametrize(
    ("cpu_s", "lock_s", "await_s", "said"),
    [
        (0.0, 0.0, 0.0, "waiting (I/O or sleep)"),
        (0.099, 0.0, 0.0, "waiting (I/O or sleep)"),
        (0.1, 0.0, 0.0, "10 % computing, the rest off CPU"),
        (0.35, 0.0, 0.0, "35 % computing, the rest off CPU"),
        (0.6, 0.0, 0.0, "CPU-bound, 1 thread"),
        (0.02, 0.0, 0.97, "awaiting"),
        (0.05, 0.95, 0.0, "waiting for a lock or the GIL"),
        (0.4, 0.0, 0.55, "55 % awaiting, 40 % computing"),
        (0.7, 0.2, 0.0, "70 % computing, 20 % waiting for a lock or the GIL, the rest off CPU"),
        (0.3, 0.3, 0.0, "30 % waiting for a lock or the GIL, 30 % computing, the rest off CPU"),
    ],
)
def test_computing_waiting_locked_and_awaiting_read_differently(cpu_s, lock_s, await_s, said):
    use = Use()
    use.add(WeightedPath((ROOT,), 1.0, cpu_s, 1, lock_s=lock_s, await_s=await_s))
    assert spent(use) == said
