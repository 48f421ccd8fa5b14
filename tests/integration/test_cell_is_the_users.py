"""A cell means the same with and without %%kosmos_profile, and nothing of ours stays behind."""

import contextlib
import importlib.util
import inspect
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from itertools import product

import pytest

from tests import shell_picture
from tests.kernel import Reply, RunningKernel, running_kernel
from tests.waiting import until

HOWS = ["--mode light", "--mode standard", "--mode full", "--mode light --trace-calls"]
if importlib.util.find_spec("memray") is not None:
    HOWS.append("--mode light --trace-memory")

CELLS = {
    "a value": "x = 20\nx + 22",
    "nothing": "y = 1",
    "only comments": "# nothing to do",
    "output in order": (
        "import sys\nfrom IPython.display import display\nprint('one')\nprint('two', file=sys.stderr)\n"
        "display('three')\nprint('four')\n'five'"
    ),
    "semicolon": "41 + 1;",
    "await": "import asyncio\nvalue = await asyncio.sleep(0.01, result=7)\nvalue",
    "tasks": (
        "import asyncio\nasync def f(n):\n    await asyncio.sleep(0)\n    return n\n"
        "await asyncio.gather(f(1), f(2))"
    ),
    "the kernel's own loop": "import asyncio\nasync def g():\n    return asyncio.get_running_loop()\n"
    "(await g()) is asyncio.get_event_loop()",
    "async for and with": (
        "class C:\n    async def __aenter__(self): return 1\n    async def __aexit__(self, *a): pass\n"
        "async with C() as c:\n    print(c)"
    ),
    "an error": "def f():\n    return 1/0\nprint('before')\nf()",
    "an error after await": "import asyncio\nawait asyncio.sleep(0)\nraise ValueError('late')",
    "a syntax error": "x = (1,\nprint(",
    "wrong indentation": "if True:\nx = 1",
    "return outside": "return 5",
    "sys.exit": "import sys\nprint('out')\nsys.exit(3)",
    "SystemExit": "raise SystemExit('done')",
    "KeyboardInterrupt": "raise KeyboardInterrupt",
    "an input transformer's error": "%nosuchmagic 1",
    "a line magic": "%who_ls int",
    "a shell line": "!echo hello",
    "a cell magic below": "%%capture caught\nprint('hidden')",
    "a question mark": "len?",
    "strings with newlines": "s = '''\n%%kosmos_profile\n  keep\n'''\ns",
    "last value": "_",
    "local function": "def outer():\n    z = 3\n    return locals()\nouter()",
    "an exception group": "raise ExceptionGroup('several', [ValueError(1), KeyError(2)])",
    "warnings": "import warnings\nwarnings.warn('careful')",
    "a future import": "from __future__ import annotations\ndef f(x: Undefined): pass\nf.__annotations__",
    "globals": "globals()['made'] = 1\nmade",
    "a frame's name": "import sys\nsys._getframe().f_code.co_name.startswith('<')",
    "braces": "'{x} $x'",
    "a cancelled await": "import asyncio\ntask = asyncio.ensure_future(asyncio.sleep(60))\n"
    "asyncio.get_running_loop().call_soon(task.cancel)\nawait task",
    "a fork": "import os, warnings\nwith warnings.catch_warnings():\n    warnings.simplefilter('ignore')\n"
    "    child = os.fork()\nif child == 0:\n    os._exit(7)\nos.waitpid(child, 0)[1] >> 8",
    "a thread that stays": "import threading\nstay = threading.Event()\n"
    "threading.Thread(target=stay.wait, daemon=True).start()",
    "an alarm of the user": "import signal\nrung = []\n"
    "old = signal.signal(signal.SIGALRM, lambda *_: rung.append(1))\n"
    "signal.setitimer(signal.ITIMER_REAL, 0.02)\nwhile not rung: pass\n"
    "signal.signal(signal.SIGALRM, old)\nrung",
    "quotes and backslashes": "s = 'it\\'s \\\\ \"quoted\" \\n' + r'\\d' + b'\\x00'.hex()\ns",
    "magics inside a string": 's = """\n%who\n!ls\n\t%%time\n    indented\n"""\ns',
    "a shell line with braces and quotes": "name = 'x y'\n!echo {name} '$name' \"{{}}\"",
    "a captured shell line": "files = !echo one\nlist(files)",
    "a magic that assigns": "here = %pwd\ntype(here)",
    "another language below": "%%bash\necho 'a  b' $((6 * 7))",
    "continuation lines": "total = 1 + \\\n    2\ntotal",
    "tabs": "if True:\n\tx = 1\n\tif x:\n\t\tprint('tab')",
    "unicode": "größe = 'é😀\u2028'\ngröße",
    "prompts": ">>> x = 2\n>>> x\n",
    "In and Out": "[type(In), In[-1].count('In[-1]'), type(Out), ___]",
    "a class and super": "class A:\n    def f(self): return __class__\nA().f() is A",
    "a generator left open": "def g():\n    try:\n        yield 1\n    finally:\n        print('closed')\n"
    "next(g())",
    "a collection": "import gc\n[gc.isenabled(), gc.collect() >= 0, gc.get_debug()]",
}
if sys.version_info >= (3, 12):
    CELLS["a type statement and type parameters"] = (
        "type Pair[T] = tuple[T, T]\ndef first[T](p: Pair[T]) -> T: return p[0]\nfirst((1, 2)), Pair.__name__"
    )
    CELLS["nested quotes in an f-string"] = "names = ['a']\nf'{', '.join(f\"{n}\" for n in names)}'"
