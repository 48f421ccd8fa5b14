"""`%kosmos_research` in a real kernel, as a live front end and as a runner use it."""

import json

import IPython
import psutil
import pytest

from tests.kernel import running_kernel
from tests.waiting import until

WIDGET = "application/vnd.jupyter.widget-view+json"
LOAD = """
%load_ext kosmos_nb
import numpy as np, pandas as pd
from palmerpenguins import load_penguins
penguins = load_penguins()
wide = pd.DataFrame(np.random.default_rng(0).normal(size=(100_000, 25))).rename(columns=lambda c: f"c{c}")
"""


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    with running_kernel(env={"KOSMOS_HOME": str(home)}) as running:
        assert running.run(LOAD).error is None
        yield running


def ask(kernel, line, cell_id=None):
    reply = kernel.run(line, cell_id=cell_id)
    assert reply.error is None, reply.error
    return reply


def test_a_runner_waits_and_records_the_whole_result_once(kernel):
    reply = ask(kernel, '%kosmos_research "What drives flipper length?" --data penguins')
    assert [kind for kind, _ in reply.outputs] == ["display_data"]
    (bundle,) = reply.data
    assert set(bundle) == {"text/plain", "text/html"}
    assert "28" in bundle["text/plain"]
    assert "simpson" in bundle["text/plain"]
    assert "<svg" in bundle["text/html"]
    assert len(json.dumps(bundle)) < 150_000


def test_a_live_front_end_gets_the_board_at_once_and_the_verdicts_in_the_saved_output(kernel):
    pending = kernel.start("run = %kosmos_research --data wide --seed 1", cell_id="one")
    reply = pending.result()
    assert reply.error is None
    (bundle,) = reply.data
    assert {WIDGET, "text/plain", "text/html"} == set(bundle)
    assert kernel.value("run.status") == "'running'"
    assert kernel.value("len(run.verdicts)") == "300"
    updates = []

    def updated():
        message = kernel.client.get_iopub_msg(timeout=10)
        if message["header"]["msg_type"] == "update_display_data":
            updates.append(message["content"]["data"])
        return updates

    until(updated)
    assert "300" in updates[-1]["text/plain"]
    assert updates[-1][WIDGET] == bundle[WIDGET]
    assert len(json.dumps(updates[-1])) < 150_000


def test_a_run_that_is_a_cells_value_is_not_shown_twice(kernel):
    reply = ask(kernel, '%kosmos_research "flipper length" --data penguins', cell_id="two")
    assert [kind for kind, _ in reply.outputs] == ["display_data"]
    again = ask(kernel, "_", cell_id="three")
    assert len(again.data) == 1


def test_a_run_of_the_history_has_all_three_forms(kernel):
    ask(kernel, "%kosmos_research --data penguins --wait -o run")
    ask(kernel, "import kosmos_nb; history = kosmos_nb.History()")
    reply = ask(kernel, "history.run(run.id)", cell_id="seven")
    assert set(reply.result) == {WIDGET, "text/plain", "text/html"}
    assert set(ask(kernel, "history.run(run.id)").result) == {"text/plain", "text/html"}


def test_o_keeps_the_run_and_wait_waits_also_live(kernel):
    ask(kernel, "%kosmos_research --data penguins --target sex --wait -o kept", cell_id="four")
    assert kernel.value("(kept.status, len(kept.partial))") == "('done', 7)"


def test_status_list_and_cancel(kernel):
    ask(kernel, "%kosmos_research slow --data wide -o slow", cell_id="five")
    assert "running" in ask(kernel, "%kosmos_research --status").stdout
    assert "cancelled" in ask(kernel, "%kosmos_research --cancel").stdout
    assert kernel.value("slow.status") == "'cancelled'"
    assert "No run is going on" in kernel.run("%kosmos_research --cancel").text
    ask(kernel, "listed = %kosmos_research --list")
    assert kernel.value("slow.id in set(listed['id'])") == "True"


def test_an_interrupt_of_a_waiting_cell_cancels_the_run(kernel):
    before_s = workers_cpu_s(kernel)
    pending = kernel.start("print('begun')\n%kosmos_research --data wide -o stopped")
    pending.wait_for_text("begun")
    until(lambda: workers_cpu_s(kernel) > before_s + 0.2)
    kernel.interrupt()
    reply = pending.result()
    assert reply.error is not None
    assert reply.error.ename == "KeyboardInterrupt"
    assert kernel.value("stopped.status") == "'cancelled'"


