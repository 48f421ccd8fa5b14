"""What %%kosmos_profile says about cells, in a real kernel."""

import re

import pytest

from tests.kernel import running_kernel

MODES = ["light", "standard"]


@pytest.fixture(scope="module")
def kernel():
    with running_kernel(load=True) as one:
        one.run("import kosmos_nb")
        yield one


@pytest.mark.parametrize(
    ("code", "status", "exception"),
    [
        ("1/0", "failed", "ZeroDivisionError"),
        ("import sys\nsys.exit()", "failed", "SystemExit"),
        ("x = (", "failed", "SyntaxError"),
        ("if True:\nx = 1", "failed", "IndentationError"),
        ("raise KeyboardInterrupt", "interrupted", "KeyboardInterrupt"),
        ("import asyncio\nawait asyncio.sleep(0)\n{}['k']", "failed", "KeyError"),
        ("1 + 1", "ok", None),
    ],
)
@pytest.mark.parametrize("mode", MODES)
def test_a_profile_records_how_its_cell_ended(kernel, mode, code, status, exception):
    reply = kernel.run(f"%%kosmos_profile --mode {mode}\n{code}", cell_id="cell-7")
    assert kernel.value(
        "(lambda p: (p.mode, p.status, p.exception_type, p.cell_id))(kosmos_nb.last())"
    ) == repr((mode, status, exception, "cell-7"))
    # After an error, what IPython shows and nothing else.
    assert len(reply.data) == (0 if status != "ok" else 2)


@pytest.mark.parametrize(
    "body",
    [
        "while True:\n    pass",
        "import time\ntime.sleep(60)",
        # One long sleep would not do: ipykernel itself wakes from it late.
        "import asyncio\nwhile True:\n    await asyncio.sleep(0.01)",
    ],
)
def test_an_interrupted_cell_is_recorded_and_the_kernel_goes_on(kernel, body):
    pending = kernel.start(f"%%kosmos_profile\nprint('ready', flush=True)\n{body}")
    pending.wait_for_text("ready")
    kernel.interrupt()
    reply = pending.result()
    assert reply.status == "error"
    assert reply.error.ename in ("KeyboardInterrupt", "CancelledError")
    assert kernel.value("kosmos_nb.last().status") == "'interrupted'"
    assert kernel.value("1 + 1") == "2"


def test_lines_are_those_of_the_editor_the_magics_own_line_included(kernel):
    kernel.run(
        "\n\n%%kosmos_profile\nimport time\n\ndef busy(s):\n    t = time.perf_counter()\n"
        "    while time.perf_counter() - t < s: pass\nbusy(0.3)"
    )
    lines = eval(kernel.value("{l.line: l.source for l in kosmos_nb.last().line_stats}"))
    assert lines[8] == "    while time.perf_counter() - t < s: pass"
    assert lines[9] == "busy(0.3)"
    reading = kernel.value("kosmos_nb.last().bottlenecks[0].reading")
    assert "in busy() at line 8: " in reading


def test_coroutines_of_an_awaiting_cell_have_their_time_and_its_waiting_is_waiting(kernel):
    kernel.run(
        "%%kosmos_profile --quiet -o p\nimport asyncio, time; took = 0; began = time.thread_time()\n"
        "async def work():\n    global took\n    for _ in range(2000):\n"
        "        t = time.thread_time(); sum(range(20_000)); took += time.thread_time() - t\n"
        "        await asyncio.sleep(0)\nawait asyncio.gather(work(), work())\n"
        "whole = time.thread_time() - began; await asyncio.sleep(0.4)"
    )
    work_s, all_s, took_s, whole_s = eval(
        kernel.value(
            "(sum(f.total_cpu_s for f in p.function_stats if f.name == 'work'),"
            " sum(f.self_cpu_s for f in p.function_stats), took, whole)"
        )
    )
    # Some 150 samples: a standard error of 1.5 points.
    assert work_s / all_s == pytest.approx(took_s / whole_s, abs=0.08)
    lines = eval(kernel.value("{l.line: (l.wall_s, l.cpu_s) for l in p.line_stats}"))
    assert lines[9][0] == pytest.approx(0.4, abs=0.1)
    assert lines[9][1] < 0.1
    files = eval(kernel.value("sorted({f.file for f in p.function_stats})"))
    # Where asyncio keeps its tasks: a set of weak references.
    assert all(file.startswith(("In[", "asyncio", "_weakrefset.py")) for file in files), files


