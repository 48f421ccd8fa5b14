"""Counted calls, traced calls and traced memory: exact, said so, and gone afterwards."""

import json
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from kosmos_nb import ExecutionProfiler, ProfileResult
from kosmos_nb.core import KosmosError, MissingExtraError, ProfilingError
from kosmos_nb.core.extras import require
from kosmos_nb.history import FunctionStat
from tests.kernel import RunningKernel, running_kernel

memray = pytest.importorskip("memray", reason="memray is not for Windows")

COUNTS_CALLS = sys.version_info >= (3, 12)
counts_calls = pytest.mark.skipif(not COUNTS_CALLS, reason="sys.monitoring came with Python 3.12")
one_hook = pytest.mark.skipif(COUNTS_CALLS, reason="until Python 3.11 all profilers share one hook")


@pytest.fixture(scope="module")
def kernel() -> Iterator[RunningKernel]:
    with running_kernel(load=True) as kernel:
        kernel.run("import sys, kosmos_nb, numpy as np")
        yield kernel


@pytest.fixture(autouse=True)
def _nothing_stays() -> Iterator[None]:
    before = held()
    yield
    assert held() == before


def held() -> dict[str, object]:
    """What a tracer could leave behind in this process."""
    monitoring = getattr(sys, "monitoring", None)
    return {
        "profile": sys.getprofile(),
        "thread profile": threading.getprofile(),
        "trace": sys.gettrace(),
        "tools": monitoring and [monitoring.get_tool(tool) for tool in range(6)],
        "threads": [thread.name for thread in threading.enumerate() if "trace" in thread.name],
        "files": [name for name in open_files() if "kosmos-memory-" in name],
    }


def open_files() -> list[str]:
    """Files that this process holds open, where the system tells."""
    folder = Path("/proc/self/fd")
    return [str(link.readlink()) for link in folder.iterdir() if link.is_symlink()] if folder.exists() else []


def profile_in(kernel: RunningKernel, line: str, body: str) -> ProfileResult:
    reply = kernel.run(f"%%kosmos_profile {line} -o result\n{body}")
    assert reply.error is None, reply.error
    text = kernel.run("print(result.to_json(), end='')").stdout
    return ProfileResult.from_json(text)


def calls(result: ProfileResult, *names: str) -> dict[str, int | None]:
    """Calls by the last part of the name, of the functions with these names."""
    found = {stat.name.rpartition(".")[2]: stat.calls for stat in result.function_stats}
    return {name: found.get(name) for name in names}


def stat(result: ProfileResult, name: str) -> FunctionStat:
    return next(s for s in result.function_stats if s.name.rpartition(".")[2] == name)


# Full mode counts the calls of the notebook's own functions


@counts_calls
def test_full_mode_counts_the_calls_of_functions_from_this_cell_and_earlier_ones(
    kernel: RunningKernel,
) -> None:
    kernel.run(
        "def earlier(x):\n    return x\n"
        "class Kind:\n    def method(self):\n        return [earlier(i) for i in range(3)]\n"
        "def make():\n    def nested():\n        return earlier(1)\n    return nested\n"
    )
    result = profile_in(
        kernel,
        "--mode full",
        "import json\ndef here():\n    return json.dumps([1])\nfor _ in range(40): here()\n"
        "f = make()\nf(); f()\nKind().method()\nlist(map(lambda x: x, range(6)));",
    )
    assert calls(result, "here", "make", "nested", "method", "earlier", "<lambda>") == {
        "here": 40,
        "make": 1,
        "nested": 2,
        "method": 1,
        "earlier": 5,
        "<lambda>": 6,
    }
    assert stat(result, "here").line == 3  # as the editor shows it, the magic's line included
    assert stat(result, "here").file.startswith("In[")
    assert not any(s.calls_capped for s in result.function_stats)
    assert calls(result, "dumps") == {"dumps": None}  # only the notebook's own
    assert result.traces == ()


@counts_calls
def test_calls_are_exact_for_generators_recursion_exceptions_coroutines_and_threads(
    kernel: RunningKernel,
) -> None:
    result = profile_in(
        kernel,
        "--mode full",
        textwrap.dedent("""
        import asyncio, threading
        def steps(n):
            for i in range(n): yield i
        def down(n): return 0 if n == 0 else down(n - 1)
        def fails(): raise ValueError
        async def waits(): await asyncio.sleep(0)
        def elsewhere(): pass
        def thread():
            for _ in range(30): elsewhere()
        for _ in range(3): list(steps(50))
        unstarted = steps(1)
        down(20)
        for _ in range(5):
            try: fails()
            except ValueError: pass
        await asyncio.gather(*(waits() for _ in range(8)))
        workers = [threading.Thread(target=thread) for _ in range(4)]
        for worker in workers: worker.start()
        for worker in workers: worker.join()
        """),
    )
    assert calls(result, "steps", "down", "fails", "waits", "elsewhere", "thread") == {
        "steps": 3,
        "down": 21,
        "fails": 5,
        "waits": 8,
        "elsewhere": 120,
        "thread": 4,
    }


