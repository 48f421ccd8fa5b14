"""What leaves for other programs and for files: valid, whole, and read back."""

import dataclasses
import json
import math
import pstats

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kosmos_nb.core import ConfigError, FileThereError, KosmosError
from kosmos_nb.history import THREAD_FILE, CallNode, MemorySnapshot, ProfileResult, walk
from tests.samples import failed_profile, full_profile, node, old_profile, profile, threads_profile

ALL = [profile, full_profile, old_profile, threads_profile, failed_profile]
NAMES = st.sampled_from(["f", "g", "<module>", "a;b", "two\nlines", "  ", "é 12"]) | st.text(max_size=5)
TREES = st.recursive(
    st.builds(node, NAMES, st.floats(0, 10)),
    lambda inner: st.builds(
        lambda name, own, children: node(name, own, *children),
        NAMES,
        st.floats(0, 10),
        st.lists(inner, max_size=3),
    ),
    max_leaves=8,
)
CHECKS = settings(max_examples=60, deadline=None)


def deep(depth: int = 5000) -> CallNode:
    """One function that calls itself, each time with a microsecond of its own."""
    found = node("f", 1e-6)
    for _ in range(depth - 1):
        found = CallNode(
            name="f", file="c", line=1, self_s=1e-6, total_s=0.0, self_cpu_s=0.0, samples=1, children=(found,)
        )
    return found


def replayed(text: str) -> list[tuple[dict, dict[tuple[str, ...], float]]]:
    """Check a speedscope file by the rules of its format, and return the time of each stack."""
    file = json.loads(text)
    assert file["$schema"] == "https://www.speedscope.app/file-format-schema.json"
    assert 0 <= file["activeProfileIndex"] < len(file["profiles"])
    frames = file["shared"]["frames"]
    assert all(isinstance(frame["name"], str) for frame in frames)
    found = []
    for one in file["profiles"]:
        assert (one["type"], one["unit"]) == ("evented", "seconds")
        stack, times, now = [], {}, one["startValue"]
        for event in one["events"]:
            assert event["at"] >= now
            if stack and event["at"] > now:
                key = tuple(frames[i]["name"] for i in stack)
                times[key] = times.get(key, 0.0) + event["at"] - now
            now = event["at"]
            if event["type"] == "O":
                stack.append(event["frame"])
            else:
                assert stack.pop() == event["frame"]
        assert not stack
        assert now == one["endValue"]
        found.append((one, times))
    return found


def by_stack(root: CallNode) -> dict[tuple[str, ...], float]:
    """The own time of each stack of a tree, by the names on it."""
    times: dict[tuple[str, ...], float] = {}
    stack: list[str] = []
    for depth, one in walk(root):
        del stack[depth:]
        stack.append(one.name)
        if one.self_s:
            times[tuple(stack)] = times.get(tuple(stack), 0.0) + one.self_s
    return times


@CHECKS
@given(tree=TREES)
def test_a_speedscope_file_is_valid_and_holds_every_stack_with_its_time(tree):
    (wall, times), (cpu, _) = replayed(profile(tree=tree).to_speedscope())
    expected = by_stack(tree)
    assert all(times.get(key, 0) == pytest.approx(expected.get(key, 0), abs=1e-9) for key in times | expected)
    assert wall["name"] == "wall"
    assert wall["endValue"] == pytest.approx(tree.total_s)
    assert cpu["name"] == "CPU"
    assert cpu["endValue"] == pytest.approx(math.fsum(one.self_cpu_s for _, one in walk(tree)))


def test_a_speedscope_file_has_one_profile_for_each_thread_and_clock():
    shown = threads_profile()
    found = replayed(shown.to_speedscope())
    names = [one["name"] for one, _ in found]
    others = [child for child in shown.tree.children if child.file == THREAD_FILE]
    assert names[: 1 + len(others)] == ["main thread, wall", *(f"{child.name}, wall" for child in others)]
    assert [one["endValue"] for one, _ in found[1 : 1 + len(others)]] == pytest.approx(
        [child.total_s for child in others]
    )
    assert sum(one["endValue"] for one, _ in found[: 1 + len(others)]) == pytest.approx(shown.tree.total_s)


@CHECKS
@given(tree=TREES)
def test_folded_stacks_have_one_stack_and_its_microseconds_a_line(tree):
    text = profile(tree=tree).to_collapsed()
    total_us = 0
    for line in text.splitlines():
        stack, _, weight_us = line.rpartition(" ")
        assert all(part.strip() for part in stack.split(";"))
        total_us += int(weight_us)
    assert len(text.splitlines()) == text.count("\n")
    assert total_us == pytest.approx(tree.total_s * 1e6, abs=len(by_stack(tree)) + 1)