def test_frames_of_the_machinery_do_not_appear(kernel):
    kernel.run(
        "%%kosmos_profile --quiet -o p\nfrom IPython.display import display\nfor n in range(3000):\n"
        "    display(n, display_id='x') if n % 1000 == 0 else sum(range(3000))\nprint('x' * 10)"
    )
    files = kernel.value("{f.file.split('/')[0] for f in p.function_stats}")
    for stage in ("IPython", "ipykernel", "kosmos_nb", "zmq", "tornado", "jupyter_client", "traitlets"):
        assert stage not in files


def test_functions_of_other_cells_are_named_by_their_cell(kernel):
    made = kernel.run("def elsewhere(n):\n    return sum(range(n))").execution_count
    kernel.run("%%kosmos_profile --quiet -o p\nfor _ in range(20): elsewhere(1_000_000)")
    found = kernel.value("[(f.file, f.line) for f in p.function_stats if f.name == 'elsewhere']")
    assert found in (repr([(f"In[{made}]", 1)]), "[('<notebook>', 1)]")  # IPython before 8 keeps no numbers


def test_recursion_up_to_the_limit_ends_as_without_the_magic(kernel):
    code = "def down(n):\n    return n if n == 0 else down(n - 1)\ndown(700), isinstance(down, object)"
    for mode in MODES:
        assert kernel.run(f"%%kosmos_profile --quiet --mode {mode}\n{code}").result == {
            "text/plain": "(0, True)"
        }
        endless = kernel.run(
            f"%%kosmos_profile --quiet --mode {mode} -o p\n{code.replace('n == 0', 'False')}"
        )
        assert endless.error.ename == "RecursionError"
        assert kernel.value("p.exception_type") == "'RecursionError'"


def test_a_cell_of_another_thread_is_profiled_and_says_how(kernel):
    kernel.run(
        "import threading\nshell = get_ipython()\n"
        "t = threading.Thread(target=lambda: shell.run_cell('%%kosmos_profile --quiet -o p\\nz = 9'))\n"
        "t.start(); t.join()"
    )
    assert kernel.value("(z, p.status, 'main thread' in p.notes[0])") == "(9, 'ok', True)"


def test_a_terminal_waits_for_the_body_of_the_cell(kernel):
    check = "get_ipython().input_transformer_manager.check_complete('%%kosmos_profile{}')[0]"
    assert kernel.value(check.format("\\n")) in ("'incomplete'", "'complete'")
    assert kernel.value(check.format("")) == "'incomplete'"
    assert kernel.value(check.format("\\nx = 1")) == "'incomplete'"


def test_a_traceback_names_the_line_of_the_editor(kernel):
    reply = kernel.run("%%kosmos_profile --mode light\nx = 1\nraise ValueError(x)")
    trace = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(reply.error.traceback))
    assert re.search(r"-+> 3 raise ValueError", trace)


def test_the_magic_can_stand_above_and_below_another_cell_magic(kernel):
    below = kernel.run("%%kosmos_profile --quiet -o p\n%%capture c\nprint('caught')")
    assert below.status == "ok"
    assert kernel.value("(c.stdout, p.kind, p.status)") == "('caught\\n', 'cell', 'ok')"
    above = kernel.run("%%capture c\n%%kosmos_profile --quiet -o q\nz = 5\nprint(z)")
    assert above.status == "ok"
    assert kernel.value("(c.stdout, z, q.kind, q.status, q.id != p.id)") == "('5\\n', 5, 'cell', 'ok', True)"


