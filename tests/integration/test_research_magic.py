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
    assert "101" in bundle["text/plain"]
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
    assert kernel.value("sum(run.verdicts.family == 'association')") == "300"
    updates = []

    def updated():
        message = kernel.client.get_iopub_msg(timeout=10)
        if message["header"]["msg_type"] == "update_display_data":
            updates.append(message["content"]["data"])
        return updates

    until(updated)
    assert "of 600" in updates[-1]["text/plain"]
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
    assert (
        kernel.value("(kept.status, set(kept.partial.y) | set(kept.partial.x) >= {'sex'})")
        == "('done', True)"
    )
    assert kernel.value("((kept.partial.x == 'sex') | (kept.partial.y == 'sex')).all()") == "np.True_"


def test_a_list_in_quotes_may_have_spaces_behind_its_commas(kernel):
    lists = '--control "sex, year" --allow "order, trend"'
    line = f"%kosmos_research --data penguins {lists} --hypotheses 1 --wait -o c"
    assert kernel.run(line).error is None
    assert kernel.value("c.verdicts.given[0]") == "'sex;year'"


def test_a_semicolon_at_the_end_of_the_line_belongs_to_no_option(kernel):
    reply = kernel.run("%kosmos_research --data penguins --hypotheses 1 --wait -o kept;")
    assert reply.error is None
    assert kernel.value("kept.status") == "'done'"
    assert kernel.run("%%kosmos_research --data penguins --wait;\nyear ~ body_mass_g").error is None


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
        ("--data penguins --unit specie", "penguins has no column 'specie'. Did you mean 'species'?"),
        ("--data penguins --time yaer", "Did you mean 'year'?"),
        ("--data penguins --control year,sexx", "Did you mean 'sex'?"),
        ("--data penguins --control year, sex", "ends in a comma"),
        ("--data penguins --ignore year --target year", "'year' is to be ignored, and is named by target"),
        ("--data penguins --allow simpsons", "Did you mean simpson?"),
        ("--data penguins --family survivl", "Did you mean survival?"),
        ("--data penguins --smallest 1", "between 0 and 1"),
        ("--data penguins --workers -1", "--workers"),
        ("--data penguins --engine claude", "Claude comes with a later version"),
        ("--data penguins --engine statistic", "Did you mean statistics?"),
        (
            "--data penguins --unit sex",
            "The unit 'sex' does not tell subjects: that takes 6 different values",
        ),
        ("--data penguins --time species", "The time 'species' is text, which has no order in time."),
        ("--data penguins --reference island=Mars", "'island' has no level 'Mars'. There is Biscoe, Dream,"),
        (
            "--data penguins --reference Biscoo",
            "No column of penguins has a level 'Biscoo'. Did you mean 'Biscoe'?",
        ),
    ],
)
def test_bad_input_is_one_line_and_the_kernel_goes_on(kernel, line, message):
    reply = kernel.run(f"%kosmos_research {line}")
    lines = [text for text in reply.text.strip().splitlines() if text.strip()]
    assert len(lines) == 1
    assert lines[0].startswith("UsageError")
    assert message in lines[0]
    assert kernel.value("1 + 1") == "2"


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        (
            "--data penguins\nflipper_length_mm ~ +body_mass_g\nflipper_len ~ year",
            [
                "UsageError: Line 2: There is no column 'flipper_len'. Did you mean 'flipper_length_mm'?",
                "    flipper_len ~ year",
                "    ^",
            ],
        ),
        (
            "--data penguins\nyear ~ sex * island * species",
            [
                "UsageError: Line 1: There can be one * in a line.",
                "    year ~ sex * island * species",
                " " * 24 + "^",
            ],
        ),
        ("--data penguins\n# nothing", ["UsageError: There is no hypothesis here. Write one a line, as: "]),
        ("--data pengins\nyear ~ sex", ["UsageError: The data are to be 'pengins', but there is no such"]),
        ("--data np\nyear ~ sex", ["UsageError: np is a builtins.module, not a table."]),
        ("--status\nyear ~ sex", ["UsageError: %%kosmos_research tests the hypotheses below it."]),
        (
            "--data penguins --hypotheses 3\nyear ~ sex",
            ["UsageError: %%kosmos_research: --hypotheses limits"],
        ),
        ("--data penguins --aplha 1\nyear ~ sex", ["UsageError: %%kosmos_research: there is no option"]),
    ],
)
def test_a_cell_that_holds_no_hypothesis_is_shown_where(kernel, cell, told):
    reply = kernel.run(f"%%kosmos_research {cell}")
    lines = [line for line in reply.text.rstrip().splitlines() if line.strip()]
    assert len(lines) == len(told)
    for line, start in zip(lines, told, strict=True):
        assert line.startswith(start)
    assert kernel.value("1 + 1") == "2"


