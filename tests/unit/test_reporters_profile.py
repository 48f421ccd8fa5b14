"""The parts of a profile's views: source, flame graph, timeline, tables, the page, and a difference."""

import dataclasses
import re
from typing import Any

import pytest

from kosmos_nb.core import render
from kosmos_nb.history import (
    THREAD_FILE,
    CallNode,
    Change,
    LineStat,
    MemorySnapshot,
    ProfileDiff,
    ProfileResult,
)
from kosmos_nb.reporters import (
    diff_html,
    diff_model,
    diff_page,
    diff_text,
    hottest,
    kinds_seen,
    profile_html,
    profile_model,
    profile_page,
    profile_text,
    saved_bytes,
    timeline,
)
from kosmos_nb.reporters.columns import width
from kosmos_nb.reporters.numbers import seconds_within, share_within
from tests import samples
from tests.unit.test_reporters import ATTACK, Elements, outer_pictures
from tests.unit.test_reporters_flame import doubled


def long_cell(lines: int = 60) -> ProfileResult:
    """Return a profile of a cell of which every third line took time, line 50 most."""
    source = [f"value_{i} = work({i})" for i in range(1, lines + 1)]
    stats = tuple(
        LineStat(line=i, source=source[i - 1], wall_s=9.0 if i == 50 else 0.1, cpu_s=0.05, samples=10)
        for i in range(2, lines, 3)
    )
    return samples.full_profile(code="\n".join(source), line_stats=stats, bottlenecks=())


def change(name: str, before_s: float, after_s: float, error_s: float = 0.1) -> Change:
    return Change(name=name, file="m.py", line=3, before_s=before_s, after_s=after_s, error_s=error_s)


def difference(**changes: Any) -> ProfileDiff:
    """Return a slower run after a quicker one."""
    before = samples.profile(wall_s=3.1, cpu_s=2.9, peak_bytes=1_228_000_000)
    functions = (change("clean", 1.1, 3.8), change("steady", 0.5, 0.52), change("gone", 0.4, 0.0))
    made = ProfileDiff(
        before=before, after=samples.profile(), functions=functions,
        lines=(change('df["t"] = df.text.apply(clean)', 1.4, 4.86),),
        tree=doubled(samples.tree()), notes=("The code differs.",),
    )  # fmt: skip
    return dataclasses.replace(made, **changes)


def attacked_difference() -> ProfileDiff:
    bad = dataclasses.replace(change(ATTACK, 1.0, 3.0), file=ATTACK)
    tree = doubled(samples.node(ATTACK, 1.0, samples.node(ATTACK, 1.0, file=ATTACK), file=ATTACK))
    result = samples.profile(label=ATTACK, id=ATTACK)
    return difference(before=result, after=result, functions=(bad,), lines=(bad,), tree=tree, notes=(ATTACK,))


def attacked_profile() -> ProfileResult:
    full = samples.full_profile()
    return dataclasses.replace(
        full,
        code=full.code.replace("df.dropna", ATTACK.replace("\n", "")),
        line_stats=(),
        children=tuple(dataclasses.replace(child, name=ATTACK) for child in full.children),
        allocation_sites=tuple(
            dataclasses.replace(site, name=ATTACK, file=ATTACK) for site in full.allocation_sites
        ),
        traces=(ATTACK,),
        tree=samples.node("<module>", 1.0, dataclasses.replace(samples.node(ATTACK, 1.0), file=THREAD_FILE)),
    )


PAGES = [
    profile_page(samples.full_profile()),
    profile_page(samples.big_profile(60, 60, 60)),
    profile_page(samples.failed_profile()),
    profile_page(attacked_profile()),
    diff_page(difference()),
    diff_page(attacked_difference()),
]
FRAGMENTS = [
    profile_html(samples.full_profile()),
    profile_html(long_cell()),
    profile_html(attacked_profile()),
    diff_html(difference()),
    diff_html(attacked_difference()),
    diff_html(difference(tree=None, functions=(), lines=())),
]


@pytest.mark.parametrize("html", [*PAGES, *FRAGMENTS])
def test_every_view_is_well_formed_and_loads_nothing(html: str) -> None:
    page = Elements(html)
    assert page.open == []
    assert {"script", "link", "img", "iframe", "object", "a", "form"}.isdisjoint(page.names)
    assert not any(name.startswith("on") or name in ("src", "href") for name, _ in page.attributes)
    for request in ("url(", "@import", "http:", "https:"):
        assert request not in html
    for harmful in ("\x1b", "\u202e"):
        assert harmful not in html
    for picture in outer_pictures(html):
        assert "aria-hidden=true" in picture or ("role=img" in picture and "aria-label=" in picture)


