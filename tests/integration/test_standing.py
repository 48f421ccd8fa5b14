"""After a profile one sentence says how the run stands among the earlier ones of its kind."""

import dataclasses
import re
import threading

import pytest

from kosmos_nb.core import uuid7
from kosmos_nb.history import Environment, FunctionStat, History, InputData
from tests.kernel import running_kernel
from tests.samples import STARTED_US, profile


@pytest.fixture
def history(tmp_path):
    with History(tmp_path) as opened:
        yield opened


def run(n, wall_s=1.0, **changes):
    """Return the n-th run of a warm cell without inputs; `parse` takes all but half a second."""
    stats = tuple(
        FunctionStat(
            name=name, file="x.py", line=1, self_s=self_s, total_s=self_s, self_cpu_s=0, total_cpu_s=0,
            samples=1,
        )
        for name, self_s in (("parse", wall_s - 0.5), ("<module>", 0.5))
    )  # fmt: skip
    same = {"id": uuid7(), "started_at_us": STARTED_US + n, "wall_s": wall_s, "is_warm": True}
    return profile(**same, function_stats=stats, **changes)


def ten_runs(history, **changes):
    for n in range(10):
        history.save(run(n, 1.0 + n / 100, **changes))


def test_a_second_slow_run_is_slower_than_usual_and_says_what_grew(history):
    ten_runs(history)
    assert str(history.standing(run(20, 1.05))) == "As usual: 1 s to 1.09 s in 10 runs."
    once = run(20, 3.0)
    assert (
        str(history.standing(once)) == "2.9× slower, once: 1 s to 1.09 s in 10 runs → 3 s; parse() +1.96 s."
    )
    history.save(once)
    again = history.standing(run(21, 3.0))
    assert str(again).startswith(
        "2.9× slower than usual for this code: 1 s to 1.09 s in 10 runs → 3 s; parse()"
    )
    assert again.is_notable


@pytest.mark.parametrize(
    "changes",
    [
        {"code_hash": "other"}, {"mode": "light"}, {"host": "other"}, {"python": "3.12.1"},
        {"is_warm": False}, {"is_warm": None}, {"traces": ("calls",)},
        {"inputs": (InputData(name="df", kind="pandas.DataFrame", rows=1000, columns=2),)},
    ],
)  # fmt: skip
def test_only_runs_of_its_kind_count(history, changes):
    ten_runs(history)
    other = dataclasses.replace(run(20, 3.0), **({"cell_id": None} | changes))
    assert history.standing(other).state == "first"


def test_another_patch_of_python_and_nearly_the_same_data_are_of_its_kind(history):
    table = InputData(name="df", kind="pandas.DataFrame", rows=1000, columns=2)
    ten_runs(history, python="3.11.4", inputs=(table,))
    larger = dataclasses.replace(table, rows=1200)
    found = history.standing(run(20, 3.0, python="3.11.9", inputs=(larger,)))
    assert found.state == "slower once"
    history.save(run(20, 3.0, python="3.11.9", inputs=(larger,)))
    assert "for this code and size of data" in str(history.standing(run(21, 3.0, inputs=(larger,))))


def test_after_an_edit_the_time_before_it_is_told(history):
    history.save(run(0, 3.1, cell_id="c", code_hash="before"))
    edited = run(1, 9.0, cell_id="c", code_hash="after")
    assert str(history.standing(edited)) == "Before the edit: 3.1 s."


def test_what_grew_is_told_against_the_new_level_not_the_old_one(history):
    for n in range(30):
        history.save(run(n))
    for n in range(30, 38):
        history.save(run(n, 2.0))
    assert str(history.standing(run(40, 2.6))).endswith("2 s to 2 s in 8 runs → 2.6 s; parse() +600 ms.")


def test_a_larger_table_is_no_edit(history):
    table = InputData(name="df", kind="pandas.DataFrame", rows=1000, columns=2)
    history.save(run(0, 3.1, cell_id="c", code_hash="before"))
    history.save(run(1, 1.0, cell_id="c"))
    assert history.standing(run(2, 9.0, cell_id="c", inputs=(table,))).before_edit_s is None


def test_a_run_that_did_not_come_to_its_end_is_not_judged(history):
    ten_runs(history)
    assert history.standing(run(20, 3.0, status="failed")) is None
    assert history.standing(run(20, 3.0, code_hash="")) is None
    for n in range(3):
        history.save(run(11 + n, 0.2, status="interrupted"))
    assert history.standing(run(20, 1.0)).runs == 10


def test_nobody_waits_for_a_store_that_is_in_use_or_not_there(tmp_path, history):
    assert history.standing(run(0), at_once=True) is None  # nothing is there yet
    ten_runs(history)
    assert history.standing(run(20), at_once=True).runs == 10
    with history._store._lock:
        found = []
        thread = threading.Thread(target=lambda: found.append(history.standing(run(20), at_once=True)))
        thread.start()
        thread.join(5)
        assert found == [None]


