"""Two profiles side by side: what is the same code, what changed, and what is chance."""

import dataclasses
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kosmos_nb
from kosmos_nb.core import ConfigError, FileThereError
from kosmos_nb.history import DiffNode, FunctionStat, LineStat, ProfileResult, compare
from kosmos_nb.history.matching import match_lines
from tests.samples import (
    edited_profile,
    failed_profile,
    full_profile,
    node,
    old_profile,
    profile,
    threads_profile,
)

NAMES = st.sampled_from(["f", "g", "h", "<module>", "<lambda>"])
FILES = st.sampled_from(["In[1]", "In[2]", "a.py", "b.py"])
SECONDS = st.floats(0, 100)
FUNCTIONS = st.lists(
    st.builds(
        FunctionStat, name=NAMES, file=FILES, line=st.integers(1, 9), self_s=SECONDS, total_s=SECONDS,
        self_cpu_s=SECONDS, total_cpu_s=SECONDS, samples=st.just(1), self_error_s=SECONDS,
    ),
    max_size=6,
).map(tuple)  # fmt: skip
TREES = st.recursive(
    st.builds(lambda name, own, file: node(name, own, file=file), NAMES, SECONDS, FILES),
    lambda inner: st.builds(
        lambda name, own, below, file: node(name, own, *below, file=file),
        NAMES,
        SECONDS,
        st.lists(inner, max_size=3),
        FILES,
    ),
    max_leaves=8,
)
LINES = st.lists(st.sampled_from(["x = 1", "y = f(x)", "y = f(x, 2)", "", "  z = 0", "import a"]), max_size=8)


def line_stat(line: int, source: str, wall_s: float, error_s: float) -> LineStat:
    return LineStat(line=line, source=source, wall_s=wall_s, cpu_s=0.0, samples=1, error_s=error_s)


def function_stat(name: str, file: str, line: int, own_s: float, error_s: float = 0.0) -> FunctionStat:
    return FunctionStat(
        name=name,
        file=file,
        line=line,
        self_s=own_s,
        total_s=own_s,
        self_cpu_s=0.0,
        total_cpu_s=0.0,
        samples=1,
        self_error_s=error_s,
    )


@st.composite
def profiles(draw: st.DrawFn) -> ProfileResult:
    lines = draw(LINES)
    seen = [n for n in range(1, len(lines) + 1) if draw(st.booleans())]
    stats = tuple(
        LineStat(
            line=n, source=lines[n - 1], wall_s=draw(SECONDS), cpu_s=0.0, samples=1, error_s=draw(SECONDS)
        )
        for n in seen
    )
    return profile(
        code="\n".join(lines),
        tree=draw(TREES),
        function_stats=draw(FUNCTIONS),
        line_stats=stats,
        code_hash="",
    )


CHECKS = settings(max_examples=80, deadline=None)


def nodes(root: DiffNode) -> list[DiffNode]:
    found = [root]
    for one in found:
        found.extend(one.children)
    return found


@CHECKS
@given(one=profiles())
def test_a_profile_does_not_differ_from_itself(one):
    diff = compare(one, one)
    assert all(change.change_s == 0 and not change.is_clear for change in (*diff.functions, *diff.lines))
    assert all(found.before_s == found.after_s for found in nodes(diff.tree))
    assert not [note for note in diff.notes if "Other" in note or "edited" in note]


@CHECKS
@given(before=profiles(), after=profiles())
def test_the_changes_of_all_functions_are_the_change_of_the_threads_time(before, after):
    diff = compare(before, after)
    own = [math.fsum(stat.self_s for stat in one.function_stats) for one in (before, after)]
    assert math.fsum(change.change_s for change in diff.functions) == pytest.approx(own[1] - own[0], abs=1e-9)
    seconds = [math.fsum(stat.wall_s for stat in one.line_stats) for one in (before, after)]
    assert math.fsum(c.change_s for c in diff.lines) == pytest.approx(seconds[1] - seconds[0], abs=1e-9)
    assert (diff.tree.before_s, diff.tree.after_s) == pytest.approx((before.tree.total_s, after.tree.total_s))