def test_a_cell_and_a_call_ask_the_same_question(kernel):
    spy = """
import kosmos_nb.runtime as home
from kosmos_nb.inquiry import Question
asked = []
plain = home.Runtime.research
def listen(self, data, question, **more):
    asked.append((question, more['workers']))
    return plain(self, data, Question(cap=1), **more)
home.Runtime.research = listen
"""
    kernel.run(spy)
    options = (
        "--unit island --time year --control sex,bill_depth_mm --ignore species --reference Dream --wait "
        "--allow simpson,order --allow missing --family lag --split --smallest 0.2 --seed 3 --workers 0"
    )
    cell = f"%%kosmos_research why --data penguins {options}\nBODY_mass_g ~ +flipper_length_mm | year\n"
    ask(kernel, cell)
    ask(
        kernel,
        "from kosmos_nb import research\n"
        "r = research(penguins, 'why', None, 'body_mass_g ~ +flipper_length_mm | year', 'statistics', "
        "seed=3, workers=0, unit='island', time='year', control=['sex', 'bill_depth_mm'], ignore='species', "
        "reference='Dream', allow=['simpson', 'order', 'missing'], families='lag', split=True, "
        "smallest=0.2).result()",
    )
    ask(kernel, "home.Runtime.research = plain")
    assert kernel.value("len(asked)") == "2"
    without_text = "[(replace(q, claims=tuple(replace(c, text='') for c in q.claims)), w) for q, w in asked]"
    ask(kernel, f"from dataclasses import replace\nfirst, second = {without_text}")
    assert kernel.value("first == second") == "True"
    assert "control=('sex', 'bill_depth_mm')" in kernel.value("first")
    assert kernel.value("first[1]") == "0"


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


def test_the_tab_key_knows_lists_codes_families_and_levels(kernel):
    line = "%kosmos_research --data penguins "
    assert kernel.complete(line + "--control year,se") == ["sex"]
    assert kernel.complete(line + "--unit isl") == ["island"]
    assert kernel.complete(line + "--reference Gen") == ["Gentoo"]
    assert kernel.complete(line + "--allow order,sim") == ["simpson"]
    assert set(kernel.complete(line + "--family lag,s")) >= {"spread", "survival"}
    assert kernel.complete(line + "--engine stat") == ["statistics"]
    assert kernel.complete("%%kosmos_research --data penguins --sp") == ["--split"]


def test_the_tab_key_offers_columns_in_the_cell_with_backticks_where_they_need_them(kernel):
    kernel.run("named = pd.DataFrame({'two words': [1], 'tone': [2], 'größe': [3]})")
    head = "%%kosmos_research --data named --wait\n"
    assert kernel.complete(head + "to") == ["tone"]
    assert kernel.complete(head + "tone ~ gr") == ["größe"]
    assert {"tone", "`two words`"} <= set(kernel.complete(head + "größe ~ +t"))
    reply = kernel.client.complete(head + "tone ~ `two w", reply=True, timeout=60)["content"]
    if IPython.version_info >= (8, 6):
        assert reply["matches"] == ["`two words`"]
        assert (head + "tone ~ `two w")[reply["cursor_start"] :] == "`two w"
    assert "tone" not in kernel.complete("%%kosmos_research --data nothing\nto")


def test_help_shows_both_forms_and_every_option(kernel):
    shown = ask(kernel, "%kosmos_research --help").stdout
    page = kernel.inspect("%kosmos_research")
    options = (
        "data target hypotheses unit time control ignore reference allow family split smallest alpha seed"
    )
    for option in (*options.split(), "engine", "workers", "wait", "status", "list", "cancel"):
        assert f"--{option}" in shown
        assert f"--{option}" in page
    assert "%%kosmos_research --data penguins\n" in shown
    assert "kosmos_research" in ask(kernel, "%%kosmos_research --help\nx").stdout


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