if sys.version_info >= (3, 13):
    CELLS["a snapshot of locals"] = "def f():\n    a = 1\n    locals()['a'] = 2\n    return a\nf()"
    CELLS["a default of a type parameter"] = "class Box[T = int]: pass\nBox.__type_params__[0].__default__"


def outputs(reply: Reply) -> list[tuple[str, object]]:
    """What a notebook would keep, without what differs from run to run."""
    kept: list[tuple[str, object]] = []
    for kind, content in reply.outputs:
        if kind == "stream":
            text = without_names(content["text"])
            if kept and kept[-1][0] == content["name"]:
                kept[-1] = (content["name"], str(kept[-1][1]) + text)
            else:
                kept.append((content["name"], text))
        elif kind == "error":
            trace = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(content["traceback"]))
            kept.append((kind, (content["ename"], *map(without_names, (content["evalue"], trace)))))
        else:
            kept.append((kind, content["data"].get("text/plain")))
    return kept


def without_names(text: str) -> str:
    """The text without the names that IPython gives to cells, and without the first line that differs."""
    text = re.sub(r"In\s?\[\d+\]|ipython-input-\d+-\w+|(/tmp/ipykernel_\d+/)?\d+\.py", "CELL", text)
    lines = [line.rstrip() for line in text.splitlines()]
    return "\n".join(line for line in lines if not re.fullmatch(r"(-+>)?\s*1( %%kosmos_profile.*| #|)", line))


def is_tried(name: str, how: str) -> bool:
    """Return whether a cell is compared so: what traces does not touch how a cell is read."""
    return "trace" not in how or any(word in name for word in ("error", "await", "exit", "value", "fork"))


@pytest.fixture(scope="module")
def kernels():
    with running_kernel() as plain, running_kernel(load=True) as profiled:
        plain.run("pass")  # the same execution count as the kernel that loaded the extension
        yield plain, profiled


@pytest.mark.parametrize(("name", "how"), [pair for pair in product(CELLS, HOWS) if is_tried(*pair)])
def test_a_cell_shows_and_leaves_the_same_as_without_the_magic(kernels, name, how):
    plain, profiled = kernels
    code = CELLS[name]
    # A comment stands where the magic stands, so that lines count the same.
    expected = plain.run(code if code.startswith("%%") else f"#\n{code}")
    got = profiled.run(f"%%kosmos_profile {how} --quiet\n{code}")
    assert outputs(got) == outputs(expected)
    assert got.status == expected.status
    assert got.execution_count == expected.execution_count
    assert got.reply.get("payload") == expected.reply.get("payload")
    if got.error is not None:
        assert "kosmos_nb" not in "\n".join(got.error.traceback)
    names = "sorted(n for n in globals() if not n.startswith('_') and n not in ('kosmos_nb',))"
    assert profiled.value(names) == plain.value(names)
    assert profiled.value("_") == plain.value("_")