@CHECKS
@given(before=profiles(), after=profiles())
def test_swapping_the_two_turns_every_change_round(before, after):
    there, back = compare(before, after), compare(after, before)
    for these, those in ((there.functions, back.functions), (there.lines, back.lines)):
        assert sorted((c.before_s, c.after_s, c.error_s) for c in these) == sorted(
            (c.after_s, c.before_s, c.error_s) for c in those
        )
        assert [c.change_s for c in these] == sorted((c.change_s for c in these), reverse=True)
    assert sorted((n.before_s, n.after_s) for n in nodes(there.tree)) == sorted(
        (n.after_s, n.before_s) for n in nodes(back.tree)
    )


@CHECKS
@given(before=TREES, after=TREES)
def test_both_trees_keep_their_times_when_they_are_laid_over_each_other(before, after):
    for one in nodes(compare(profile(tree=before), profile(tree=after)).tree):
        below = (
            math.fsum(child.before_s for child in one.children),
            math.fsum(child.after_s for child in one.children),
        )
        assert one.before_s == pytest.approx(one.before_self_s + below[0])
        assert one.after_s == pytest.approx(one.after_self_s + below[1])


def test_an_edit_tells_what_got_slower_and_what_faster():
    diff = kosmos_nb.compare(profile(), edited_profile())
    assert diff.functions[0].name == "DataFrame.sort_values"
    assert (diff.functions[0].before_s, diff.functions[0].after_s) == (0.0, 0.9)
    assert diff.functions[0].is_clear
    assert diff.functions[-1].name == "clean"  # though an edit above it moved it by one line
    assert diff.functions[-1].line == 4
    assert diff.functions[-1].change_s == pytest.approx(1.4 - 3.79)
    assert "The code was edited in between." in diff.notes


def test_an_inserted_line_shifts_no_other():
    lines = {change.line: change for change in compare(profile(), edited_profile()).lines}
    assert set(lines) == {2, 3, 4, 5, 6}
    assert (lines[2].change_s, lines[3].change_s, lines[6].change_s) == (0, 0, 0)
    assert (lines[4].before_s, lines[4].after_s) == (0.0, 0.9)
    assert (lines[5].before_s, lines[5].after_s) == (4.86, 2.45)
    assert lines[5].name.startswith('df["t"]')


def test_a_line_that_was_removed_is_told_with_its_old_number():
    gone = [change for change in compare(edited_profile(), profile()).lines if change.after_s == 0]
    assert [(change.line, change.name) for change in gone] == [(4, 'df = df.sort_values("city")')]


@pytest.mark.parametrize(
    ("before", "after", "pairs"),
    [
        ("a = 1\nb = 2", "a = 1\nb = 2", {1: 1, 2: 2}),
        ("a = 1\nb = 2", "import x\na = 1\nb = 2", {1: 2, 2: 3}),
        ("f()\nf()\nf()", "f()\nf()", {1: 1, 2: 2}),
        ("total = slow(values)\nend()", "total = fast(values)\nend()", {1: 1, 2: 2}),
        ("total = slow(values)\nend()", "xyz\nend()", {2: 2}),
        ("for x in y:\n    f(x)", "f(x)", {2: 1}),
        ("", "a = 1", {}),
    ],
)
def test_lines_are_matched_by_their_text(before, after, pairs):
    def numbered(text: str) -> dict[int, str]:
        return dict(enumerate(text.splitlines(), start=1))

    assert match_lines(numbered(before), numbered(after)) == pairs
    assert match_lines(numbered(after), numbered(before)) == {new: old for old, new in pairs.items()}


def test_a_cell_that_runs_again_is_the_same_code():
    def run(number: int, own_s: float) -> ProfileResult:
        cell = f"In[{number}]"
        tree = node("<module>", 0.0, node("clean", own_s, file=cell), file=cell)
        return profile(tree=tree, function_stats=(function_stat("clean", cell, 3, own_s),))

    (change,) = compare(run(5, 1.0), run(6, 3.0)).functions
    assert (change.before_s, change.after_s, change.file) == (1.0, 3.0, "In[6]")
    assert len(nodes(compare(run(5, 1.0), run(6, 3.0)).tree)) == 2