@counts_calls
def test_a_hot_function_is_counted_to_ten_thousand_and_the_others_go_on(kernel: RunningKernel) -> None:
    result = profile_in(
        kernel,
        "--mode full",
        "def hot(): pass\ndef cool(): pass\nfor i in range(50_000):\n    hot()\n    if i % 1000 == 0: cool()",
    )
    assert (stat(result, "hot").calls, stat(result, "hot").calls_capped) == (10_000, True)
    assert (stat(result, "cool").calls, stat(result, "cool").calls_capped) == (50, False)
    again = profile_in(kernel, "--mode full", "for i in range(20): hot()")
    assert (stat(again, "hot").calls, stat(again, "hot").calls_capped) == (20, False)


@counts_calls
def test_many_hot_functions_are_counted_until_the_time_is_used_up_and_the_result_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "kosmos_nb.profiling.traces.counter.CALLS_PER_S", 1
    )  # else a slow machine would allow more
    names: dict[str, object] = {}
    source = "\n".join(f"def f{i}(): pass" for i in range(40)) + "\ndef rare(): pass\ndef all_of_them():\n"
    source += "    for _ in range(3000):\n" + "".join(f"        f{i}()\n" for i in range(40)) + "    rare()\n"
    exec(compile(source, "many.py", "exec"), names)
    profiler = ExecutionProfiler("full")
    profiler.profile_function(names["all_of_them"])  # type: ignore[arg-type]
    result = profiler.get_result()
    capped = [s for s in result.function_stats if s.calls_capped]
    assert capped
    assert all(s.calls is not None and 100 <= s.calls <= 3000 for s in capped)
    assert (stat(result, "rare").calls, stat(result, "rare").calls_capped) == (1, False)
    assert any("1 % of the time" in note for note in result.notes)


@counts_calls
def test_a_script_counts_the_functions_of_its_own_file_alone() -> None:
    def own() -> None:
        json.dumps([1])

    result = ExecutionProfiler("full").profile_function(lambda: [own() for _ in range(12)])[1]
    assert calls(result, "own", "dumps") == {"own": 12, "dumps": None}


@counts_calls
def test_counting_leaves_coverage_and_debuggers_of_sys_monitoring_alone() -> None:
    monitoring = sys.monitoring  # type: ignore[attr-defined]
    seen: list[str] = []

    def small() -> None: ...

    tools = {monitoring.COVERAGE_ID: "coverage.py", monitoring.DEBUGGER_ID: "pydevd"}
    for tool, name in tools.items():
        monitoring.use_tool_id(tool, name)
        monitoring.register_callback(
            tool, monitoring.events.PY_START, lambda code, at: seen.append(code.co_name)
        )
        monitoring.set_local_events(tool, small.__code__, monitoring.events.PY_START)
    try:
        result = ExecutionProfiler("full").profile_function(lambda: [small() for _ in range(7)])[1]
        assert [monitoring.get_tool(tool) for tool in tools] == list(tools.values())
        small()
    finally:
        for tool in tools:
            monitoring.set_local_events(tool, small.__code__, 0)
            monitoring.register_callback(tool, monitoring.events.PY_START, None)
            monitoring.free_tool_id(tool)
    assert calls(result, "small") == {"small": 7}
    assert seen == ["small"] * 16


@counts_calls
def test_where_no_place_is_free_the_result_says_that_calls_are_not_counted() -> None:
    monitoring = sys.monitoring  # type: ignore[attr-defined]
    for tool in (3, 4):
        monitoring.use_tool_id(tool, "somebody else")
    try:
        result = ExecutionProfiler("full").profile_function(lambda: None)[1]
        with pytest.raises(ProfilingError, match="place"):
            ExecutionProfiler("light", trace_calls=True).profile_function(lambda: None)
    finally:
        for tool in (3, 4):
            monitoring.free_tool_id(tool)
    assert any("not counted" in note for note in result.notes)