def workers_cpu_s(kernel):
    children = psutil.Process(kernel.manager.provisioner.pid).children(recursive=True)
    return sum(child.cpu_times().user for child in children)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--data pengins", "Did you mean 'penguins'?"),
        ("question without data", "--data"),
        ("--data np", "np is a builtins.module, not a table"),
        ("--data penguins --target flipper", "Did you mean 'flipper_length_mm'?"),
        ("--data penguins --aplha 0.1", "did you mean --alpha?"),
        ("--data penguins --alpha 2", "between 0 and 1"),
        ("--data penguins --hypotheses 0", "whole number above zero"),
        ('"half a question --data penguins', "quote"),
    ],
)
def test_bad_input_is_one_line_and_the_kernel_goes_on(kernel, line, message):
    reply = kernel.run(f"%kosmos_research {line}")
    lines = [text for text in reply.text.strip().splitlines() if text.strip()]
    assert len(lines) == 1
    assert lines[0].startswith("UsageError")
    assert message in lines[0]
    assert kernel.value("1 + 1") == "2"


def test_names_that_are_no_tables_are_not_suggested_and_lazy_frames_are_not_touched(tmp_path):
    with running_kernel(env={"KOSMOS_HOME": str(tmp_path)}, load=True) as one:
        reply = one.run("%kosmos_research --data nope")
        assert "no such variable. Load the data" in reply.stderr
        one.run("import polars as pl\nlazy = pl.LazyFrame({'a': [1]})\nmatrix = pl.DataFrame({'a': [1]})")
        one.run("import pandas as pd\nclass Mine(pd.DataFrame): pass\nours = Mine({'b': [1]})")
        reply = one.run("%kosmos_research what")
        assert reply.stderr.count("\n") == 1, reply.stderr
        assert "Tables here: matrix, ours." in reply.stderr
        assert "five newest runs" in one.run("%kosmos_research --help").stdout


def test_the_tab_key_knows_tables_their_columns_and_running_runs(kernel):
    kernel.run("odd = pd.DataFrame({'two words': [1], 'tone': [2]})")
    assert {"odd", "penguins", "wide"} <= set(kernel.complete("%kosmos_research --data "))
    assert kernel.complete("r = %kosmos_research why --data pen") == ["penguins"]
    assert kernel.complete("%kosmos_research --data penguins --target bill") == [
        "bill_depth_mm",
        "bill_length_mm",
    ]
    alone = IPython.version_info >= (8, 6)  # before, IPython adds what it would offer anywhere
    columns = kernel.complete("%kosmos_research --data=odd --target ")
    assert columns[:2] == ["'two words'", "tone"] if alone else {"'two words'", "tone"} <= set(columns)
    ask(kernel, "%kosmos_research --data wide -o tabbed", cell_id="seven")
    offered = kernel.complete("%kosmos_research --cancel ")
    assert kernel.value("tabbed.id") in map(repr, offered[:1] if alone else offered)
    ask(kernel, "%kosmos_research --cancel")


def test_restarting_the_kernel_during_a_run_leaves_no_worker_and_no_damage(tmp_path):
    with running_kernel(env={"KOSMOS_HOME": str(tmp_path)}) as kernel:
        kernel.run(LOAD)
        kernel.run("%kosmos_research --data wide -o run", cell_id="live")
        workers = psutil.Process(kernel.manager.provisioner.pid).children(recursive=True)
        assert workers
        kernel.restart()
        until(lambda: not any(worker.is_running() and worker.status() != "zombie" for worker in workers))
        kernel.run(LOAD)
        assert kernel.run("%kosmos_research --data penguins -o run").error is None
        assert kernel.value("run.status") == "'done'"


def test_a_cell_that_forks_during_a_run_harms_neither(kernel):
    code = """
%kosmos_research --data wide --hypotheses 60 -o forked
import os
pid = os.fork()
if pid == 0:
    os._exit(0)
os.waitpid(pid, 0)[1], forked.result(60).status
"""
    reply = ask(kernel, code, cell_id="six")
    assert reply.result["text/plain"] == "(0, 'done')"


def test_unloading_after_a_run_leaves_no_renderer_no_worker_and_no_thread(tmp_path):
    with running_kernel(env={"KOSMOS_HOME": str(tmp_path)}) as kernel:
        assert kernel.run("import threading; before = {t.name for t in threading.enumerate()}").error is None
        assert kernel.run(LOAD).error is None
        ask(kernel, "%kosmos_research --data wide -o run", cell_id="one")
        ask(kernel, "%unload_ext kosmos_nb")
        assert kernel.value("run.status") == "'cancelled'"
        until(lambda: not psutil.Process(kernel.manager.provisioner.pid).children(recursive=True))
        ours = (
            "[t.name for t in threading.enumerate() if t.name not in before and 'kosmos' in t.name.lower()]"
        )
        until(lambda: kernel.value(ours) == "[]")
        assert "verdict" in kernel.value("list(run.verdicts.columns)")
        renderers = "[mime for _, mime in __import__('kosmos_nb.core.render').core.render._renderers]"
        assert "display" not in kernel.value(renderers)
        assert "not found" in kernel.run("%kosmos_research --status").text
