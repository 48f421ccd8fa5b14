"""`CodeExecutor`: real child processes, and what comes back however they end."""

import os
import signal
import subprocess
import sys
import threading

import psutil
import pytest

from kosmos_nb import CodeExecutor, CodeResult
from kosmos_nb.core import ConfigError, ExecutionError, SandboxUnavailableError
from tests.waiting import until


def run(code: str, *arguments, timeout_s: float | None = 60, **options) -> CodeResult:
    return CodeExecutor(sandbox="none", timeout_s=timeout_s).execute(code, *arguments, **options)


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def children_of_this_process() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


def test_code_runs_in_another_process_and_says_what_came_of_it():
    result = run("import os\nprint('here')\nx = given * 2\nos.getpid()", {"given": 21}, returns=["x"])
    assert result.status == "ok"
    assert result.value not in (None, os.getpid())
    assert result.variables == {"x": 42}
    assert (result.stdout, result.stderr, result.exit_code) == ("here\n", "", 0)
    assert result.wall_s > 0
    assert result.peak_bytes > 0
    assert result.profile_result is None


def test_with_profiling_the_result_has_the_profile_of_the_codes_lines():
    code = (
        "import time\n"
        "def work():\n"
        "    end_s = time.thread_time() + 0.3\n"
        "    while time.thread_time() < end_s:\n"
        "        sum(range(1000))\n"
        "work()\n"
    )
    executor = CodeExecutor(enable_profiling=True, sandbox="none")
    result = executor.execute(code, label="mine", experiment_id="exp_1")
    profile = result.profile_result
    assert (profile.status, profile.kind, profile.label) == ("ok", "run", "mine")
    assert (profile.experiment_id, profile.code) == ("exp_1", code)
    lines = {stat.line: stat for stat in profile.line_stats}
    assert lines[6].source == "work()"
    assert sum(lines[n].self_s for n in (4, 5) if n in lines) > profile.wall_s / 2
    assert profile.cpu_s >= 0.3
    assert executor.execute("x = 1").profile_result is not None  # the same one, again


def test_a_profile_is_there_also_when_the_code_raised_or_left():
    executor = CodeExecutor(enable_profiling=True, sandbox="none", mode="light")
    failed = executor.execute("1 / 0")
    assert (failed.status, failed.profile_result.status) == ("failed", "failed")
    left = executor.execute("import sys; sys.exit()")
    assert (left.status, left.profile_result.status) == ("ok", "ok")
    assert executor.execute("def f(:").profile_result is None  # nothing ran


@pytest.mark.parametrize("sandbox", ["auto", "required"])
def test_without_a_cage_nothing_runs_and_the_way_out_is_said(sandbox, tmp_path):
    file = tmp_path / "ran"
    with pytest.raises(SandboxUnavailableError, match="sandbox='none'") as caught:
        CodeExecutor(sandbox=sandbox).execute(f"open({str(file)!r}, 'w')")
    assert isinstance(caught.value, ExecutionError)
    assert not file.exists()
    with pytest.raises(SandboxUnavailableError):
        CodeExecutor().execute("x = 1")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sandbox": "off"}, "one of auto, required, none"),
        ({"timeout_s": 0}, "above 0"),
        ({"timeout_s": float("nan")}, "above 0"),
        ({"output_bytes": 0}, "from 2 up"),
        ({"enable_profiling": True, "mode": "quick"}, "quick"),
    ],
)
def test_an_argument_that_makes_no_sense_is_said_at_once(options, words):
    with pytest.raises(ConfigError, match=words):
        CodeExecutor(**options)


def test_an_exception_is_told_as_python_prints_it_without_frames_of_ours():
    result = run("def f():\n    return {}['key']\nf()")
    assert (result.status, result.error_type, result.exit_code) == ("failed", "KeyError", 1)
    assert result.traceback.startswith('Traceback (most recent call last):\n  File "<code>", line 3')
    assert "return {}['key']" in result.traceback
    assert "kosmos_nb" not in result.traceback


def test_a_syntax_error_shows_its_line_and_nothing_of_ours():
    result = run("x = 1\ny = (")
    assert (result.status, result.error_type) == ("failed", "SyntaxError")
    assert "y = (" in result.traceback
    assert "kosmos_nb" not in result.traceback