@counts_calls
def test_what_was_counted_to_the_limit_is_seen_by_the_next_tool_that_takes_the_place() -> None:
    monitoring = sys.monitoring  # type: ignore[attr-defined]
    seen: list[str] = []

    def hot() -> None: ...

    ExecutionProfiler("full").profile_function(lambda: [hot() for _ in range(11_000)])
    for tool in (3, 4):
        monitoring.use_tool_id(tool, "somebody else")
        monitoring.register_callback(
            tool, monitoring.events.PY_START, lambda code, at: seen.append(code.co_name)
        )
        monitoring.set_events(tool, monitoring.events.PY_START)
    try:
        hot()
    finally:
        for tool in (3, 4):
            monitoring.set_events(tool, 0)
            monitoring.register_callback(tool, monitoring.events.PY_START, None)
            monitoring.free_tool_id(tool)
    assert seen.count("hot") == 2


@counts_calls
def test_the_child_of_a_fork_counts_nothing() -> None:
    script = textwrap.dedent("""
        import os, sys
        from kosmos_nb import ExecutionProfiler
        def f(): pass
        profiler = ExecutionProfiler("full", trace_calls="calls" in sys.argv)
        with profiler.profile_context():
            child = os.fork()
            if child == 0:
                print([sys.monitoring.get_tool(tool) for tool in (3, 4)], flush=True)
                os._exit(0)
            os.waitpid(child, 0)
            for _ in range(3): f()
        print({s.name: s.calls for s in profiler.get_result().function_stats}["f"])
    """)
    for arguments in ([], ["calls"]):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", script, *arguments],
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.split("\n")[:2] == ["[None, None]", "3"]


@one_hook
def test_python_3_11_says_that_calls_are_not_counted(kernel: RunningKernel) -> None:
    result = profile_in(kernel, "--mode full", "def f(): pass\nf()")
    assert any("3.12" in note for note in result.notes)
    assert all(s.calls is None for s in result.function_stats)


# --trace-calls


@pytest.mark.parametrize("mode", ["light", "standard", "full"])
def test_traced_calls_are_exact_for_python_and_c_in_every_mode(kernel: RunningKernel, mode: str) -> None:
    result = profile_in(
        kernel,
        f"--mode {mode} --trace-calls",
        "import colorsys, math\ndef mine(x): return math.sqrt(x)\n"
        "for i in range(12_345): mine(i)\nfor _ in range(7): colorsys.rgb_to_hsv(1, 0, 0)",
    )
    assert calls(result, "mine", "rgb_to_hsv", "sqrt>") == {"mine": 12345, "rgb_to_hsv": 7, "sqrt>": 12345}
    assert not any(s.calls_capped for s in result.function_stats)
    assert stat(result, "mine").file.startswith("In[")
    assert stat(result, "mine").line == 3
    assert result.traces == ("calls",)
    assert any("2-6 times slower" in note for note in result.notes)
    assert not [s for s in result.function_stats if "kosmos_nb" in s.file or "IPython" in s.file]


def test_functions_that_no_sample_saw_have_calls_and_no_time() -> None:
    def quick() -> None: ...

    result = ExecutionProfiler("light", trace_calls=True).profile_function(lambda: [quick(), quick()])[1]
    seen = stat(result, "quick")
    assert (seen.calls, seen.samples, seen.self_s, seen.total_s) == (2, 0, 0.0, 0.0)


def test_calls_of_a_program_count_from_its_first_line() -> None:
    profiler = ExecutionProfiler("light", trace_calls=True)
    profiler.profile_experiment(
        "e1", "def f(n):\n    return n\nfor i in range(21): f(i)\nsorted([2, 1], key=f)"
    )
    assert calls(profiler.get_result(), "f", "sorted>") == {"f": 23, "sorted>": 1}


@one_hook
def test_another_profile_function_is_said_before_the_cell_runs(kernel: RunningKernel) -> None:
    reply = kernel.run("import sys\nsys.setprofile(lambda *event: None)\nran = False")
    try:
        reply = kernel.run("%%kosmos_profile --trace-calls\nran = True")
        assert reply.status == "error"
        assert "sys.setprofile" in reply.stderr
        assert len(reply.stderr.strip().splitlines()) == 1
        assert kernel.value("ran") == "False"
    finally:
        kernel.run("sys.setprofile(None)")


@one_hook
def test_a_profile_function_that_the_code_leaves_behind_stays() -> None:
    def theirs(frame: object, event: str, argument: object) -> None: ...

    try:
        result = ExecutionProfiler("light", trace_calls=True).profile_function(sys.setprofile, theirs)[1]
        assert sys.getprofile() is theirs
    finally:
        sys.setprofile(None)
    assert any("in part" in note for note in result.notes)