def test_the_page_of_a_profile_is_a_document_with_everything_open() -> None:
    page = profile_page(samples.full_profile())
    assert page.startswith("<!doctype html>")
    assert "<meta charset=utf-8>" in page
    assert "<title>Profile of cell [12] “clean the texts”</title>" in page
    assert "@page" in page
    assert "@media print" in page
    assert "<details" not in page
    for said in ("Flame graph", "Timeline", "Bottlenecks (2)", "Functions (5)", "Child processes (3)",
                 "Memory at the heap's peak (4)", "Call tree", "Clocks, memory and I/O"):  # fmt: skip
        assert said in page, said


def test_a_page_leaves_nothing_out() -> None:
    page = profile_page(samples.big_profile(700, 300, 20))
    assert "value_699" in page
    assert "_299" in page


def test_the_source_is_shown_with_the_lines_that_took_no_time() -> None:
    shown = Elements(profile_html(samples.full_profile())).text
    assert "1 %%kosmos_profile 2 df = pd.read_parquet(path) 0.6 s ± 0.2 10 %" in shown
    rows = profile_model(samples.full_profile()).lines
    assert [row.line for row in rows] == [1, 2, 3, 4, 5]
    assert rows[0].bar.wall == rows[0].memory == ""


def test_a_source_that_is_not_the_measured_one_is_not_shown() -> None:
    changed = samples.profile(code="something\nelse\nentirely\nhere\nnow\n")
    assert [row.line for row in profile_model(changed).lines] == [2, 3, 4, 5]
    assert "entirely" not in profile_html(changed)


def test_of_a_long_cell_the_hottest_lines_stay_and_what_is_left_out_is_counted() -> None:
    rows = profile_model(long_cell(200)).lines
    kept = hottest(rows, 40)
    assert len(kept) == 40
    assert [row.line for row in kept] == sorted(row.line for row in kept)
    assert 50 in {row.line for row in kept}
    assert all(row.bar.wall_s > 0 for row in hottest(rows, 5))
    shown = Elements(profile_html(long_cell(200), beside_bytes=0)).text
    assert "the 40 slowest of 200; all in result.lines" in shown
    left = sum(int(n) for n in re.findall(r"⋯ (\d+) lines?", shown))
    assert left == 160


def test_all_forty_lines_are_shown_where_no_live_view_takes_the_room() -> None:
    shown = profile_html(long_cell(40), beside_bytes=0)
    assert all(f"value_{i} = " in shown for i in range(1, 41))
    assert saved_bytes(shown) + saved_bytes(profile_text(long_cell(40))) <= 40_000


def test_computing_waiting_lock_and_await_are_told_apart_in_form_and_words() -> None:
    line = LineStat(
        line=1, source="f()", wall_s=1.0, cpu_s=0.4, samples=100, error_s=0.05, lock_s=0.2, await_s=0.1
    )
    result = samples.profile(code="f()", line_stats=(line,), function_stats=(), tree=None, wall_s=1.0)
    row = profile_model(result).lines[0]
    assert row.bar.parts == pytest.approx((0.4, 0.3, 0.2, 0.1))
    assert row.bar.off_cpu == "600 ms: lock 200 ms, await 100 ms"
    assert kinds_seen([row.bar]) == ("computing", "waiting", "lock", "await")
    html = profile_html(result)
    picture = re.search(r"<td class=k-b><svg[^>]*>(.*?)</svg>", html)
    assert picture is not None
    assert re.findall(r"<(\w+) class=([\w-]+)", picture[1]) == [
        ("rect", "k-cpu"), ("rect", "k-wait"), ("path", "k-lock"), ("path", "k-await"),
    ]  # fmt: skip
    legend = Elements(html).text
    assert all(word in legend for word in ("computing", "off CPU", "waiting for a lock", "awaiting"))


def test_clocks_that_disagree_a_little_never_make_a_bar_longer_than_its_time() -> None:
    line = LineStat(line=1, source="f()", wall_s=1.0, cpu_s=1.2, samples=1, lock_s=0.5, await_s=0.5)
    bar = profile_model(samples.profile(code="f()", line_stats=(line,))).lines[0].bar
    assert sum(bar.parts) == pytest.approx(1.0)
    assert bar.off_cpu == "0"