def test_called_by_hand_it_runs_the_cell_and_gives_its_value(kernel):
    kernel.run("v = get_ipython().run_cell_magic('kosmos_profile', '--quiet --mode light', 'w = 6\\nw * 7')")
    assert kernel.value("(v, w, kosmos_nb.last().status)") == "(42, 6, 'ok')"
    failed = kernel.run("get_ipython().run_cell_magic('kosmos_profile', '--quiet', '1/0')")
    assert failed.error.ename == "ZeroDivisionError"
    assert kernel.value("kosmos_nb.last().exception_type") == "'ZeroDivisionError'"


def test_inside_a_profiled_cell_it_is_one_clear_line(kernel):
    reply = kernel.run(
        "%%kosmos_profile --quiet -o outer\nget_ipython().run_cell('%%kosmos_profile\\nx = 1');\n2"
    )
    assert reply.stderr.startswith("UsageError: This cell is being profiled already")
    assert reply.stderr.count("\n") == 1
    assert reply.result == {"text/plain": "2"}
    assert kernel.value("outer.status") == "'ok'"


def test_a_nested_run_of_a_plain_cell_leaves_the_outer_profile_running(kernel):
    kernel.run(
        "%%kosmos_profile --quiet -o outer\nget_ipython().run_cell('')\nget_ipython().run_cell('n = 1')\n"
        "import time\nt = time.perf_counter()\nwhile time.perf_counter() - t < 0.2: pass"
    )
    assert float(kernel.value("outer.wall_s")) >= 0.2
    assert kernel.value("max(l.line for l in outer.line_stats)") == "6"


def test_a_bad_option_is_one_line_and_the_cell_does_not_run(kernel):
    reply = kernel.run("%%kosmos_profile --mode fast\nprint('ran')")
    assert reply.status == "error"
    assert reply.stdout == ""
    assert reply.stderr.startswith(
        "UsageError: %%kosmos_profile: --mode is one of light, standard, full, not 'fast'"
    )
    assert reply.stderr.count("\n") == 1


@pytest.mark.parametrize("line", ["", "--nope 1", "--always light 1", "--mode fast 1"])
def test_a_complaint_about_the_line_form_names_the_line_form(kernel, line):
    assert kernel.run(f"%kosmos_profile {line}").stderr.startswith("UsageError: %kosmos_profile: ")
    assert kernel.run("%%kosmos_profile --nope\n1").stderr.startswith("UsageError: %%kosmos_profile: ")


def test_help_is_shown_by_option_and_by_question_mark(kernel):
    for code in ("%%kosmos_profile --help\nprint('ran')", "%kosmos_profile --help"):
        shown = kernel.run(code).stdout
        assert "examples:" in shown
        assert "ran\n" not in shown
    assert "--threshold" in kernel.inspect("%kosmos_profile")


def test_the_line_form_returns_the_profile_with_the_value(kernel):
    reply = kernel.run(
        "r = %kosmos_profile --mode light sum(n for n in range(100) if 'a b')\nprint(r.value, r.kind)"
    )
    assert reply.stdout == "4950 expression\n"
    assert kernel.run("%kosmos_profile nonsense +").stderr.startswith("UsageError: ")
    assert kernel.run("%kosmos_profile").stderr.startswith("UsageError: ")
    assert kernel.run("%kosmos_profile 1/0").error.ename == "ZeroDivisionError"
    assert kernel.value("kosmos_nb.last().exception_type") == "'ZeroDivisionError'"


def test_the_line_form_sees_the_names_of_the_function_that_calls_it(kernel):
    reply = kernel.run(
        "def f(local):\n    return get_ipython().run_line_magic('kosmos_profile', '--mode light local + 1')\n"
        "print(f(41).value)"
    )
    assert reply.stdout == "42\n"