def test_functions_of_one_name_in_two_files_are_two_and_in_two_lines_of_a_file_are_one():
    def stat(file: str, line: int, own_s: float) -> FunctionStat:
        return function_stat("<lambda>", file, line, own_s, 0.3)

    before = profile(function_stats=(stat("a.py", 1, 1.0), stat("a.py", 9, 2.0), stat("b.py", 1, 4.0)))
    after = profile(function_stats=(stat("a.py", 2, 5.0), stat("b.py", 1, 4.0)))
    found = {change.file: change for change in compare(before, after).functions}
    assert (found["a.py"].before_s, found["a.py"].after_s) == (3.0, 5.0)
    assert found["a.py"].error_s == pytest.approx(math.sqrt(3 * 0.3**2))
    assert found["b.py"].change_s == 0


def test_a_change_within_the_sampling_error_is_not_clear():
    first = full_profile()
    second = dataclasses.replace(
        first,
        function_stats=tuple(
            dataclasses.replace(stat, self_s=stat.self_s + stat.self_error_s) for stat in first.function_stats
        ),
    )
    assert not [change for change in compare(first, second).functions if change.is_clear]


def test_what_took_no_time_of_its_own_in_either_is_no_change():
    before, after = (profile(function_stats=(function_stat("main", "a.py", 1, 0.0, 0.1),)) for _ in range(2))
    assert compare(before, after).functions == ()


def test_recursion_deeper_than_pythons_stack_is_compared():
    deep = node("f", 1.0)
    for _ in range(5000):
        deep = dataclasses.replace(node("f", 0.1), children=(deep,))
    diff = compare(profile(tree=deep), profile(tree=deep))
    assert diff.tree.before_s == diff.tree.after_s == pytest.approx(501.0)


def test_without_samples_only_the_clocks_are_compared():
    for before, after in ((failed_profile(), profile()), (profile(), failed_profile())):
        diff = compare(before, after)
        assert diff.functions == diff.lines == ()
        assert diff.tree is None
        assert any(" has no samples: only the clocks can be compared" in note for note in diff.notes)
    assert any(
        note.startswith("Neither profile has samples")
        for note in compare(failed_profile(), failed_profile()).notes
    )


def test_what_makes_two_profiles_hard_to_compare_is_said():
    other = dataclasses.replace(
        threads_profile(),
        kind="function",
        host="elsewhere",
        python="3.13.0",
        code_hash="x",
        status="interrupted",
    )
    notes = " ".join(compare(full_profile(), other).notes)
    for said in (
        "Other kind: cell before, function after.",
        "Other mode: full before, standard after",
        "Other traces: calls, memory before, none after",
        "Other machine: host before, elsewhere after.",
        "Other Python: 3.11.9 before, 3.13.0 after.",
        "The code was edited in between.",
        "did not run to its end: interrupted after",
    ):
        assert said in notes
    assert "states no sampling error" in " ".join(compare(old_profile(), full_profile()).notes)
    assert compare(full_profile(), full_profile()).notes == ()


@pytest.mark.parametrize("wrong", [None, "a profile", {}])
def test_what_is_no_profile_is_one_clear_line(wrong):
    with pytest.raises(ConfigError, match="takes two profiles, and 'before' is"):
        compare(wrong, profile())
    with pytest.raises(ConfigError, match="takes two profiles, and 'after' is"):
        compare(profile(), wrong)


def test_a_comparison_is_shown_and_saved_as_a_page(tmp_path):
    diff = compare(profile(), edited_profile())
    assert set(diff._repr_mimebundle_()) >= {"text/plain", "text/html"}
    assert "DataFrame.sort_values" in str(diff)
    page = diff.save(tmp_path / "diff.html").read_text()
    assert page.lower().startswith("<!doctype html>")
    assert "DataFrame.sort_values" in page
    with pytest.raises(FileThereError):
        diff.save(tmp_path / "diff.html")
    with pytest.raises(ConfigError, match=r"which form to save: use \.html"):
        diff.save(tmp_path / "diff.json")