@pytest.mark.parametrize(
    ("code", "status", "exit_code", "error"),
    [
        ("import sys; sys.exit(0)", "ok", 0, None),
        ("import sys; sys.exit(7)", "failed", 7, "sys.exit(7)"),
        ("raise KeyboardInterrupt", "interrupted", 130, "KeyboardInterrupt"),
        ("import os; os._exit(4)", "failed", 4, "exit code 4"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "failed", -11, "SIGSEGV"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "failed", -9, "out of memory"),
        ("import os; os.abort()", "failed", -6, "SIGABRT"),
    ],
)
def test_every_end_of_the_child_is_a_result(code, status, exit_code, error):
    result = run("print('before')\n" + code)
    assert (result.status, result.exit_code) == (status, exit_code)
    assert error is None if result.error is None else error in result.error
    assert result.stdout == "before\n"


def test_words_given_to_exit_are_printed_as_python_does():
    result = run("raise SystemExit('no data')")
    assert (result.exit_code, result.stderr) == (1, "no data\n")


def test_the_standard_streams_are_told_apart_also_below_python():
    result = run("import os\nos.system('echo out; echo err >&2')\nprint('last', flush=True)")
    assert result.stdout == "out\nlast\n"
    assert result.stderr == "err\n"


def test_a_flood_of_output_neither_blocks_nor_fills_memory():
    code = "import os\nprint('first')\nfor _ in range(400):\n    os.write(1, b'x' * 65536)\nprint('last')"
    result = CodeExecutor(sandbox="none", output_bytes=10_000).execute(code)
    assert result.status == "ok"
    assert result.stdout.startswith("first\n")
    assert result.stdout.endswith("last\n")
    assert "26.2 MB left out" in result.stdout
    assert len(result.stdout) < 11_000


def test_a_time_limit_kills_the_whole_tree_and_keeps_what_was_printed(tmp_path):
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()'],"
        " start_new_session=True)\n"
        "print(child.pid)\n"
        "child.wait()\n"
    )
    result = run(code, timeout_s=2)
    assert (result.status, result.error_type) == ("failed", "TaskTimeoutError")
    assert "2 s" in result.error
    until(lambda: not is_running(int(result.stdout)))


def test_an_interrupt_ends_the_child_and_goes_on_to_the_caller(tmp_path):
    script, told = tmp_path / "script.py", tmp_path / "pid"
    code = f"""
import os, signal
open("{told}.new", "w").write(str(os.getpid()))
os.rename("{told}.new", "{told}")
signal.pause()
"""
    script.write_text(
        "from kosmos_nb import CodeExecutor\n"
        f"code = {code!r}\n"
        "try:\n"
        "    CodeExecutor(sandbox='none').execute(code)\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted')\n"
    )
    process = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True)
    until(told.exists)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=30)[0] == "interrupted\n"
    until(lambda: not is_running(int(told.read_text())))


def test_what_the_code_defines_can_be_sent_back_and_what_cannot_is_said():
    code = (
        "import threading\n"
        "class Point:\n"
        "    def __init__(self, x): self.x = x\n"
        "def double(x): return 2 * x\n"
        "lock = threading.Lock()\n"
        "Point(3)\n"
    )
    result = run(code, returns=["double", "lock", "missing"])
    assert result.value.x == 3
    assert result.variables["double"](4) == 8
    assert set(result.variables) == {"double"}
    assert "The variable 'lock', of type lock, cannot be sent back" in result.notes[0]
    assert "no variable 'missing'" in result.notes[1]


def test_what_cannot_travel_to_the_child_is_named():
    with pytest.raises(ConfigError, match=r"local_vars\['lock'\]"):
        run("x = 1", {"fine": 1, "lock": threading.Lock()})
    with pytest.raises(ConfigError, match="text, not as bytes"):
        run(b"x = 1")