def test_always_profiles_plain_cells_and_shows_one_status_line_only(kernel):
    line = kernel.run("%kosmos_profile --always light")
    see = "see kosmos_nb.last(), %kosmos_history"
    assert line.data == [{"text/plain": f"kosmos_nb profiles every cell (light); {see}"}]
    try:
        reply = kernel.run("print('hello')\n40 + 2", cell_id="plain")
        # A stream may arrive in pieces.
        assert list(dict.fromkeys(kind for kind, _ in reply.outputs)) == ["stream", "execute_result"]
        updates = [m for m in reply.messages if m["header"]["msg_type"] == "update_display_data"]
        assert len(updates) == 1
        assert "1 cell; last [" in updates[0]["content"]["data"]["text/plain"]
        assert kernel.value("(lambda p: (p.cell_id, p.mode, p.status))(kosmos_nb.last())").startswith(
            "('plain'"
        )
    finally:
        kernel.run("%kosmos_profile --always off")
    kernel.run("this_is_not_profiled = 1")
    assert "this_is_not_profiled" not in kernel.value("kosmos_nb.last().code")


def test_always_from_the_environment_holds_from_the_first_cell():
    with running_kernel({"KOSMOS_ALWAYS": "light"}, load=True) as one:
        one.run("marked = 1")
        assert one.value("__import__('kosmos_nb').last().code") == "'marked = 1'"


def test_settings_of_config_apply_to_cells_without_options(kernel):
    kernel.run("%config Kosmos.mode = 'light'\n%config Kosmos.threshold_pct = 50")
    kernel.run("%%kosmos_profile --quiet\n1")
    assert kernel.value("(lambda p: (p.mode, p.threshold_pct))(kosmos_nb.last())") == "('light', 50.0)"
    kernel.run("%config Kosmos.mode = 'standard'\n%config Kosmos.threshold_pct = 5")
    wrong = kernel.run("%config Kosmos.mode = 'fast'")
    assert "expected any of ['light', 'standard', 'full']" in wrong.stderr
    assert wrong.stderr.count("\n") == 1


@pytest.mark.parametrize("setting", ["KOSMOS_MODE", "KOSMOS_ALPHA", "KOSMOS_ALWAYS"])
def test_a_setting_that_makes_no_sense_is_one_line_and_cells_still_run(setting):
    with running_kernel({setting: "7"}, load=True) as one:
        first = one.run("1 + 1")
        assert first.result == {"text/plain": "2"}
        assert first.stderr.count("\n") == (1 if setting == "KOSMOS_ALWAYS" else 0)
        assert one.run("1 + 1").stderr == ""
        profiled = one.run("%%kosmos_profile\n1 + 1")
        assert profiled.result == {"text/plain": "2"}
        assert profiled.stderr.startswith("kosmos_nb: this cell is not profiled: ")
        for command in (
            "p = %kosmos_profile 1",
            "%kosmos_sql SELECT 1",
            "%kosmos_history",
            "%kosmos_research --list",
            "%config Kosmos",
        ):
            reply = one.run(command)
            shown = [*reply.stderr.splitlines(), *(reply.error.traceback if reply.error else ())]
            assert len(shown) == 1 and setting in shown[0], (command, shown)
        assert setting in profiled.stderr
        assert profiled.stderr.count("\n") == 1


def test_the_same_code_has_the_same_hash_and_an_edit_changes_it(kernel):
    hashes = []
    for source in (
        "%%kosmos_profile --mode light\na = 1\n",
        "%%kosmos_profile --quiet\n\na = 1   \n",
        "%%kosmos_profile\na = 2",
    ):
        kernel.run(source)
        hashes.append(kernel.value("kosmos_nb.last().code_hash"))
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.parametrize(
    "cell", ["%%kosmos_profile --quiet\nsum(range(10))", "p = %kosmos_profile sum(range(10))"]
)
def test_a_profile_carries_the_number_that_its_cell_shows(kernel, cell):
    made = kernel.run(cell)
    assert kernel.value("kosmos_nb.last().execution_count") == str(made.execution_count)


