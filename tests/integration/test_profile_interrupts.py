"""Whatever fails in the profiler, whenever Ctrl-C comes: nothing of it stays, and the code is the user's."""

import gc
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import kosmos_nb
from kosmos_nb import ExecutionProfiler
from kosmos_nb.core import ProfilingError
from kosmos_nb.profiling.meters.process import ProcessMeter
from kosmos_nb.profiling.modes import new_session
from kosmos_nb.profiling.sampling.sampler import SAMPLER
from tests.kernel import RunningKernel, running_kernel

ROOT = str(Path(kosmos_nb.__file__).parent) + os.sep
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="lists its open files in /proc")


def installed() -> dict[str, object]:
    """What a profile puts into this process."""
    monitoring = getattr(sys, "monitoring", None)
    return {
        "sampler": SAMPLER.is_running,
        "signals": [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGPROF, signal.SIGALRM)],
        "collection": (gc.isenabled(), len(gc.callbacks)),
        "meters": len(ProcessMeter._running),
        "switch interval": sys.getswitchinterval(),
        "tools": [monitoring.get_tool(number) for number in range(6)] if monitoring else [],
        "hook": sys.getprofile(),
    }


@pytest.fixture
def nothing_stays() -> Iterator[None]:
    before = installed()
    yield
    assert installed() == before


class CtrlC:
    """Sends SIGINT at the nth line of ours that runs, as a user's Ctrl-C may come at any."""

    def __init__(self, at: int) -> None:
        self._left = at
        self.has_come = False

    def __enter__(self) -> "CtrlC":
        sys.settrace(self._trace)
        return self

    def __exit__(self, *error: object) -> None:
        sys.settrace(None)

    def _trace(self, frame: FrameType, event: str, argument: object) -> Any:
        if self.has_come or not frame.f_code.co_filename.startswith(ROOT):
            return None
        if event == "line":
            self._left -= 1
            if self._left == 0:
                self.has_come = True
                sys.settrace(None)
                frame.f_trace = None
                signal.raise_signal(signal.SIGINT)
        return self._trace


STRIDE = 2  # of the lines; the first one differs by mode


@pytest.mark.skipif(sys.gettrace() is not None, reason="coverage is tracing this very test")
@pytest.mark.parametrize(("mode", "first"), [("light", 1), ("standard", 3), ("full", 5)])
def test_ctrl_c_at_any_line_of_ours_leaves_nothing_behind(mode: str, first: int, nothing_stays: None) -> None:
    profiler = ExecutionProfiler(mode)
    profiler.profile_function(int)
    before = installed()
    at, outcomes = first, []
    while True:
        interrupt = CtrlC(at)
        try:
            with interrupt:
                profiler.profile_function(int)
        except KeyboardInterrupt:
            outcomes.append(at)
        assert installed() == before, f"line {at}"
        if not interrupt.has_come:
            break
        at += STRIDE
    assert len(outcomes) > 30, "every Ctrl-C comes to the user, though later"
    assert profiler.profile_function(int)[1].status == "ok"


class Breaks:
    """An instrument in which one step fails."""

    def __init__(self, step: str, error: BaseException) -> None:
        self._step, self._error = step, error

    def start(self, *given: object) -> None:
        self._maybe("start")

    def stop(self) -> None:
        self._maybe("stop")

    def add_to(self, found: Any, subject: object) -> Any:
        self._maybe("add_to")
        return found

    def _maybe(self, step: str) -> None:
        if step == self._step:
            self._step = ""
            raise self._error


def broken(step: str, error: BaseException, monkeypatch: pytest.MonkeyPatch) -> ExecutionProfiler:
    profiler = ExecutionProfiler()
    session = new_session("standard")
    session._instruments = [*session._instruments, Breaks(step, error)]
    monkeypatch.setattr(profiler, "_session", lambda own_file=None: session)
    return profiler


def fails() -> None:
    raise KeyError("the user's")


@pytest.mark.parametrize("step", ["stop", "add_to"])
def test_an_instrument_that_fails_is_a_note_and_the_rest_is_there(
    step: str, monkeypatch: pytest.MonkeyPatch, nothing_stays: None
) -> None:
    profiler = broken(step, OSError("no more"), monkeypatch)
    value, profile = profiler.profile_function(sum, [20, 22])
    assert value == 42
    assert profile.wall_s > 0
    assert "A part of this profile is missing: Breaks failed (OSError: no more)." in profile.notes
    with pytest.raises(KeyError, match="the user's"):
        broken(step, OSError("no more"), monkeypatch).profile_function(fails)


@pytest.mark.parametrize("error", [OSError("no more"), KeyboardInterrupt()])
def test_a_start_that_fails_takes_everything_back(
    error: BaseException, monkeypatch: pytest.MonkeyPatch, nothing_stays: None
) -> None:
    ran = []
    with pytest.raises((ProfilingError, KeyboardInterrupt)):
        broken("start", error, monkeypatch).profile_function(ran.append, 1)
    assert ran == []