LEFT_OVER = {"a thread that stays": "stay.set()"}


class Photographer:
    """A kernel with the extension, and pictures of it."""

    def __init__(self, kernel: RunningKernel) -> None:
        self.kernel = kernel
        kernel.run(inspect.getsource(shell_picture) + "\nimport json")

    def warm_up(self, hows: Sequence[str] = HOWS) -> None:
        """Let everything be imported and the history be open: that much stays, and once only."""
        for how in hows:
            self.kernel.run(f"%%kosmos_profile {how} --quiet\nimport subprocess, asyncio, threading")
        self.kernel.run("import kosmos_nb.runtime\nkosmos_nb.runtime.runtime().history.flush(30)")

    def picture(self) -> dict[str, object]:
        return json.loads(eval(self.kernel.value("json.dumps(picture())")))

    def run_plain(self) -> None:
        """Run each cell without us: what IPython and the cells themselves leave behind, stays."""
        for name, code in CELLS.items():
            self.kernel.run(code)
            self.kernel.run(LEFT_OVER.get(name, "pass"))

    def sees(self, before: dict[str, object], but_for: frozenset[str] = frozenset()) -> None:
        """Fail unless the kernel looks again as before; what ends by itself may take its time."""
        found: dict[str, object] = {}

        def is_as_before() -> bool:
            nonlocal found
            found = differences(before, self.picture())
            return not found.keys() - but_for

        with contextlib.suppress(AssertionError):
            until(is_as_before, within_s=10)
        assert {name: found[name] for name in found.keys() - but_for} == {}


def differences(before: dict[str, object], now: dict[str, object]) -> dict[str, object]:
    """What is in one picture and not in the other, by name: (gone, new)."""
    found = {}
    for name in before.keys() | now.keys():
        old, new = ([json.dumps(at) for at in as_list(seen.get(name))] for seen in (before, now))
        gone, come = Counter(old) - Counter(new), Counter(new) - Counter(old)
        if gone or come:
            found[name] = (sorted(gone.elements()), sorted(come.elements()))
    return found


def as_list(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.items())
    return value if isinstance(value, list) else [value]


@pytest.fixture(scope="module")
def photographer():
    with running_kernel(load=True) as kernel:
        one = Photographer(kernel)
        one.run_plain()
        one.warm_up()
        yield one


@pytest.mark.parametrize("how", HOWS)
def test_nothing_of_ours_stays_installed_however_a_cell_ends(photographer, how):
    before = photographer.picture()
    for name, code in CELLS.items():
        photographer.kernel.run(f"%%kosmos_profile {how} --quiet\n{code}")
        photographer.kernel.run(LEFT_OVER.get(name, "pass"))
    photographer.sees(before)


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize(
    "body", ["while True: pass", "import asyncio\nwhile True:\n    await asyncio.sleep(0.01)"]
)
def test_nothing_of_ours_stays_installed_after_an_interrupt(photographer, how, body):
    before = photographer.picture()
    pending = photographer.kernel.start(f"%%kosmos_profile {how} --quiet\nprint('ready', flush=True)\n{body}")
    pending.wait_for_text("ready")
    photographer.kernel.interrupt()
    reply = pending.result()
    assert reply.error.ename in ("KeyboardInterrupt", "CancelledError")
    assert "kosmos_nb" not in "\n".join(reply.error.traceback)
    photographer.sees(before)


def test_nothing_of_ours_stays_installed_after_unloading():
    with running_kernel() as kernel:
        one = Photographer(kernel)
        one.run_plain()
        before = one.picture()
        kernel.run("%load_ext kosmos_nb")
        one.warm_up([how for how in HOWS if "memory" not in how])  # memray keeps a pipe once it was used
        kernel.run("%unload_ext kosmos_nb")
        # Filters of warnings and hooks of imports are those of libraries, which stay imported.
        one.sees(before, but_for=frozenset({"warning filters", "import hooks"}))


