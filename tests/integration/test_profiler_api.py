"""`ExecutionProfiler` in scripts, threads, coroutines and worker processes."""

import asyncio
import multiprocessing
import pickle
import subprocess
import sys
import textwrap
import threading
import time
import traceback

import cloudpickle
import pytest

from kosmos_nb import ExecutionProfiler, ExperimentTask, ParallelExperimentExecutor, ProfileResult
from kosmos_nb.core import ConfigError, ProfilingError

cloudpickle.register_pickle_by_value(sys.modules[__name__])


def compute(seconds: float) -> int:
    until_s = time.thread_time() + seconds
    rounds = 0
    while time.thread_time() < until_s:
        rounds += sum(range(1_000)) > 0
    return rounds


COMPUTE = """\
import time

def part(seconds):
    until_s = time.thread_time() + seconds
    while time.thread_time() < until_s:
        sum(range(1_000))

def both(seconds):
    part(seconds)

both(0.3)
total = 3
"""


def test_an_experiments_lines_are_those_of_its_code():
    profile = ExecutionProfiler().profile_experiment("exp_123", COMPUTE)
    assert (profile.kind, profile.experiment_id, profile.status) == ("run", "exp_123", "ok")
    assert profile.code == COMPUTE
    lines = {stat.line: stat for stat in profile.line_stats}
    assert lines[11].source == "both(0.3)"
    assert lines[9].source == "    part(seconds)"
    in_loop = sum(lines[n].self_s for n in (5, 6) if n in lines)
    assert in_loop > profile.wall_s / 2
    assert {"both", "part"} <= {stat.name for stat in profile.function_stats}


def test_an_experiment_has_one_namespace_and_leaves_its_names_there():
    names = {"given": 4}
    code = textwrap.dedent(
        """
        import math
        def fib(n):
            return n if n < 2 else fib(n - 1) + fib(n - 2)
        def root():
            return math.sqrt(given)
        class Point:
            near = [root() for _ in range(2)]
        answer = fib(10) + root()
        answer
        """
    )
    profile = ExecutionProfiler(mode="light").profile_experiment("e", code, names)
    assert profile.value == 57
    assert set(names) == {"given", "math", "fib", "root", "Point", "answer"}
    assert names["fib"](7) == 13  # it still works on its own


def test_an_experiment_runs_its_main_block_and_touches_no_name_of_the_caller():
    names = {"__name__": "mine"}
    ExecutionProfiler(mode="light").profile_experiment("e", "name = __name__", names)
    assert names == {"__name__": "mine", "name": "mine"}
    empty: dict[str, object] = {}
    ExecutionProfiler(mode="light").profile_experiment("e", "if __name__ == '__main__': x = 1", empty)
    assert empty == {"x": 1}


def test_an_experiment_that_fails_raises_and_is_profiled_and_shows_its_line():
    profiler = ExecutionProfiler(mode="light")
    with pytest.raises(ZeroDivisionError) as caught:
        profiler.profile_experiment("exp_7", "x = 1\nx / 0  # here")
    assert "x / 0  # here" in "".join(traceback.format_exception(caught.value))
    assert profiler.get_result().status == "failed"
    assert profiler.get_result().exception_type == "ZeroDivisionError"
    with pytest.raises(KeyboardInterrupt):
        profiler.profile_experiment("exp_8", "raise KeyboardInterrupt")
    assert profiler.get_result().status == "interrupted"


@pytest.mark.parametrize(
    "code", ["def f(:\n  pass", "x = '\0'", "x = '\ud800'", "await f()", "  x = 1\n y = 2"]
)
def test_code_that_is_no_python_is_a_syntax_error_that_names_the_experiment(code):
    profiler = ExecutionProfiler(mode="light")
    with pytest.raises(SyntaxError) as caught:
        profiler.profile_experiment("exp_9", code)
    assert caught.value.filename == "<experiment exp_9>"
    profile = profiler.get_result()
    assert profile.status == "failed"
    assert profile.exception_type in {"SyntaxError", "IndentationError"}


@pytest.mark.parametrize(
    ("arguments", "words"), [((None,), "text, not as NoneType"), (("x = 1", [1]), "not list")]
)
def test_what_is_no_code_or_no_namespace_is_said(arguments, words):
    with pytest.raises(ConfigError, match=words):
        ExecutionProfiler().profile_experiment("e", *arguments)


def test_a_function_gives_its_value_and_its_profile():
    value, profile = ExecutionProfiler().profile_function(compute, 0.1)
    assert value > 0
    assert profile.kind == "function"
    assert profile.cpu_s >= 0.1
    assert any(stat.name == "compute" for stat in profile.function_stats)