def test_an_interrupt_of_the_end_is_raised_when_all_has_ended(
    monkeypatch: pytest.MonkeyPatch, nothing_stays: None
) -> None:
    with pytest.raises(KeyboardInterrupt):
        broken("stop", KeyboardInterrupt(), monkeypatch).profile_function(int)


def test_a_block_is_measured_once(nothing_stays: None) -> None:
    block = ExecutionProfiler().profile_context()
    with block:
        pass
    with pytest.raises(ProfilingError, match="one block"):
        block.__enter__()


@linux
def test_files_of_ours_that_the_code_closes_or_takes_are_no_error() -> None:
    code = """
        import os, tempfile
        from kosmos_nb import ExecutionProfiler

        def take_numbers():
            os.closerange(3, 200)
            kept.extend(os.open(path, os.O_RDWR) for _ in range(20))
            raise KeyError("the user's")

        kept, (file, path) = [], tempfile.mkstemp()
        os.write(file, b"1 2 three")
        profiler = ExecutionProfiler("light")
        try:
            profiler.profile_function(take_numbers)
        except KeyError as error:
            print(error, all(os.fstat(number) for number in kept))
        profile = profiler.get_result()
        print(profile.status, profile.rss_end_bytes > 1_000_000, profile.notes)
        os.remove(path)
        """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False
    )
    assert ran.stdout.split("\n")[:2] == ['"the user\'s" True', "failed True ()"], ran.stderr


@pytest.fixture(scope="module")
def kernel() -> Iterator[RunningKernel]:
    with running_kernel() as started:
        started.run("%load_ext kosmos_nb")
        yield started


def test_a_profile_that_cannot_begin_is_one_line_and_the_cell_runs(kernel: RunningKernel) -> None:
    pytest.importorskip("memray")
    kernel.run(f"import tempfile\nassert tempfile.gettempdir() == {tempfile.gettempdir()!r} or True")
    kernel.run("tempfile.tempdir = '/nonexistent'")
    reply = kernel.run("%%kosmos_profile --trace-memory\nx = 6 * 7\nx")
    kernel.run("tempfile.tempdir = None")
    texts = [content["text"] for kind, content in reply.outputs if kind == "stream"]
    assert len(texts) == 1
    assert texts[0].startswith("kosmos_nb: this cell is not profiled: --trace-memory needs a temporary file")
    assert [c["data"]["text/plain"] for kind, c in reply.outputs if kind == "execute_result"] == ["42"]
    state = kernel.run(
        "import signal, gc\n(signal.getsignal(signal.SIGPROF) == signal.SIG_DFL, gc.isenabled(), "
        "get_ipython().ast_transformers, 'showtraceback' in vars(get_ipython()))"
    )
    assert [c["data"]["text/plain"] for k, c in state.outputs if k == "execute_result"] == [
        "(True, True, [], False)"
    ]


@pytest.mark.parametrize("body", ["\n%%capture out\nprint(1)", "  %%capture out\n  print(1)"])
def test_a_second_magic_is_found_where_ipython_would_find_it(kernel: RunningKernel, body: str) -> None:
    for line in ("", "%%kosmos_profile --quiet\n"):
        kernel.run("out = None")
        reply = kernel.run(line + body)
        assert reply.outputs == []
        seen = kernel.run("out.stdout")
        assert [c["data"]["text/plain"] for k, c in seen.outputs if k == "execute_result"] == ["'1\\n'"]


def test_the_line_magics_own_frames_are_not_in_a_traceback(kernel: RunningKernel) -> None:
    (error,) = [c for kind, c in kernel.run("%kosmos_profile 1/0").outputs if kind == "error"]
    text = "\n".join(error["traceback"])
    assert error["ename"] == "ZeroDivisionError"
    for ours in ("options.py", "profile.py", "code.py", "one_line_errors"):
        assert ours not in text


def test_equal_functions_of_two_files_have_their_own_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("kosmos_twin_a", "kosmos_twin_b"):
        (tmp_path / f"{name}.py").write_text("def work():\n    return 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    first, second = (__import__(name).work for name in ("kosmos_twin_a", "kosmos_twin_b"))

    def main() -> None:
        for _ in range(5):
            first()
        for _ in range(7):
            second()

    _, profile = ExecutionProfiler(trace_calls=True).profile_function(main)
    calls = {stat.file: stat.calls for stat in profile.function_stats if stat.name == "work"}
    assert sorted(calls.values()) == [5, 7]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring came with Python 3.12")
def test_calls_cannot_be_traced_where_no_place_is_free_and_that_is_said_first(nothing_stays: None) -> None:
    made = ExecutionProfiler(trace_calls=True)
    try:
        for number in (3, 4):
            sys.monitoring.use_tool_id(number, "another")
        with pytest.raises(ProfilingError, match=r"sys\.monitoring"):
            ExecutionProfiler(trace_calls=True)
        with pytest.raises(ProfilingError, match=r"sys\.monitoring"):
            made.profile_function(int)
    finally:
        for number in (3, 4):
            sys.monitoring.free_tool_id(number)