CHILD = """
import os, signal, threading, sys, gc, json
parent = f"/proc/{os.getpid()}/"
read, write = os.pipe()
child = os.fork()
if child == 0:
    seen = picture()
    files = seen.get("open files", [])
    fds = [file for file in files if file.startswith(("/proc/self", parent))]
    handlers = [h for h in seen["signal handlers"].values() if "kosmos" in h]
    spent = sum(i * i for i in range(300_000))  # a timer of ours would fire meanwhile
    os.write(write, json.dumps([
        fds, handlers, seen["interval timers"], seen.get("timers of the system"), seen["threads"],
        [line for line in seen.get("signals as the system sees them", ["Threads:\\t1"]) if "Threads" in line],
        [c for c in seen["gc callbacks"] if "kosmos" in c], seen["trace function"], seen["profile function"],
        [t for t in seen.get("monitoring", []) if t[1] and "kosmos" in t[1]],
    ]).encode())
    os._exit(0)
os.close(write)
with os.fdopen(read) as pipe:
    told = json.load(pipe)
os.waitpid(child, 0)[1]
"""


@pytest.mark.parametrize("how", [how for how in HOWS if "trace" not in how])
def test_the_child_of_a_fork_has_nothing_of_ours(photographer, how):
    kernel = photographer.kernel
    reply = kernel.run(f"%%kosmos_profile {how} --quiet\n{CHILD}")
    assert reply.result == {"text/plain": "0"}
    told = json.loads(eval(kernel.value("json.dumps(told)")))
    files, handlers, timers, system_timers, threads, count, collectors, trace, profile, tools = told
    assert (files, handlers, collectors, tools) == ([], [], [], [])
    assert timers == [[0.0, 0.0]] * 3
    assert not system_timers
    assert (threads, count) == (["MainThread"], ["Threads:\t1"])
    assert (trace, profile) == (["None", "None"], ["None", "None"])


@pytest.mark.parametrize("how", HOWS)
def test_autoreload_brings_an_edit_into_the_profiled_cell(tmp_path, how):
    module = tmp_path / "edited.py"
    module.write_text("def answer():\n    return 1\n")
    with running_kernel(load=True, cwd=tmp_path) as kernel:
        kernel.run("%load_ext autoreload\n%autoreload 2\nimport edited")
        assert kernel.run(f"%%kosmos_profile {how} --quiet\nedited.answer()").result == {"text/plain": "1"}
        module.write_text("def answer():\n    return 'two, and longer'\n")
        reply = kernel.run(f"%%kosmos_profile {how} --quiet\nedited.answer()")
        assert reply.result == {"text/plain": "'two, and longer'"}
        assert kernel.value("__import__('kosmos_nb').last().status") == "'ok'"


def test_an_indented_cell_is_dedented_as_without_the_magic(photographer):
    kernel = photographer.kernel
    for code in ("    x = 1\n    x + 1", "\n\n  y = 3\n  y", "\tz = 5\n\tz"):
        expected = kernel.run(code).result
        assert expected is not None
        assert kernel.run(f"%%kosmos_profile --mode light --quiet\n{code}").result == expected


def test_a_silent_cell_runs_without_a_profile(photographer):
    kernel = photographer.kernel
    before = kernel.value("__import__('kosmos_nb').last().id")
    kernel.start("%%kosmos_profile --mode light\nquietly = 7", silent=True).result()
    assert kernel.value("(quietly, __import__('kosmos_nb').last().id)") == f"(7, {before})"


def test_a_cell_without_history_has_a_profile_without_a_number(photographer):
    kernel = photographer.kernel
    kernel.start("%%kosmos_profile --mode light --quiet -o p\nunnumbered = 8", store_history=False).result()
    assert kernel.value("(unnumbered, p.status, p.execution_count)") == "(8, 'ok', None)"


def test_always_leaves_alone_what_is_no_cell(photographer):
    kernel = photographer.kernel
    kernel.run("%kosmos_profile --always light")
    try:
        kernel.run("only_cell = 1")
        before = kernel.run("%kosmos_history").status, kernel.complete("only_c")
        assert before == ("ok", ["only_cell"])
        kernel.inspect("only_cell")
        kernel.client.session.send(
            kernel.client.shell_channel.socket,
            "comm_msg",
            {"comm_id": "nobody's", "data": {"method": "request_state"}},
        )
        kernel.start("silently = 1", silent=True).result()
        code = "import kosmos_nb; found = kosmos_nb.last().code"
        kernel.run(code)
        assert kernel.value("found") == "'only_cell = 1'"
    finally:
        kernel.run("%kosmos_profile --always off")


