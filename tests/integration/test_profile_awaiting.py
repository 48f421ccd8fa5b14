"""An awaiting cell's time is told where it computes and where its tasks wait; threads hang below."""

import pytest

from tests.kernel import running_kernel


@pytest.fixture(scope="module")
def kernel():
    with running_kernel(load=True) as one:
        one.run("import kosmos_nb")
        yield one


def lines_and_truth(kernel, cell: str) -> tuple[dict[int, tuple[float, float, float]], float]:
    """Run a cell that measures `took`; return wall, await and own seconds by line, and `took`."""
    reply = kernel.run("%%kosmos_profile --quiet -o p\n" + cell)
    assert reply.status == "ok", reply.text
    read = "({l.line: (l.wall_s, l.await_s, l.self_s) for l in p.line_stats}, took)"
    found: tuple[dict[int, tuple[float, float, float]], float] = eval(kernel.value(read))
    return found


HEAD = "import asyncio, time\n"


@pytest.mark.parametrize(
    "await_both",
    [
        "await asyncio.gather(fetch(0.6), fetch(0.6))",
        "await asyncio.wait([asyncio.create_task(fetch(0.6)), asyncio.create_task(fetch(0.6))])",
        "await asyncio.wait_for(asyncio.gather(fetch(0.6), fetch(0.6)), 60)",
        "await asyncio.gather(asyncio.gather(fetch(0.6)), asyncio.create_task(fetch(0.6)))",
        "await asyncio.create_task(fetch(0.6))",
        "async with asyncio.TaskGroup() as group: [group.create_task(fetch(0.6)) for _ in 'ab']",
    ],
)
def test_what_tasks_wait_for_is_told_at_the_line_where_they_wait(kernel, await_both):
    lines, took_s = lines_and_truth(
        kernel,
        HEAD + "async def fetch(s):\n    await asyncio.sleep(s)\n    return s\nbegan = time.perf_counter()\n"
        f"{await_both}\ntook = time.perf_counter() - began",
    )
    at_fetch, at_cell = lines[4], lines[7]
    assert 0.5 * took_s < at_fetch[1] < 1.2 * took_s  # a busy machine takes its part
    assert at_fetch[1] == pytest.approx(at_cell[1], rel=0.05)  # the same samples, at both lines
    assert at_fetch[2] >= at_fetch[1] > 2 * at_cell[2]
    assert "awaiting" in kernel.value("p.bottlenecks[0].reading")


def test_time_is_split_evenly_among_those_who_wait_at_different_lines(kernel):
    lines, took_s = lines_and_truth(
        kernel,
        HEAD + "async def one():\n    await asyncio.sleep(0.8)\nasync def two():\n"
        "    await asyncio.sleep(0.8)\nbegan = time.perf_counter()\nawait asyncio.gather(one(), two())\n"
        "took = time.perf_counter() - began",
    )
    assert lines[4][1] == pytest.approx(lines[6][1], rel=0.1)
    assert 0.5 * took_s < lines[4][1] + lines[6][1] < 1.2 * took_s


def test_a_thousand_tasks_are_told_at_their_lines_too(kernel):
    lines, took_s = lines_and_truth(
        kernel,
        HEAD + "async def fetch(s):\n    await asyncio.sleep(s)\nbegan = time.perf_counter()\n"
        "await asyncio.gather(*[fetch(0.8) for _ in range(1000)])\ntook = time.perf_counter() - began",
    )
    assert lines[4][1] > 0.5 * took_s
    assert lines[4][1] == pytest.approx(lines[6][1], rel=0.05)


def test_a_future_of_a_thread_pool_is_waited_for_at_the_line_of_the_cell(kernel):
    lines, took_s = lines_and_truth(
        kernel,
        HEAD + "loop = asyncio.get_running_loop()\nbegan = time.perf_counter()\n"
        "await loop.run_in_executor(None, time.sleep, 0.5)\ntook = time.perf_counter() - began",
    )
    assert 0.5 * took_s < lines[5][1] < 1.2 * took_s


def test_code_of_the_cell_that_runs_in_threads_has_its_lines_and_its_threads(kernel):
    lines, _ = lines_and_truth(
        kernel,
        "import threading, time\nfrom concurrent.futures import ThreadPoolExecutor\ntook = 0\n"
        "def work():\n    end = time.thread_time() + 0.4\n"
        "    while time.thread_time() < end: sum(range(500))\n"
        "with ThreadPoolExecutor(2) as pool:\n    list(pool.map(lambda _: work(), range(2)))",
    )
    assert lines[7][0] > 0.5  # seconds of two threads
    (name, begins) = eval(
        kernel.value(
            "next((c.name, {d.name for d in c.children}) for c in p.tree.children if c.file == '<thread>')"
        )
    )
    assert name.startswith("ThreadPoolExecutor-")
    assert "<lambda>" in begins
    assert not begins & {"Thread._bootstrap", "Thread.run", "_worker", "_WorkItem.run"}
    total, own = eval(kernel.value("(p.tree.total_s, sum(f.self_s for f in p.function_stats))"))
    assert total == pytest.approx(own)
    assert kernel.value("[f.threads for f in p.function_stats if f.name == 'work']") == "[2]"
