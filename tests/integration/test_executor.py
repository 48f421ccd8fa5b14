"""What the pool gives back for each kind of task. Real worker processes throughout."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, Executor, as_completed, wait
from pathlib import Path

import cloudpickle
import psutil
import pytest

from kosmos_nb.core import (
    ConfigError,
    ExecutionError,
    TaskCancelledError,
    TaskTimeoutError,
    WorkerDiedError,
)
from kosmos_nb.execution import ExperimentResult, ExperimentTask, ParallelExperimentExecutor
from tests.waiting import until

# A worker cannot import this file, as it could not import a notebook: its functions go by value.
cloudpickle.register_pickle_by_value(sys.modules[__name__])


@pytest.fixture(scope="module")
def pool() -> Iterator[ParallelExperimentExecutor]:
    with ParallelExperimentExecutor(2) as executor:
        yield executor


@pytest.fixture
def lone() -> Iterator[ParallelExperimentExecutor]:
    with ParallelExperimentExecutor(1) as executor:
        yield executor
        executor.kill()


def double(x: int) -> int:
    return 2 * x


def wait_for_ever() -> None:
    signal.pause()


def announce_and_wait(file: Path, text: str = "") -> None:
    file.with_suffix(".part").write_text(text or str(os.getpid()))
    file.with_suffix(".part").rename(file)
    signal.pause()


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def only(results: list[ExperimentResult]) -> ExperimentResult:
    (result,) = results
    return result


def run(executor: ParallelExperimentExecutor, call, *args, **options) -> ExperimentResult:
    return only(executor.execute_batch([ExperimentTask("it", call, args, **options)]))


def test_it_is_an_executor_of_the_standard_library(pool):
    assert isinstance(pool, Executor)
    assert list(pool.map(double, range(20))) == [2 * i for i in range(20)]
    future = pool.submit(int, "ff", base=16)
    assert future.result(timeout=30) == 255


def test_a_task_runs_in_another_process_and_its_cost_is_measured(pool):
    def work() -> int:
        until_s = time.process_time() + 0.05
        block = bytearray(50_000_000)
        while time.process_time() < until_s:
            block[0] += 1
            block[0] %= 100
        return os.getpid()

    before_us = time.time_ns() // 1000
    result = run(pool, work)
    assert result.status == "ok"
    assert result.value == result.worker_pid != os.getpid()
    assert result.wall_s >= 0.05
    assert result.cpu_s >= 0.05
    assert result.peak_bytes > 50_000_000
    assert before_us <= result.started_at_us <= time.time_ns() // 1000
    assert run(pool, double, 1).peak_bytes < result.peak_bytes


def test_an_exception_comes_back_with_the_traceback_of_the_worker(pool):
    def divide(x: int) -> float:
        return x / 0

    with pytest.raises(ZeroDivisionError, match="division by zero") as caught:
        pool.submit(divide, 1).result(timeout=30)
    assert "in divide" in str(caught.value.__cause__)
    result = run(pool, divide, 1)
    assert (result.status, result.error_type) == ("failed", "ZeroDivisionError")
    assert result.error == "division by zero"
    assert "in divide" in result.traceback
    assert result.value is None


def test_one_failure_never_touches_the_others(pool):
    calls = [
        (double, (1,)),
        (sys.exit, (3,)),
        (os._exit, (4,)),
        (int, ("not a number",)),
        (double, (2,)),
        (_die, (signal.SIGKILL,)),
        (_interrupt, ()),
        (_fault, ()),
        (double, (3,)),
    ]
    tasks = [ExperimentTask(f"e{i}", call, args) for i, (call, args) in enumerate(calls)]
    results = pool.execute_batch(tasks)
    assert [r.experiment_id for r in results] == [t.experiment_id for t in tasks]
    assert [r.error_type for r in results] == [
        None,
        "SystemExit",
        "WorkerDiedError",
        "ValueError",
        None,
        "WorkerDiedError",
        "KeyboardInterrupt",
        "WorkerDiedError",
        None,
    ]
    assert [r.status for r in results].count("ok") == 3
    assert results[6].status == "interrupted"
    assert results[1].error == "The task called sys.exit(3)."
    assert "exit code 4" in results[2].error
    assert "killed by signal 9 (SIGKILL)" in results[5].error
    assert "ran out of memory" in results[5].error
    assert "SIGSEGV" in results[7].error


def _die(number: int) -> None:
    os.kill(os.getpid(), number)


def _interrupt() -> None:
    raise KeyboardInterrupt


def _fault() -> None:
    _die(signal.SIGSEGV)


def test_a_plain_future_raises_an_execution_error_where_the_task_left_the_interpreter(pool):
    with pytest.raises(ExecutionError, match=r"sys\.exit"):
        pool.submit(sys.exit).result(timeout=30)
    with pytest.raises(WorkerDiedError) as caught:
        pool.submit(os._exit, 7).result(timeout=30)
    assert caught.value.exit_code == 7


def test_the_last_words_of_a_dying_worker_are_in_the_message(pool):
    def give_up() -> None:
        print("terminate called after throwing std::bad_alloc", file=sys.stderr, flush=True)
        os.abort()

    with pytest.raises(WorkerDiedError, match=r"SIGABRT.*std::bad_alloc"):
        pool.submit(give_up).result(timeout=30)


class Unsendable:
    def __reduce__(self):
        raise TypeError("this one stays at home")


class UnreadableError(Exception):
    """Pickles, but its own constructor then wants two arguments."""

    def __init__(self, left: int, right: int) -> None:
        super().__init__(f"{left} and {right}")


def test_what_cannot_travel_is_a_clear_failure_and_not_a_hang(pool):
    def fail() -> None:
        raise UnreadableError(1, 2)

    with pytest.raises(ExecutionError, match=r"cannot be sent to a worker.*stays at home"):
        pool.submit(double, Unsendable()).result(timeout=30)
    with pytest.raises(ExecutionError, match=r"Unsendable, cannot be sent back.*stays at home"):
        pool.submit(Unsendable).result(timeout=30)
    with pytest.raises(ExecutionError, match="generator"):
        pool.submit(lambda: (x for x in ())).result(timeout=30)
    with pytest.raises(ExecutionError, match="UnreadableError: 1 and 2"):
        pool.submit(fail).result(timeout=30)
    assert run(pool, fail).error_type == "UnreadableError"


def test_what_a_task_prints_does_not_disturb_the_pool_and_is_kept_in_its_result(pool, capfd):
    def chatter() -> str:
        os.write(1, b"x" * 5_000_000)
        os.system("echo from a shell")
        print("at last")
        return "done"

    result = run(pool, chatter)
    assert result.value == "done"
    assert result.output.endswith("from a shell\nat last\n")
    assert len(result.output) <= 8_000
    assert run(pool, double, 4).output == ""
    assert capfd.readouterr() == ("", "")


def test_a_task_that_reads_standard_input_gets_its_end_and_not_the_pipe(pool):
    assert pool.submit(input).exception(timeout=30).__class__ is EOFError


def test_two_hundred_megabytes_come_back_whole(pool):
    value = pool.submit(lambda: b"ab" * 100_000_000).result(timeout=60)
    assert len(value) == 200_000_000
    assert value[-4:] == b"abab"


def test_a_child_that_a_task_forks_never_answers_for_it(pool):
    def fork() -> str:
        pid = os.fork()
        if pid == 0:
            return "the child"
        os.waitpid(pid, 0)
        return "the parent"

    assert [pool.submit(fork).result(timeout=30) for _ in range(3)] == ["the parent"] * 3


def test_a_child_that_a_task_forks_ends_with_the_exit_code_of_a_script(pool):
    def fork(end) -> int:
        if os.fork() == 0:
            end()
        return os.waitstatus_to_exitcode(os.wait()[1])

    ends = [lambda: sys.exit(3), lambda: sys.exit("no data"), lambda: {}["key"]]
    assert [pool.submit(fork, end).result(timeout=30) for end in ends] == [3, 1, 1]


def test_a_child_that_outlives_its_task_holds_nothing_up_and_ends_with_the_pool():
    def leave_a_child() -> int:
        return subprocess.Popen(["sleep", "600"]).pid

    with ParallelExperimentExecutor(1) as executor:
        pid = executor.submit(leave_a_child).result(timeout=30)
        assert executor.submit(double, 2).result(timeout=30) == 4
        assert is_running(pid)
    until(lambda: not is_running(pid))


def test_a_time_limit_kills_the_task_with_its_whole_tree(lone, tmp_path):
    pid_file = tmp_path / "pid"

    def start_a_daemon() -> None:
        child = subprocess.Popen(["sleep", "600"], start_new_session=True)
        announce_and_wait(pid_file, str(child.pid))

    warm_up = run(lone, double, 1)
    result = run(lone, start_a_daemon, timeout_s=0.5)
    assert (result.status, result.error_type) == ("failed", "TaskTimeoutError")
    assert "limit of 0.5 s" in result.error
    assert 0.5 <= result.wall_s < 1.5
    assert result.worker_pid == warm_up.worker_pid
    until(lambda: not is_running(int(pid_file.read_text())))
    assert run(lone, double, 3).value == 6


def test_the_time_in_the_queue_does_not_count_against_the_limit(lone):
    tasks = [ExperimentTask(str(i), _pause, (0.3,), timeout_s=0.8) for i in range(3)]
    assert [r.status for r in lone.execute_batch(tasks)] == ["ok"] * 3


def _pause(seconds: float) -> None:
    threading.Event().wait(seconds)


def test_a_running_task_is_cancelled_within_half_a_second_with_its_children(lone, tmp_path):
    pid_file = tmp_path / "pid"

    def start_children() -> None:
        child = subprocess.Popen(["sh", "-c", "sleep 600 & sleep 600"])
        announce_and_wait(pid_file, str(child.pid))

    future = lone.submit_task(ExperimentTask("long", start_children))
    queued = lone.submit_task(ExperimentTask("queued", double, (1,)))
    other = lone.submit(double, 21)
    until(pid_file.exists)
    children = psutil.Process(int(pid_file.read_text())).children(recursive=True)
    began_s = time.monotonic()
    assert lone.cancel([future, queued]) == 2
    result = future.result(timeout=5)
    assert time.monotonic() - began_s < 0.5
    assert (result.status, result.error_type) == ("interrupted", "TaskCancelledError")
    with pytest.raises(CancelledError):
        queued.result(timeout=5)
    until(lambda: not any(is_running(child.pid) for child in children))
    assert other.result(timeout=30) == 42


def test_a_cancelled_plain_future_raises_task_cancelled(lone, tmp_path):
    future = lone.submit(announce_and_wait, tmp_path / "sign")
    until((tmp_path / "sign").exists)
    assert future.cancel() is False
    lone.cancel([future])
    with pytest.raises(TaskCancelledError):
        future.result(timeout=5)
    assert lone.cancel([future]) == 0


def test_a_task_is_cancelled_even_while_its_worker_starts():
    with ParallelExperimentExecutor(1) as executor:
        executor.warm(["json"])
        future = executor.submit(wait_for_ever)
        until(future.running)
        executor.cancel([future])
        with pytest.raises(TaskCancelledError):
            future.result(timeout=5)


def test_cancelling_at_any_moment_stops_every_task(pool):
    for _ in range(25):
        futures = [pool.submit(wait_for_ever) for _ in range(4)]
        assert pool.cancel(futures) == 4
        for future in futures:
            with pytest.raises((CancelledError, TaskCancelledError)):
                future.result(timeout=10)
    assert pool.submit(double, 2).result(timeout=30) == 4


def test_a_worker_killed_from_outside_fails_its_task_only_and_is_replaced(pool, tmp_path):
    future = pool.submit_task(ExperimentTask("victim", announce_and_wait, (tmp_path / "sign",)))
    until((tmp_path / "sign").exists)
    others = [pool.submit(double, i) for i in range(10)]
    assert [f.result(timeout=30) for f in others] == [2 * i for i in range(10)]
    os.kill(int((tmp_path / "sign").read_text()), signal.SIGKILL)
    result = future.result(timeout=10)
    assert result.error_type == "WorkerDiedError"
    assert list(pool.map(double, range(4))) == [0, 2, 4, 6]


def test_an_idle_worker_that_died_is_replaced_unnoticed(lone):
    for _ in range(5):
        (pid,) = {lone.submit(os.getpid).result(timeout=30)}
        os.kill(pid, signal.SIGKILL)
        assert lone.submit(double, 5).result(timeout=30) == 10


def test_smaller_priorities_run_first_and_equal_ones_in_order(lone, tmp_path):
    log = tmp_path / "log"

    def note(name: str) -> None:
        with log.open("a") as file:
            file.write(name)

    gate = lone.submit(_wait_for_file, tmp_path / "go")
    wishes = [("c", 1), ("a", -1), ("d", 1), ("b", 0)]
    futures = [lone.submit_task(ExperimentTask(n, note, (n,), priority=p)) for n, p in wishes]
    (tmp_path / "go").touch()
    wait([gate, *futures], timeout=30)
    assert log.read_text() == "abcd"


def _wait_for_file(file: Path) -> None:
    pause = threading.Event()
    while not file.exists():
        pause.wait(0.005)


def test_the_caller_hears_when_a_task_begins_and_when_it_ends(lone):
    began, ended = [], []
    tasks = [ExperimentTask(name, double, (1,)) for name in "abc"]
    lone.execute_batch(tasks, on_result=lambda r: ended.append(r.experiment_id), on_start=began.append)
    assert began == ended == ["a", "b", "c"]


def test_a_broken_on_start_does_not_cost_the_task(lone, caplog):
    def broken(name: str) -> None:
        raise RuntimeError("the board fell over")

    future = lone.submit_task(ExperimentTask("a", double, (4,)), on_start=broken)
    assert future.result(timeout=30).value == 8
    assert "the board fell over" in caplog.text


def test_an_interrupt_in_the_calling_thread_stops_the_whole_batch(pool, tmp_path):
    def stop(result: ExperimentResult) -> None:
        raise KeyboardInterrupt

    tasks = [ExperimentTask("quick", double, (1,))]
    tasks += [ExperimentTask(f"long {i}", wait_for_ever) for i in range(5)]
    with pytest.raises(KeyboardInterrupt):
        pool.execute_batch(tasks, on_result=stop)
    until(lambda: pool.snapshot().busy == pool.snapshot().queued == 0)


def test_two_pools_work_at_once(pool):
    with ParallelExperimentExecutor(2) as other:
        futures = [executor.submit(os.getpid) for executor in (pool, other) for _ in range(20)]
        pids = [future.result(timeout=30) for future in as_completed(futures)]
    assert len(pids) == 40
    assert 2 <= len(set(pids)) <= 4


def test_workers_have_one_thread_for_each_numerical_library(pool):
    names = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"]
    assert pool.submit(lambda: [os.environ[name] for name in names]).result(timeout=30) == ["1"] * 4
    assert pool.submit(lambda: "PYTHONDONTWRITEBYTECODE" in os.environ).result(timeout=30) is False


def test_a_worker_imports_only_what_its_work_needs(lone):
    heavy = {
        "numpy",
        "pandas",
        "pydantic",
        "psutil",
        "asyncio",
        "concurrent.futures",
        "IPython",
        "cloudpickle",
    }
    assert set(lone.submit(_loaded).result(timeout=30)) & heavy == {"cloudpickle"}


def _loaded() -> list[str]:
    return list(sys.modules)


def test_warm_imports_in_the_background_and_forgives_a_missing_module():
    with ParallelExperimentExecutor(2) as executor:
        executor.warm(["colorsys", "no_such_module_anywhere"])
        until(lambda: len(executor.snapshot().worker_pids) == 2)
        assert executor.submit(lambda: "colorsys" in sys.modules).result(timeout=30)
        os.kill(executor.submit(os.getpid).result(timeout=30), signal.SIGKILL)
        assert all(executor.map(lambda _: "colorsys" in sys.modules, range(8)))


def test_a_task_finds_the_working_directory_and_import_path_of_its_caller(lone, tmp_path, monkeypatch):
    assert lone.submit(os.getcwd).result(timeout=30) == str(Path.cwd())
    (tmp_path / "beside_the_notebook.py").write_text("ANSWER = 42\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")

    def ask() -> tuple[str, int]:
        import beside_the_notebook

        return Path.cwd(), beside_the_notebook.ANSWER

    assert lone.submit(ask).result(timeout=30) == (tmp_path, 42)


def test_a_file_named_like_the_standard_library_does_no_harm(tmp_path, monkeypatch):
    for name in ("random", "pickle", "threading", "queue"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('the wrong one')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")
    with ParallelExperimentExecutor(1) as executor:
        assert executor.submit(lambda: __import__("random").Random(1).random() > 0).result(timeout=30)


def test_an_edited_module_is_run_as_it_is_now(lone, tmp_path, monkeypatch):
    helpers = tmp_path / "helpers_of_the_user.py"
    monkeypatch.syspath_prepend(str(tmp_path))

    def ask() -> str:
        import helpers_of_the_user

        return helpers_of_the_user.ANSWER

    for answer in ("first", "second one", "third"):
        helpers.write_text(f"ANSWER = {answer!r}\n")
        assert lone.submit(ask).result(timeout=30) == answer
        assert lone.submit(ask).result(timeout=30) == answer


def test_an_edit_while_the_task_runs_is_seen_by_the_next_one(lone, tmp_path, monkeypatch):
    helpers = tmp_path / "edited_meanwhile.py"
    helpers.write_text("ANSWER = 'old'\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    def ask(then: str) -> str:
        import edited_meanwhile

        helpers.write_text(f"ANSWER = {then!r}\n")
        return edited_meanwhile.ANSWER

    assert lone.submit(ask, "new one").result(timeout=30) == "old"
    assert lone.submit(ask, "newest one").result(timeout=30) == "new one"


def test_a_pool_that_was_shut_down_says_so():
    executor = ParallelExperimentExecutor(1)
    future = executor.submit(double, 2)
    executor.shutdown()
    assert future.result(timeout=0) == 4
    assert executor.snapshot().closed
    assert executor.snapshot().worker_pids == ()
    with pytest.raises(ExecutionError, match="shut down"):
        executor.submit(double, 2)
    with pytest.raises(ExecutionError, match="shut down"):
        executor.warm()
    executor.shutdown()


def test_shutdown_can_withdraw_what_has_not_begun(tmp_path):
    executor = ParallelExperimentExecutor(1)
    first = executor.submit(_wait_for_file, tmp_path / "go")
    until(first.running)
    rest = [executor.submit(double, 1) for _ in range(3)]
    executor.shutdown(wait=False, cancel_futures=True)
    assert all(future.cancelled() for future in rest)
    (tmp_path / "go").touch()
    assert first.result(timeout=30) is None


def test_a_pool_that_nobody_holds_finishes_its_work_and_goes():
    executor = ParallelExperimentExecutor(1)
    pid = executor.submit(os.getpid).result(timeout=30)
    future = executor.submit(double, 8)
    del executor
    assert future.result(timeout=30) == 16
    until(lambda: not is_running(pid))


def test_kill_ends_everything_at_once(tmp_path):
    executor = ParallelExperimentExecutor(2)
    running = [executor.submit(announce_and_wait, tmp_path / name) for name in "ab"]
    queued = executor.submit(double, 1)
    until(lambda: all((tmp_path / name).exists() for name in "ab"))
    pids = executor.snapshot().worker_pids
    executor.kill()
    assert not any(is_running(pid) for pid in pids)
    assert queued.cancelled()
    for future in running:
        with pytest.raises(TaskCancelledError):
            future.result(timeout=5)


def test_a_pool_leaves_no_open_files_and_no_threads():
    def one_life() -> None:
        with ParallelExperimentExecutor(2) as executor:
            wait([executor.submit(os._exit, 1), executor.submit(double, 1)])

    one_life()
    me = psutil.Process()
    files, threads = me.num_fds(), threading.active_count()
    for _ in range(3):
        one_life()
    assert me.num_fds() == files
    until(lambda: threading.active_count() == threads)


@pytest.mark.parametrize("wrong", [-1, 1.5, "two"])
def test_a_senseless_number_of_workers_is_refused(wrong):
    with pytest.raises(ConfigError, match="max_workers"):
        ParallelExperimentExecutor(wrong)


def test_the_environment_gives_the_number_of_workers(monkeypatch):
    from kosmos_nb import config

    monkeypatch.setenv("KOSMOS_MAX_PARALLEL_EXPERIMENTS", "3")
    config.forget()
    try:
        assert ParallelExperimentExecutor().max_workers == 3
    finally:
        monkeypatch.undo()
        config.forget()


class TestInTheCallingProcess:
    """`max_workers=0`: the same promises, without another process."""

    @pytest.fixture
    def inline(self) -> ParallelExperimentExecutor:
        return ParallelExperimentExecutor(0)

    def test_tasks_run_one_after_the_other_by_priority(self, inline):
        order: list[str] = []
        tasks = [ExperimentTask(n, order.append, (n,), priority=p) for n, p in [("b", 1), ("a", 0)]]
        results = inline.execute_batch(tasks)
        assert order == ["a", "b"]
        assert [r.experiment_id for r in results] == ["b", "a"]
        assert {r.worker_pid for r in results} == {os.getpid()}

    def test_failures_are_results(self, inline):
        tasks = [ExperimentTask("a", int, ("x",)), ExperimentTask("b", sys.exit, (1,))]
        tasks.append(ExperimentTask("c", double, (2,)))
        results = inline.execute_batch(tasks)
        assert [r.error_type for r in results] == ["ValueError", "SystemExit", None]
        assert results[2].value == 4
        with pytest.raises(ValueError, match="invalid literal"):
            inline.submit(int, "x").result(timeout=0)

    def test_a_passed_limit_is_told_although_it_could_not_be_enforced(self, inline):
        result = run(inline, _pause, 0.05, timeout_s=0.01)
        assert (result.status, result.error_type) == ("failed", TaskTimeoutError.__name__)
        assert "could not be stopped" in result.error

    def test_an_interrupt_is_the_users_and_goes_through(self, inline):
        with pytest.raises(KeyboardInterrupt):
            inline.execute_batch([ExperimentTask("a", _interrupt), ExperimentTask("b", double, (1,))])

    def test_it_can_be_shut_down(self, inline):
        with contextlib.closing(contextlib.ExitStack()) as stack:
            stack.enter_context(inline)
        with pytest.raises(ExecutionError, match="shut down"):
            inline.submit(double, 1)