def test_both_traces_go_together_or_the_message_says_from_which_python_on() -> None:
    if COUNTS_CALLS:
        profiler = ExecutionProfiler("light", trace_calls=True, trace_memory=True)
        result = profiler.profile_function(lambda: bytearray(5_000_000))[1]
        assert sorted(result.traces) == ["calls", "memory"]
    else:
        with pytest.raises(ProfilingError, match=r"3\.12"):
            ExecutionProfiler("light", trace_calls=True, trace_memory=True)


# --trace-memory


@pytest.mark.parametrize("mode", ["light", "full"])
def test_traced_memory_finds_the_peak_and_who_held_it(kernel: RunningKernel, mode: str) -> None:
    result = profile_in(
        kernel,
        f"--mode {mode} --trace-memory",
        "def load():\n    return np.zeros(100_000_000, dtype=np.uint8)\n"
        "kept = load()\nfreed = np.zeros(50_000_000, dtype=np.uint8)\ndel freed\n"
        "few = bytearray(10_000_000)\ndel kept, few",
    )
    assert result.heap_peak_bytes == pytest.approx(150_000_000, rel=0.01)
    first, second = result.allocation_sites[:2]
    assert (first.name, first.line, first.peak_blocks) == ("load", 3, 1)
    assert first.peak_bytes == pytest.approx(100_000_000, rel=1e-4)
    assert (second.name, second.line) == ("<module>", 5)
    assert second.peak_bytes == pytest.approx(50_000_000, rel=1e-4)
    assert first.file == second.file
    assert first.file.startswith("In[")
    assert result.traces == ("memory",)
    assert any("memray" in note for note in result.notes)


def test_memory_is_traced_across_an_await_and_in_threads(kernel: RunningKernel) -> None:
    result = profile_in(
        kernel,
        "--mode light --trace-memory",
        "import asyncio, threading\nheld = []\nawait asyncio.sleep(0)\nheld.append(bytearray(20_000_000))\n"
        "def elsewhere():\n    held.append(bytearray(30_000_000))\n"
        "thread = threading.Thread(target=elsewhere)\nthread.start()\nthread.join()\nheld.clear()",
    )
    found = {site.line: site.peak_bytes for site in result.allocation_sites if site.peak_bytes > 1_000_000}
    assert found.keys() == {5, 7}
    assert found[5] == pytest.approx(20_000_000, rel=1e-3)
    assert found[7] == pytest.approx(30_000_000, rel=1e-3)


def test_a_cell_that_fails_or_is_interrupted_keeps_its_memory_profile(kernel: RunningKernel) -> None:
    for error in ("ValueError", "KeyboardInterrupt"):
        reply = kernel.run(
            f"%%kosmos_profile --mode light --trace-memory\nheld = bytearray(40_000_000)\nraise {error}('x')"
        )
        assert reply.error is not None
        assert reply.error.ename == error
        assert "kosmos_nb" not in "".join(reply.error.traceback)
        assert "memray" not in "".join(reply.error.traceback)
        assert int(kernel.value("kosmos_nb.last().heap_peak_bytes")) > 40_000_000
        assert kernel.value("sys.getprofile()") == "None"


@pytest.mark.parametrize("line", ["--mode full", "--mode light --trace-calls", "--mode light --trace-memory"])
def test_an_interrupt_shows_no_frame_of_ours_wherever_it_falls(kernel: RunningKernel, line: str) -> None:
    for _ in range(8):
        cell = kernel.start(
            f"%%kosmos_profile {line}\ndef f(): pass\n"
            "if True:\n    print('go', flush=True)\n    while True: f()"
        )
        cell.wait_for_text("go")
        kernel.interrupt()
        reply = cell.result()
        assert reply.error is not None
        assert reply.error.ename == "KeyboardInterrupt"
        assert "kosmos_nb" not in "".join(reply.error.traceback)
    assert kernel.value("kosmos_nb.last().status") == "'interrupted'"


def test_a_second_tracker_is_refused_in_words(tmp_path: Path) -> None:
    with memray.Tracker(tmp_path / "theirs.bin"), pytest.raises(ProfilingError, match="one tracker"):
        ExecutionProfiler("light", trace_memory=True)
    profiler = ExecutionProfiler("light", trace_memory=True)
    with profiler.profile_context(), pytest.raises(ProfilingError, match="one tracker"):
        ExecutionProfiler("light", trace_memory=True)