def test_code_is_main_and_each_run_begins_anew():
    assert run("import sys\nflag = 1\nsys.modules['__main__'].flag").value == 1
    assert run("'flag' in globals()").value is False
    code = "def f(x): return x + 1\nimport multiprocessing\n"
    code += "with multiprocessing.get_context('fork').Pool(2) as pool: out = pool.map(f, [1, 2])\nout"
    assert run(code).value == [2, 3]


def test_threads_of_the_code_are_waited_for_as_a_script_does():
    code = (
        "import threading, time\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "ThreadPoolExecutor().submit(lambda: print('pool'))\n"
        "threading.Timer(0.05, lambda: print('late')).start()\n"
    )
    assert sorted(run(code).stdout.split()) == ["late", "pool"]


def test_a_forked_child_that_comes_to_the_end_is_nobodys_answer():
    result = run("import os\npid = os.fork()\nif pid: os.waitpid(pid, 0)\n'parent' if pid else 'child'")
    assert (result.status, result.value) == ("ok", "parent")


@pytest.mark.parametrize("profiling", [False, True])
@pytest.mark.parametrize(
    ("end", "status", "said"),
    [
        ("sys.exit(3)", 3, ""),
        ("sys.exit()", 0, ""),
        ("sys.exit('no data')", 1, "no data\n"),
        ("{}['key']", 1, "KeyError: 'key'\n"),
    ],
)
def test_a_forked_child_ends_with_its_own_exit_code_and_words(tmp_path, profiling, end, status, said):
    code = (
        "import os, sys, warnings\n"
        "warnings.simplefilter('ignore')\n"  # from 3.12 Python warns of every fork beside threads
        f"if os.fork() == 0:\n    {end}\n"
        "os.waitstatus_to_exitcode(os.wait()[1])"
    )
    result = CodeExecutor(profiling, sandbox="none", timeout_s=60).execute(code)
    assert (result.status, result.value) == ("ok", status)
    assert result.stderr.endswith(said)
    assert "kosmos_nb" not in result.stderr
    script = tmp_path / "script.py"
    script.write_text(code.replace("os.waitstatus", "assert os.waitstatus") + f" == {status}")
    plain = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert plain.stderr.count("\n") == result.stderr.count("\n")


def test_a_forked_child_says_what_it_had_in_its_buffers():
    code = "import os, sys\nif os.fork() == 0:\n    print('child', end='')\n    sys.exit(3)\nos.wait()[1]"
    result = run(code)
    assert (result.value, result.stdout) == (3 << 8, "child")


def test_a_failure_in_print_shows_what_is_needed_to_mend_it():
    failed = run("import sys\nfor n in range(99): print('line', n, file=sys.stderr)\n{}['key']")
    words = str(failed)
    assert words.startswith("failed with KeyError after ")
    assert "exit code 1: 'key'" in words
    assert "stderr, last 20 of 99 lines:\n  line 79\n" in words
    assert words.endswith("KeyError: 'key'")
    fine = str(run("print('secret')\n42"))
    assert fine.startswith("ok in ")
    assert fine.endswith(", value of type int")
    killed = str(run("import os\nos._exit(4)"))
    assert "exit code 4" in killed
    assert "note: The process ended before the code did" in killed


def test_reading_input_ends_at_once():
    assert run("input()").error_type == "EOFError"


def test_nothing_is_left_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    threads = set(threading.enumerate())
    fds = psutil.Process().num_fds()
    for code in ("x = 1", "import os; os._exit(1)"):
        run(code)
    assert list(tmp_path.iterdir()) == []
    assert set(threading.enumerate()) <= threads
    assert psutil.Process().num_fds() == fds
    assert children_of_this_process() == []


def test_executions_in_several_threads_keep_their_output_apart():
    found: dict[int, str] = {}

    def job(number: int) -> None:
        found[number] = run(f"print({number})").stdout

    threads = [threading.Thread(target=job, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: f"{number}\n" for number in range(6)}


def test_the_record_shows_no_output_and_no_variable():
    secret = "hunter2"  # not one; it only must not be shown
    result = run(
        "print(word)\nimport sys\nprint(word, file=sys.stderr)\ncopy = word",
        {"word": secret},
        returns=["copy"],
    )
    assert result.variables == {"copy": secret}
    assert secret not in repr(result)