def test_folded_stacks_name_place_and_thread():
    assert "sub (/usr/lib/python3.11/re/__init__.py:179) 820000\n" in profile().to_collapsed()
    lines = threads_profile().to_collapsed().splitlines()
    assert {line.split(";")[0] for line in lines} == {"main thread", "worker_0", "worker_1"}


def test_names_cannot_break_a_folded_line():
    tree = node("root", 0, node("a;b\n 7", 1.0, file="In[1];\r\n"))
    assert profile(tree=tree).to_collapsed().count("\n") == 1
    assert ";a:b 7 (In[1]: :1) 1000000\n" in profile(tree=tree).to_collapsed()


@CHECKS
@given(tree=TREES)
def test_pstats_times_add_up_and_a_recursive_call_counts_once(tree):
    stats = profile(tree=tree, function_stats=()).to_pstats()
    own = sum(entry[2] for entry in stats.stats.values())
    assert own == pytest.approx(tree.total_s)
    for _, (_, _, own_s, total_s, callers) in stats.stats.items():
        assert own_s <= total_s + 1e-9
        assert total_s <= tree.total_s + 1e-9
        assert sum(entry[2] for entry in callers.values()) <= own_s + 1e-9
        assert all(entry[3] <= total_s + 1e-9 for entry in callers.values())


def test_pstats_prints_and_says_calls_only_where_they_were_counted(capsys):
    shown = full_profile()
    stats = shown.to_pstats()
    assert isinstance(stats, pstats.Stats)
    stats.sort_stats("tottime").print_stats().print_callers().print_callees()
    printed = capsys.readouterr().out
    assert "5.920 seconds" in printed
    by_name = {key[2]: entry for key, entry in stats.stats.items()}
    assert by_name["clean"][:2] == (10_000, 10_000)
    assert by_name["sub"][:2] == (82, 82)  # samples: its calls were not counted
    assert by_name["Series.apply"][0] == 486


def test_recursion_deeper_than_pythons_stack_is_exported():
    shown = profile(tree=deep(), function_stats=())
    (wall, times), _ = replayed(shown.to_speedscope())
    assert len(wall["events"]) == 10_000
    assert len(times) == 5000
    assert shown.to_pstats().stats["c", 1, "f"][2] == pytest.approx(4999e-6)
    assert ProfileResult.from_json(shown.to_json()).to_collapsed() == shown.to_collapsed()


def test_what_is_no_time_is_left_out_of_exports():
    strange = [dataclasses.replace(node("f", 1.0), self_s=own) for own in (math.nan, math.inf, -1.0)]
    tree = node("root", 0, *strange, node("i", 2.0))
    shown = profile(tree=tree)
    assert replayed(shown.to_speedscope())[0][0]["endValue"] == 2.0
    assert shown.to_collapsed().count("\n") == 1
    assert shown.to_pstats().total_tt == 2.0


@pytest.mark.parametrize("form", ["to_speedscope", "to_collapsed", "to_pstats"])
def test_a_profile_without_a_tree_says_why_it_has_none(form):
    with pytest.raises(ConfigError, match="light profile has no call tree; use --mode standard"):
        getattr(failed_profile(), form)()
    with pytest.raises(ConfigError, match="no sample was taken"):
        getattr(profile(tree=None), form)()


@pytest.mark.parametrize("make", ALL)
def test_json_is_read_back_equal(make):
    assert ProfileResult.from_json(make().to_json()) == make()
    assert ProfileResult.from_dict(make().to_dict()) == make()


def test_json_holds_what_is_not_a_finite_number():
    shown = profile(wall_s=math.inf, interval_s=-math.inf, cpu_s=math.nan)
    text = shown.to_json()
    json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    found = ProfileResult.from_json(text)
    assert (found.wall_s, found.interval_s) == (math.inf, -math.inf)
    assert math.isnan(found.cpu_s)