SLOW_TRACEBACKS = """
import time
shell = get_ipython()
inner = shell._showtraceback
def slow(*args):
    t = time.perf_counter()
    while time.perf_counter() - t < 0.5: pass
    return inner(*args)
shell._showtraceback = slow
names_before = sorted(vars(shell))
"""


@pytest.mark.parametrize(
    "code", ["1/0", "import asyncio\nawait asyncio.sleep(0)\n1/0", "import sys; sys.exit()"]
)
@pytest.mark.parametrize("mode", MODES)
def test_a_failed_cell_does_not_pay_for_its_traceback(mode, code):
    with running_kernel(load=True) as one:
        one.run(SLOW_TRACEBACKS)
        reply = one.run(f"%%kosmos_profile --mode {mode} --quiet -o p\n{code}")
        assert reply.status == "error"
        assert float(one.value("p.wall_s")) < 0.2
        assert float(one.value("p.cpu_s")) < 0.2
        assert one.value("p.status") == "'failed'"
        assert one.value("sorted(vars(shell)) == names_before") == "True"


def test_an_error_that_a_cell_shows_and_survives_does_not_end_its_profile(kernel):
    kernel.run(
        "%%kosmos_profile --quiet -o p\nimport time\nget_ipython().run_cell('1/0')\n"
        "try:\n    1/0\nexcept ZeroDivisionError:\n    get_ipython().showtraceback()\n"
        "t = time.perf_counter()\nwhile time.perf_counter() - t < 0.3: pass"
    )
    assert float(kernel.value("p.wall_s")) >= 0.3
    assert kernel.value("max(l.line for l in p.line_stats)") == "9"


def test_a_traceback_hook_that_a_cell_installs_stays(kernel):
    kernel.run(
        "%%kosmos_profile --quiet\nshell = get_ipython()\nfirst = shell.showtraceback\n"
        "shell.showtraceback = mine = lambda *a, **k: first(*a, **k)"
    )
    assert kernel.value("shell.showtraceback is mine") == "True"
    assert kernel.run("1/0").error.ename == "ZeroDivisionError"
    assert kernel.run("%%kosmos_profile --quiet -o p\n{}['k']").error.ename == "KeyError"
    assert kernel.value("(p.exception_type, shell.showtraceback is mine)") == "('KeyError', True)"
    kernel.run("del shell.showtraceback")


COMM_TARGET = """
from comm import get_comm_manager
handled = []
def opened(comm, message):
    comm.on_msg(lambda message: exec(message["content"]["data"]["code"], globals()))
get_comm_manager().register_target("of the test", opened)
"""


@pytest.mark.parametrize("code", ["pass", "get_ipython().run_cell('y = 2')", "get_ipython().run_cell('1/0')"])
def test_a_message_of_a_widget_does_not_end_the_profile_of_a_cell_that_awaits(kernel, code):
    kernel.run(COMM_TARGET)
    send, socket = kernel.client.session.send, kernel.client.shell_channel.socket
    send(socket, "comm_open", {"comm_id": "one", "target_name": "of the test", "data": {}})
    assert kernel.value("handled") == "[]"
    cell = kernel.start(
        # ipykernel 6 handles the message when the cell is through: it must not wait for ever.
        "%%kosmos_profile --quiet -o p\nimport asyncio, time\n"
        "print('awaits'); until = time.perf_counter() + 3\n"
        "while not handled and time.perf_counter() < until:\n    await asyncio.sleep(0.01)\n"
        "until = time.perf_counter() + 0.3\nwhile time.perf_counter() < until: pass"
    )
    cell.wait_for_text("awaits")
    send(socket, "comm_msg", {"comm_id": "one", "data": {"code": f"{code}\nhandled.append(1)"}})
    assert cell.result().status == "ok"
    assert kernel.value("handled") == "[1]"
    assert float(kernel.value("p.wall_s")) >= 0.3
    assert kernel.value("(p.status, max(l.line for l in p.line_stats))") == "('ok', 7)"