def test_a_glance_sees_what_was_saved_last_and_leaves_the_store_as_it_was(history):
    ten_runs(history)
    connection = history._store._connection
    assert history.standing(run(20), at_once=True).runs == 10
    history.save(run(11, 1.05))
    assert history.standing(run(20), at_once=True).runs == 11
    assert history._store._connection is connection
    assert not connection.in_transaction
    with pytest.raises(AttributeError), history._store.glance() as glanced:
        glanced.nonsense()
    assert not connection.in_transaction
    with history._store.writing() as writing:
        assert history.standing(run(20), at_once=True) is None
        assert writing.in_transaction
    history.close()
    assert history.standing(run(20), at_once=True).runs == 11


def test_a_glance_does_not_see_a_history_that_was_removed(tmp_path, history):
    ten_runs(history)
    for file in tmp_path.glob("history.sqlite*"):
        file.unlink()
    assert history.standing(run(20), at_once=True) is None
    history.save(run(1))
    assert history.standing(run(20), at_once=True).runs == 1


def test_only_so_many_runs_of_a_code_are_looked_through(history, monkeypatch):
    monkeypatch.setattr("kosmos_nb.history.earlier.SEARCHES", 12)
    ten_runs(history)
    for n in range(5):
        history.save(run(11 + n, mode="light"))
    assert history.standing(run(20)).runs == 7


def test_the_view_says_how_a_cell_stands():
    with running_kernel(load=True) as kernel:
        shown = []
        for n in range(11):
            seconds = 0.4 if n == 10 else 0.1
            kernel.run(f"seconds = {seconds}")
            reply = kernel.run(
                "%%kosmos_profile\nimport time\nuntil = time.perf_counter() + seconds\n"
                "while time.perf_counter() < until: pass"
            )
            assert reply.error is None
            shown.append(reply.data[-1])
            kernel.value("__import__('kosmos_nb.runtime').runtime.runtime().history.flush(60)")
        assert "Before: 1" not in shown[1]["text/plain"]  # the first warm one
        assert "Before: 1" in shown[2]["text/plain"]
        for form in ("text/plain", "text/html"):
            assert re.search(r"\d\.\d× slower, once", shown[10][form])
        assert kernel.value("__import__('kosmos_nb').last().standing.state") == "'slower once'"


def place(*packages, host_class="x86_64, 8 cores, 16 GB"):
    return Environment(host_class=host_class, system="Linux 6.1", packages=packages)


def test_a_package_that_the_slow_run_alone_has_is_named_as_seen_first(history):
    ten_runs(history, environment=place("numpy 2.3.1", "pandas 3.0.2"))
    slow = run(20, 3.0, environment=place("numpy 2.3.1", "pandas 3.1.0"))
    assert str(history.standing(slow)).endswith("parse() +1.96 s; first seen with pandas 3.1.0.")
    many = run(20, 3.0, environment=place(*(f"p{n} 2.0" for n in range(5)), "pandas 3.0.2"))
    assert str(history.standing(many)).endswith(
        "first seen with p0 2.0, p1 2.0, p2 2.0 and 2 other packages."
    )
    same = run(20, 3.0, environment=place("numpy 2.3.1", "pandas 3.0.2"))
    assert "first seen" not in str(history.standing(same))
    usual = run(20, 1.0, environment=place("pandas 9"))
    assert "first seen" not in str(history.standing(usual))


def test_machines_of_one_kind_are_held_against_each_other(history):
    ten_runs(history, host="pod-1", environment=place())
    assert history.standing(run(20, 1.0, host="pod-2", environment=place())).runs == 10
    smaller = run(20, 1.0, host="pod-1", environment=place(host_class="x86_64, 2 cores, 4 GB"))
    assert history.standing(smaller).state == "first"


def test_runs_whose_machine_is_not_known_count_on_the_same_host(history):
    ten_runs(history, host="old")
    assert history.standing(run(20, 1.0, host="old", environment=place())).runs == 10
    assert history.standing(run(20, 1.0, host="new", environment=place())).state == "first"


def test_a_clock_that_was_set_back_hides_no_earlier_run(history):
    ten_runs(history)
    back = run(-3_600_000_000, 1.0)
    assert history.standing(back).runs == 10
    history.save(back)
    assert history.standing(run(-3_599_000_000, 1.0)).runs == 11


def test_the_status_line_of_always_names_the_cells_that_are_slower_than_usual():
    with running_kernel(load=True) as kernel:
        kernel.run("import time; seconds = 0.1")
        kernel.run("%kosmos_profile --always light", "status")
        cell = "until = time.perf_counter() + seconds\nwhile time.perf_counter() < until: pass"
        for n in range(12):
            if n == 10:
                kernel.run("seconds = 0.4", "set")
            reply = kernel.run(cell, "c")
            kernel.value("__import__('kosmos_nb.runtime').runtime.runtime().history.flush(60)")
        lines = [
            message["content"]["data"]["text/plain"]
            for message in reply.messages
            if message["msg_type"] == "update_display_data"
        ]
        assert re.search(r"; ▲ slower than usual: \[\d+\] [34]\.\d×; see", lines[-1]), lines
        kernel.run("seconds = 0.1", "set")
        reply = kernel.run(cell, "c")
        assert not any("slower" in repr(message["content"]) for message in reply.messages)


def test_what_was_handed_over_is_seen_by_another_history_of_the_process(history, tmp_path):
    history.save_later(run(1, label="handed over"))
    with History(tmp_path) as other:
        assert list(other.last(1).label) == ["handed over"]
        assert other.sql("SELECT count(*) AS n FROM executions").n[0] == 1