def test_a_coroutine_function_is_answered_with_how_to_profile_it():
    async def job() -> int:
        await asyncio.sleep(0)
        return 5

    profiler = ExecutionProfiler(mode="light")
    with pytest.raises(ConfigError, match=r"profile_function\(asyncio.run, job"):
        profiler.profile_function(job)
    assert profiler.profile_function(asyncio.run, job())[0] == 5
    coroutine, profile = profiler.profile_function(lambda: job())  # noqa: PLW0108 - no coroutine function itself
    coroutine.close()
    assert "coroutine, which has not run" in profile.notes[0]


def test_a_generator_says_that_it_has_not_run():
    def count():
        yield 1

    _, profile = ExecutionProfiler(mode="light").profile_function(count)
    assert "when it is iterated" in profile.notes[0]


def test_what_is_no_function_is_said():
    with pytest.raises(ConfigError, match="takes a function"):
        ExecutionProfiler().profile_function(3)


def test_a_block_may_await_and_its_time_stays_its_own():
    profiler = ExecutionProfiler()

    async def busy() -> None:
        for _ in range(10):
            compute(0.02)
            await asyncio.sleep(0)

    async def main() -> None:
        with profiler.profile_context():
            await asyncio.gather(busy(), asyncio.sleep(0.2))
            await busy()

    asyncio.run(main())
    profile = profiler.get_result()
    assert profile.kind == "block"
    assert profile.tree is not None
    assert profile.tree.name.endswith("main")
    own = sum(stat.self_s for stat in profile.function_stats if "busy" in stat.name or stat.name == "compute")
    assert own > profile.cpu_s / 2


def test_blocks_nest_and_the_outer_has_the_inners_time():
    outer, inner = ExecutionProfiler(), ExecutionProfiler()
    with outer.profile_context():
        compute(0.1)
        with inner.profile_context():
            compute(0.1)
    assert outer.get_result().wall_s >= inner.get_result().wall_s + 0.1
    assert outer.get_result().tree is not None
    assert inner.get_result().tree is not None


def test_threads_profile_at_once_and_each_gets_its_own():
    profiler = ExecutionProfiler()
    found: dict[str, ProfileResult] = {}

    def job(name: str) -> None:
        with pytest.raises(ValueError, match=name):
            profiler.profile_experiment(name, f"raise ValueError({name!r})")
        barrier.wait()
        found[name] = profiler.get_result()

    names = [f"e{index}" for index in range(8)]
    barrier = threading.Barrier(len(names))
    threads = [threading.Thread(target=job, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {name: profile.experiment_id for name, profile in found.items()} == {name: name for name in names}


def test_it_works_in_the_pools_workers():
    def experiment(name: str) -> ProfileResult:
        return ExecutionProfiler().profile_experiment(name, COMPUTE)

    profiler = ExecutionProfiler()
    tasks = [ExperimentTask("own", experiment, ("own",))]
    tasks += [ExperimentTask("sent", profiler.profile_function, (compute, 0.1))]
    with ParallelExperimentExecutor(2) as pool:
        own, sent = pool.execute_batch(tasks)
    assert own.value.line_stats
    assert sent.value[1].function_stats


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_it_works_in_processes_of_multiprocessing(method, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import multiprocessing, sys\n"
        "from kosmos_nb import ExecutionProfiler\n"
        "def work(n):\n"
        "    return ExecutionProfiler().profile_function(sum, range(n))[1].status\n"
        "if __name__ == '__main__':\n"
        "    with ExecutionProfiler().profile_context():\n"
        f"        with multiprocessing.get_context({method!r}).Pool(2) as pool:\n"
        "            print(pool.map(work, [10, 100_000]))\n"
    )
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} here")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "['ok', 'ok']\n"), done.stderr


def test_a_plain_script_imports_no_ipython():
    code = (
        "import sys; from kosmos_nb import ExecutionProfiler\n"
        "ExecutionProfiler().profile_experiment('e', 'x = 1')\n"
        "print([name for name in ('IPython', 'sqlalchemy', 'numpy', 'rich') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_profiler_travels_with_its_settings_and_without_its_results():
    profiler = ExecutionProfiler(mode="light", bottleneck_threshold=20.0)
    profiler.profile_function(compute, 0.0)
    copy = pickle.loads(pickle.dumps(profiler))
    assert (copy.mode, copy.bottleneck_threshold) == ("light", 20.0)
    with pytest.raises(ProfilingError, match="Nothing has been profiled"):
        copy.get_result()