@pytest.mark.parametrize("mode", ["light", "standard"])
def test_always_profiles_cells_of_threads_and_cells_that_fail(photographer, mode):
    kernel = photographer.kernel
    kernel.run(f"%kosmos_profile --always {mode}")
    try:
        assert kernel.run("1/0").error.ename == "ZeroDivisionError"
        kernel.run("import kosmos_nb; failed = kosmos_nb.last()")
        kernel.run("shell = get_ipython()\nrunner = threading.Thread(target=shell.run_cell, args=('k = 9',))")
        # A cell inside a profiled cell, in another thread: it has a profile of its own.
        kernel.run("runner.start(); runner.join(); inner = kosmos_nb.last()")
        assert kernel.value("(failed.status, failed.exception_type)") == "('failed', 'ZeroDivisionError')"
        assert kernel.value("(k, inner.code, inner.mode, inner.status)") == repr((9, "k = 9", mode, "ok"))
    finally:
        kernel.run("%kosmos_profile --always off")


def test_an_interrupt_that_falls_into_our_handler_shows_no_frame_of_ours(photographer):
    kernel = photographer.kernel
    reply = kernel.run(
        "%%kosmos_profile --quiet\nimport contextlib\n"
        "from kosmos_nb.profiling.sampling.sampler import Recorder\n"
        "first = Recorder.record\ndef falls_into_it(self, *rest, **more):\n    Recorder.record = first\n"
        "    raise KeyboardInterrupt\nRecorder.record = falls_into_it\nwhile True: pass"
    )
    assert reply.error.ename == "KeyboardInterrupt"
    trace = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(reply.error.traceback))
    assert "while True: pass" in trace
    assert "_on_tick" not in trace
    assert "falls_into_it" in trace  # a handler of the user's would be shown


def test_an_interrupt_between_two_statements_shows_no_frame_of_ours(photographer):
    kernel = photographer.kernel
    kernel.run(
        "import time\nclass Slow:\n    def __init__(self, compile): self.compile = compile\n"
        "    def __getattr__(self, name): return getattr(self.compile, name)\n"
        "    def __call__(self, *words):\n        until = time.perf_counter() + 0.2\n"
        "        while is_armed and time.perf_counter() < until: pass\n        return self.compile(*words)\n"
        "is_armed = False\nshell = get_ipython()\nshell.compile = Slow(shell.compile)"
    )
    try:
        reply = kernel.run(
            "%%kosmos_profile --quiet\nfrom kosmos_nb.profiling.sampling.sampler import Recorder\n"
            "first = Recorder.record\ndef falls_into_it(self, *rest, **more):\n    Recorder.record = first\n"
            "    raise KeyboardInterrupt\nRecorder.record, is_armed = falls_into_it, True\nx = 1"
        )
    finally:
        kernel.run("shell.compile = shell.compile.compile")
    assert reply.error.ename == "KeyboardInterrupt"
    trace = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(reply.error.traceback))
    assert "while is_armed" in trace
    assert "falls_into_it" in trace
    assert "_on_tick" not in trace
    assert kernel.value("__import__('kosmos_nb').last().status") == "'interrupted'"


def test_an_awaiting_cell_of_a_terminal_that_is_interrupted_leaves_the_next_ones_their_profiles(tmp_path):
    script = """
import os, signal, threading
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "kosmos_nb")
threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    shell.run_cell("%%kosmos_profile --quiet\\nimport asyncio\\nawait asyncio.sleep(30)")
except KeyboardInterrupt:
    pass
shell.run_cell("%%kosmos_profile --quiet -o later\\nx = 1")
later = shell.user_ns.get("later")
print(later and later.status, signal.getsignal(signal.SIGPROF), "showtraceback" in vars(shell))
"""
    environment = {**os.environ, "KOSMOS_HOME": str(tmp_path), "IPYTHONDIR": str(tmp_path / "ipython")}
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.splitlines()[-1] == "ok 0 False", done.stdout + done.stderr