def test_json_of_newer_and_older_versions_is_read():
    plain = full_profile().to_dict()
    plain["children"][0]["gpu_s"] = plain["gpu"] = plain["tree"][0]["gpu_s"] = 1.0
    assert ProfileResult.from_dict(plain) == full_profile()
    old = old_profile()
    nested = dataclasses.asdict(old.tree)
    plain = {k: v for k, v in old.to_dict().items() if k not in ("children", "traces", "children_cpu_s")}
    assert ProfileResult.from_json(json.dumps({**plain, "tree": nested})) == old


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "null", "7", "{}", '{"id": "x"}', "[" * 100_000, b"\xff\xfe",
        full_profile().to_json().replace('"wall_s": 5.92', '"wall_s": "soon"'),
        full_profile().to_json().replace('"samples": 1186', '"samples": 1.5'),
        full_profile().to_json().replace('"depth": 0', '"depth": 7'),
        full_profile().to_json().replace('"depth"', '"height"'),
        full_profile().to_json().replace('"notes": [', '"notes": [7, '),
        full_profile().to_json().replace('"children": [', '"children": [7, '),
        full_profile().to_json()[:-9],
    ],
)  # fmt: skip
def test_what_is_no_profile_is_one_clear_value_error(text):
    with pytest.raises(ValueError, match=r"^This is not a profile") as raised:
        ProfileResult.from_json(text)
    assert len(str(raised.value)) < 300


def test_missing_fields_are_named_and_counted():
    with pytest.raises(
        ValueError, match=r"^This is not a profile: ProfileResult lacks id, kind, .* more fields\.$"
    ):
        ProfileResult.from_json("{}")
    plain = profile().to_dict()
    del plain["wall_s"]
    with pytest.raises(ValueError, match=r"^This is not a profile: ProfileResult lacks wall_s\.$"):
        ProfileResult.from_dict(plain)


ENDINGS = (".json", ".html", ".speedscope.json", ".collapsed", ".txt", ".pstats", ".prof")


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_profile_is_saved_in_the_form_that_the_name_asks_for(tmp_path, ending):
    shown = threads_profile(label="naïve <b>")
    path = shown.save(tmp_path / f"cell{ending}")
    assert [path] == list(tmp_path.iterdir())
    if ending in (".pstats", ".prof"):
        assert pstats.Stats(str(path)).stats == shown.to_pstats().stats
        return
    text = path.read_text("utf-8")
    if ending == ".json":
        assert ProfileResult.from_json(text) == shown
    elif ending == ".html":
        assert text.lower().startswith("<!doctype html>")
        assert text.rstrip().endswith("</html>")
        assert "<b>" not in text.split("</title>")[0]
    else:
        assert text == (shown.to_speedscope() if ending == ".speedscope.json" else shown.to_collapsed())


def test_no_file_is_overwritten_unless_told_so(tmp_path):
    path = tmp_path / "cell.JSON"
    path.write_text("mine")
    with pytest.raises(FileThereError, match="overwrite=True") as raised:
        profile().save(path)
    assert isinstance(raised.value, (KosmosError, FileExistsError))
    assert path.read_text() == "mine"
    assert profile().save(str(path), overwrite=True) == path
    assert ProfileResult.from_json(path.read_text()) == profile()
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_saved_is_one_clear_line_and_leaves_nothing(tmp_path):
    with pytest.raises(ConfigError, match=r"'cell.xls' does not say which form.*\.speedscope\.json"):
        profile().save(tmp_path / "cell.xls")
    with pytest.raises(ConfigError, match="cannot be written: No such file"):
        profile().save(tmp_path / "nowhere" / "cell.json")
    with pytest.raises(ConfigError, match="light profile has no call tree"):
        failed_profile().save(tmp_path / "cell.prof")
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(ConfigError, match="cannot be written"):
        profile().save(tmp_path / "folder.json", overwrite=True)
    assert [file.name for file in tmp_path.iterdir()] == ["folder.json"]


def test_the_timeline_tells_cores_from_the_growth_of_cpu_time():
    moments = [(0.0, 0.0, 100.0), (0.5, 0.25, 110.0), (1.0, 2.25, 90.0), (1.0, 2.3, 80.0), (2.0, None, 70.0)]
    shown = profile(
        memory_snapshots=tuple(
            MemorySnapshot(timestamp=t, cpu_s=cpu, current_mb=mb, peak_mb=110.0) for t, cpu, mb in moments
        )
    )
    line = shown.timeline
    assert list(line.columns) == ["t_s", "cpu_cores", "rss_mb"]
    assert line.rss_mb.tolist() == [100.0, 110.0, 90.0, 80.0, 70.0]
    assert line.cpu_cores[1:3].tolist() == [0.5, 4.0]
    assert line.cpu_cores.isna().tolist() == [True, False, False, True, True]
    assert list(failed_profile().timeline.columns) == ["t_s", "cpu_cores", "rss_mb"]
    assert old_profile().timeline.cpu_cores.isna().all()


def test_exports_stay_out_of_what_a_notebook_saves():
    assert set(profile()._repr_mimebundle_()) <= {"text/plain", "text/html"}