def test_the_child_of_a_fork_leaves_the_parents_trace_alone() -> None:
    script = textwrap.dedent("""
        import os
        from kosmos_nb import ExecutionProfiler
        profiler = ExecutionProfiler("light", trace_memory=True)
        with profiler.profile_context():
            held = bytearray(10_000_000)
            child = os.fork()
            if child == 0:
                more = bytearray(90_000_000)
                raise SystemExit(0)
            os.waitpid(child, 0)
        print(profiler.get_result().heap_peak_bytes < 20_000_000)
    """)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "True\n", done.stderr


def test_without_memray_the_cell_does_not_run_and_one_line_says_what_to_install() -> None:
    with running_kernel(load=True) as kernel:
        kernel.run("import sys\nsys.modules['memray'] = None\nran = False")
        for cell in ("ran = True", "await nothing"):
            reply = kernel.run(f"%%kosmos_profile --trace-memory\n{cell}")
            assert reply.status == "error"
            assert "--trace-memory" in reply.stderr
            assert "pip install memray" in reply.stderr
            assert len(reply.stderr.strip().splitlines()) == 1
        assert kernel.value("ran") == "False"
        assert kernel.run("%%kosmos_profile --trace-calls\nran = True").error is None


def test_require_names_the_feature_and_the_pip_line() -> None:
    with pytest.raises(MissingExtraError) as raised:
        require("no_such_library_of_ours", "--some-feature", "some-library")
    assert isinstance(raised.value, KosmosError)
    assert (raised.value.feature, raised.value.install) == ("--some-feature", "some-library")
    assert "pip install some-library" in str(raised.value)
    assert "--some-feature" in str(raised.value)
    assert require("json", "--f", "json") is json


# The face


def test_the_options_are_offered_by_the_tab_key_and_explained(kernel: RunningKernel) -> None:
    assert {"--trace-calls", "--trace-memory"} <= set(kernel.complete("%%kosmos_profile --trace"))
    assert set(kernel.complete("%%kosmos_profile --mode ")) >= {"full", "light", "standard"}
    assert "full" not in kernel.complete("%kosmos_profile --always ")
    shown = kernel.run("%kosmos_profile --help").stdout
    assert "--trace-memory" in shown
    assert "memray" in shown


def test_full_can_be_the_mode_of_every_profile_but_not_of_every_cell(kernel: RunningKernel) -> None:
    kernel.run("%config Kosmos.mode = 'full'")
    try:
        assert profile_in(kernel, "", "1").mode == "full"
        assert kernel.value("kosmos_nb.last().mode") == "'full'"
    finally:
        kernel.run("%config Kosmos.mode = 'standard'")
    refused = kernel.run("%kosmos_profile --always full")
    assert refused.status == "error"
    assert "off, light, standard" in refused.stderr


def test_the_line_form_traces_as_well(kernel: RunningKernel) -> None:
    kernel.run("def once(): return 1")
    kernel.run("r = %kosmos_profile --mode light --trace-calls [once() for _ in range(33)]")
    assert kernel.value("r.function_calls['once']") == "33"
    kernel.run("r = %kosmos_profile --mode light --trace-memory bytearray(60_000_000)")
    assert int(kernel.value("r.allocation_sites[0].peak_bytes")) >= 60_000_000


@pytest.mark.parametrize("line", ["--mode full", "--mode light --trace-calls", "--mode light --trace-memory"])
def test_the_cell_is_the_users_under_every_trace(kernel: RunningKernel, line: str) -> None:
    plain = kernel.run("def f():\n    return 1/0\nprint('before')\nf()")
    traced = kernel.run(f"%%kosmos_profile {line}\ndef f():\n    return 1/0\nprint('before')\nf()")
    assert traced.stdout == plain.stdout
    assert traced.error is not None
    assert plain.error is not None
    assert (traced.error.ename, traced.error.evalue) == (plain.error.ename, plain.error.evalue)
    assert "kosmos_nb" not in "".join(traced.error.traceback)
    before = set(json.loads(kernel.value("__import__('json').dumps(sorted(globals()))")[1:-1]))
    assert kernel.run(f"%%kosmos_profile {line} --quiet\n20 + 22").result == kernel.run("20 + 22").result
    after = set(json.loads(kernel.value("__import__('json').dumps(sorted(globals()))")[1:-1]))
    assert {name for name in after - before if not name.startswith(("_", "Out", "In"))} == set()
    state = "(sys.getprofile(), sys.gettrace(), __import__('threading').getprofile())"
    assert kernel.value(state) == "(None, None, None)"
    if COUNTS_CALLS:
        assert (
            kernel.value("[sys.monitoring.get_tool(tool) for tool in (2, 3, 4, 5)]")
            == "[None, None, None, None]"
        )