def test_every_table_of_a_full_profile_says_its_numbers() -> None:
    for shown in (
        Elements(profile_html(samples.full_profile(), None)).text,
        profile_text(samples.full_profile()),
    ):
        said = " ".join(shown.split())
        for part in (
            "● critical", "82 % ± 2", "10\u202f000+", "python3.11", "5021", "4.9 s", "210 MB",
            "still running", "gzip <é>", "unknown", "ended", "read_table", "212 MB", "67 %", "412\u202f000",
            "children 7.4 s", "−12.5 MB", "profiler 3.3 % (198 ms)", "traced calls and memory",
            "Call counting changes timings",
        ):  # fmt: skip
            assert " ".join(part.split()) in said, part


def test_threads_are_listed_with_their_time_and_only_where_there_are_others() -> None:
    pool = CallNode(
        name="ThreadPoolExecutor-0_0", file=THREAD_FILE, line=0, self_s=0.0, total_s=2.0, self_cpu_s=0.0,
        samples=0, children=(samples.node("job", 2.0),),
    )  # fmt: skip
    tree = samples.node("<module>", 1.0, pool)
    rows = profile_model(samples.profile(tree=tree)).threads
    assert [row.name for row in rows] == ["the code's own thread", "ThreadPoolExecutor-0_0"]
    assert [row.bar.wall_s for row in rows] == pytest.approx([1.0, 2.0])
    assert "ThreadPoolExecutor-0_0" in profile_text(samples.profile(tree=tree))
    assert profile_model(samples.profile()).threads == ()


def test_a_flame_graph_has_a_title_for_every_box_and_says_the_hottest_aloud() -> None:
    html = profile_html(samples.full_profile(), None)
    titles = re.findall(r"<title>(.*?)</title>", html)
    assert len(titles) == 8
    assert "clean · cell:3 · 4.61 s, 78 % · itself 3.79 s · 98 % computing" in titles
    assert "aria-label='Flame graph: clean 78 %, sub 14 %, read_table 9.8 %'" in html


def test_a_flame_graph_shows_how_far_a_frame_computed() -> None:
    half = CallNode(name="half", file="m.py", line=1, self_s=3.0, total_s=3.0, self_cpu_s=1.5, samples=300)
    root = CallNode(
        name="<module>",
        file="m.py",
        line=1,
        self_s=0.0,
        total_s=3.0,
        self_cpu_s=0.0,
        samples=0,
        children=(half,),
    )
    html = profile_html(samples.profile(tree=root))
    assert re.search(r"<rect class=k-wait width=100% [^>]*><rect class=k-cpu width=50% ", html)


def test_the_timeline_has_cores_and_memory_with_their_ends() -> None:
    points = tuple(
        MemorySnapshot(timestamp=i * 0.1, current_mb=100 + i, peak_mb=200, cpu_s=i * 0.05) for i in range(201)
    )
    course = timeline(points)
    assert course is not None
    assert len(course.memory) <= 62
    assert max(size for _, size in course.memory) == 300e6
    assert [cores for _, cores in course.cores] == pytest.approx([0.5] * len(course.cores))
    assert course.words == "CPU 0 to 0.50 cores, memory 100 MB to 300 MB"
    shown = profile_html(samples.profile(memory_snapshots=points), None)
    assert "aria-label='CPU 0 to 0.50 cores over time'" in shown
    assert "0 s 20 s" in Elements(shown).text


def test_a_last_moment_of_cpu_is_no_spike_in_the_timeline() -> None:
    points = [
        MemorySnapshot(timestamp=i * 0.1, current_mb=100, peak_mb=100, cpu_s=i * 0.05) for i in range(100)
    ]
    points.append(MemorySnapshot(timestamp=9.9001, current_mb=100, peak_mb=100, cpu_s=4.96))
    course = timeline(points)
    assert course is not None
    assert max(cores for _, cores in course.cores) < 0.6


def test_old_profiles_without_cpu_over_time_have_memory_alone() -> None:
    course = timeline(samples.profile().memory_snapshots)
    assert course is not None
    assert course.cores == ()
    assert timeline(samples.profile().memory_snapshots[:2]) is None


@pytest.mark.parametrize(
    ("value_s", "error_s", "said"),
    [
        (4.861, 0.07, "4.86 s ± 0.07"), (0.61, 0.03, "0.61 s ± 0.03"), (0.0121, 0.004, "12 ms ± 4"),
        (0.00005, 0.00002, "50 µs ± 20"), (125.0, 3.0, "2 min 05 s ± 3 s"), (5.92, 0.0, "5.92 s"),
        (0.03, 0.15, "0.03 s ± 0.15"), (0.0, 0.02, "0 ms ± 20"), (5.92, float("nan"), "5.92 s"),
    ],
)  # fmt: skip
def test_a_duration_has_as_many_digits_as_its_error_allows(value_s: float, error_s: float, said: str) -> None:
    assert seconds_within(value_s, error_s) == said


def test_a_share_has_as_many_digits_as_its_error_allows() -> None:
    assert share_within(0.824, 0.021) == "82 % ± 2"
    assert share_within(0.054, 0.008) == "5.4 % ± 0.8"
    assert share_within(0.82, 0.0) == "82 %"


def test_a_reading_is_told_once_and_its_share_in_one_form() -> None:
    told = dataclasses.replace(
        samples.full_profile().bottlenecks[0], reading="82 ± 2 % at line 4: computing", share_error=0.024
    )
    model = profile_model(samples.full_profile(bottlenecks=(told,)))
    assert model.reading == ("82 % ± 2 at line 4: computing.",)
    assert (model.bottlenecks[0].share, model.bottlenecks[0].reading) == ("82 % ± 2", "at line 4: computing.")


def test_a_difference_says_how_much_slower_and_what_changed() -> None:
    text = diff_text(difference())
    for said in ("1.9× slower: 3.1 s → 5.92 s, peak +12 MB", "clean takes 2.7 s longer",
                 "gone is no longer seen, 400 ms before", "▲ slower", "▼ faster", "≈ within the noise",
                 "+2.7 s ± 0.1", "The code differs.", "One run each"):  # fmt: skip
        assert said in text, said
    assert max(width(line) for line in text.splitlines()) <= 100
    shown = Elements(diff_html(difference())).text
    assert all(word in shown for word in ("1.9× slower: 3.1 s → 5.92 s, peak +12 MB", "▲ slower", "▼ faster"))


@pytest.mark.parametrize(
    ("before_s", "after_s", "said"),
    [
        (1.0, 1.01, "as fast: 1 s → 1.01 s"), (1.0, 1.06, "6 % slower"), (2.0, 1.0, "2× faster"),
        (1.0, 250.0, "250× slower"), (0.0, 1.0, "not comparable"),
    ],
)  # fmt: skip
def test_a_headline_fits_the_size_of_the_change(before_s: float, after_s: float, said: str) -> None:
    diff = difference(before=samples.profile(wall_s=before_s), after=samples.profile(wall_s=after_s))
    assert diff_model(diff).headline.startswith(said)


def test_no_view_of_a_difference_says_what_it_comes_from() -> None:
    for words in (diff_text(difference()), Elements(diff_page(difference())).text):
        assert not re.search(r"\b(because|due to|caused|causes|regression)\b", words, re.IGNORECASE)


def test_the_flame_graph_of_a_difference_is_coloured_by_change_and_signed() -> None:
    html = diff_html(difference())
    assert "<text x=4 y=13>▲ clean</text>" in html
    assert "Flame graph of the change" in html
    assert "took longer" in Elements(html).text


def test_differences_without_samples_say_how_to_get_them() -> None:
    light = samples.failed_profile()
    diff = difference(before=light, after=light, functions=(), lines=(), tree=None)
    assert "--mode standard" in diff_text(diff)


def test_a_difference_keeps_within_forty_kilobytes() -> None:
    many = tuple(change(f"function_{'long_' * 12}{i}", i * 0.01, i * 0.02) for i in range(3000))
    tree = samples.big_profile(depth=80).tree
    assert tree is not None
    diff = difference(functions=many, lines=many, tree=doubled(tree), notes=("a note " * 100,) * 40)
    assert saved_bytes(diff_text(diff)) + saved_bytes(diff_html(diff)) <= 40_000
    assert "function_long_" in diff_html(diff)


def test_profiles_and_differences_are_drawn_in_all_their_forms() -> None:
    for value in (samples.full_profile(), difference()):
        assert set(render.mimebundle(value)) >= {render.TEXT, render.HTML}
        assert render.render(value, render.PAGE).startswith("<!doctype html>")


def test_without_a_live_view_the_html_has_its_room() -> None:
    result = long_cell(40)
    assert not render.is_drawn(ProfileResult, render.WIDGET)
    assert saved_bytes(render.render(result, render.HTML)) > saved_bytes(profile_html(result))
    render.register(ProfileResult, render.WIDGET, lambda _: {}, when=lambda: True)
    try:
        assert render.render(result, render.HTML) == profile_html(result)
    finally:
        render.unregister(render.WIDGET)
