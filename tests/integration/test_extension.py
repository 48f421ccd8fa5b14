"""Loading is light, unloading leaves nothing, and both can be repeated."""

import json
import os
import subprocess
import sys

import IPython
import pytest

from kosmos_nb.cli.enable import FILE_NAME, disable, enable
from kosmos_nb.core import ConfigError
from tests.kernel import running_kernel

HEAVY = [
    "alembic",
    "anthropic",
    "anywidget",
    "duckdb",
    "ipywidgets",
    "matplotlib",
    "memray",
    "numpy",
    "pandas",
    "pyarrow",
    "pydantic",
    "scipy",
    "sqlalchemy",
    "statsmodels",
]

WORDS = ["--mode", "--quiet", "full", "light", "off", "standard"]

STATE = """
import gc, signal, sys, threading
def state():
    shell = get_ipython()
    return {
        "cleanup": [getattr(t, "__qualname__", str(t)) for t in shell.input_transformers_cleanup],
        "post": [getattr(t, "__qualname__", str(t)) for t in shell.input_transformers_post],
        "ast": len(shell.ast_transformers),
        "events": {k: len(v) for k, v in shell.events.callbacks.items()},
        "line": sorted(shell.magics_manager.magics["line"]),
        "cell": sorted(shell.magics_manager.magics["cell"]),
        "registry": sorted(shell.magics_manager.registry),
        "configurables": sorted(type(c).__name__ for c in shell.configurables),
        "matchers": len(shell.Completer.custom_matchers),
        "magic matchers": len(getattr(shell.Completer, "magic_arg_matchers", ())),
        "threads": sorted(t.name for t in threading.enumerate() if "kosmos" in t.name.lower()),
        "handlers": [str(signal.getsignal(s)) for s in (signal.SIGALRM, signal.SIGPROF)],
        "gc": len(gc.callbacks),
        "hooks": [str(sys.gettrace()), str(sys.getprofile()), sys.displayhook.__class__.__name__],
        "attributes": sorted(n for n in vars(shell) if "kosmos" in n),
        "names": sorted(n for n in shell.user_ns if "kosmos" in n.lower()),
    }
"""


@pytest.fixture
def kernel():
    with running_kernel() as one:
        one.run("%load_ext json")  # IPython registers the magic of %load_ext when it is first used
        one.run(STATE)
        yield one


def test_unloading_leaves_nothing_behind_even_after_use(kernel):
    kernel.run("before = state()")
    assert kernel.run("%load_ext kosmos_nb").status == "ok"
    assert kernel.value("state() != before") == "True"
    kernel.run("%%kosmos_profile\nsum(range(1000000))", cell_id="c")
    kernel.run("%%kosmos_profile --mode light\n1/0")
    kernel.run("%kosmos_profile --always standard")
    kernel.run("2 + 2")
    assert kernel.run("%unload_ext kosmos_nb").status == "ok"
    assert kernel.value("{k: (v, before[k]) for k, v in state().items() if v != before[k]}") == "{}"
    assert "not found" in kernel.run("%kosmos_profile 1").stderr


def test_unloading_in_a_profiled_cell_just_lets_the_cell_run_on(kernel):
    kernel.run("before = state()\n%load_ext kosmos_nb")
    reply = kernel.run("%%kosmos_profile\n%unload_ext kosmos_nb\n40 + 2")
    assert (reply.result, reply.stderr) == ({"text/plain": "42"}, "")
    assert kernel.value("{k: (v, before[k]) for k, v in state().items() if v != before[k]}") == "{}"


def test_loading_twice_and_reloading_are_harmless(kernel):
    kernel.run("%load_ext kosmos_nb")
    kernel.run("once = state()")
    kernel.run("import kosmos_nb\nkosmos_nb.load_ipython_extension(get_ipython())")
    assert kernel.value("state() == {**once, 'names': state()['names']}") == "True"
    assert kernel.run("%reload_ext kosmos_nb").status == "ok"
    assert kernel.value("state() == {**once, 'names': state()['names']}") == "True"
    assert kernel.run("%%kosmos_profile -o p --quiet\n1").status == "ok"
    assert kernel.value("p.status") == "'ok'"


def test_what_config_refused_does_not_keep_the_extension_from_loading_again(kernel):
    kernel.run("%load_ext kosmos_nb")
    for line in ("alpha = 7", "nosuch = 3", "mode = 'fast'", "workers = 'many'", "seed = 4"):
        kernel.run(f"%config Kosmos.{line}")
    for again in ("%unload_ext kosmos_nb\n%load_ext kosmos_nb", "%reload_ext kosmos_nb"):
        reply = kernel.run(again)
        assert reply.status == "ok", reply.error
        if "unload" in again:
            (line,) = reply.stderr.splitlines()
            assert line.startswith(
                "kosmos_nb: settings that make no sense are left out. Kosmos.alpha = 7: alpha"
            )
            assert "Kosmos.nosuch = 3: there is no such setting" in line
        else:
            assert reply.stderr == ""
    assert kernel.run("%config Kosmos.seed").result == {"text/plain": "4"}
    assert kernel.run("%config Kosmos.alpha").result == {"text/plain": "0.05"}


@pytest.mark.skipif(
    IPython.version_info < (8,) and sys.version_info >= (3, 12),
    reason="the autoreload of IPython 7 needs the module imp, which Python 3.12 has no more",
)
def test_autoreload_breaks_nothing(kernel):
    kernel.run("%load_ext autoreload\n%autoreload 2\n%load_ext kosmos_nb\nimport kosmos_nb")
    # As after an edit or an upgrade: the files look newer, so that autoreload runs them again.
    touched = kernel.run(
        "import pathlib, sys\n"
        "mtimes = get_ipython().magics_manager.registry['AutoreloadMagics']._reloader.modules_mtimes\n"
        "for name, module in list(sys.modules.items()):\n"
        "    if name.startswith('kosmos_nb') and getattr(module, '__file__', None):\n"
        "        mtimes[name] = 1\n"
    )
    assert touched.status == "ok", touched.error
    for mode in ("light", "standard"):
        reply = kernel.run(f"%%kosmos_profile --mode {mode} --quiet -o p\n6 * 7")
        assert (reply.result, reply.error) == ({"text/plain": "42"}, None)
        assert "not profiled" not in reply.stderr
        assert kernel.value("(p.status, p.mode)") == repr(("ok", mode))
    assert kernel.run("%unload_ext kosmos_nb").status == "ok"


def test_after_a_restart_the_extension_loads_again(kernel):
    kernel.run("%load_ext kosmos_nb")
    kernel.restart()
    assert kernel.run("%load_ext kosmos_nb").status == "ok"
    assert kernel.run("%%kosmos_profile --quiet\n1").status == "ok"


def test_the_tab_key_knows_options_and_choices_of_every_magic(kernel):
    kernel.run("%load_ext kosmos_nb")
    alone = IPython.version_info >= (8, 6)  # before, IPython adds what it would offer anywhere

    def offered(line: str, cursor: int | None = None) -> list[str]:
        found = kernel.complete(line, cursor)
        return found if alone else [text for text in found if text in WORDS]

    for line in ("%kosmos_profile --mo", "r = %kosmos_profile --mo", "%%kosmos_profile --mo"):
        assert offered(line) == ["--mode"], line
    assert offered("%%kosmos_profile --mode ") == ["full", "light", "standard"]
    assert offered("%kosmos_profile --always st") == ["standard"]
    assert offered("%%kosmos_profile --qui\nx = 1", cursor=len("%%kosmos_profile --qui")) == ["--quiet"]
    for magic in ("kosmos_profile", "kosmos_sql", "kosmos_history", "kosmos_research"):
        assert "--help" in kernel.complete(f"%{magic} --"), magic
        assert "usage" in kernel.inspect(f"%{magic}"), magic
    assert "import" in kernel.complete("impo")


def test_a_cell_that_forks_leaves_parent_and_child_whole(kernel):
    kernel.run("%load_ext kosmos_nb")
    reply = kernel.run(
        "%%kosmos_profile --quiet -o p\nimport os, signal, threading\nr, w = os.pipe()\nchild = os.fork()\n"
        "if child == 0:\n"
        "    names = [t.name for t in threading.enumerate() if 'kosmos' in t.name]\n"
        "    os.write(w, repr((signal.getsignal(signal.SIGPROF) == signal.SIG_DFL, names)).encode())\n"
        "    os._exit(0)\n"
        "_, code = os.waitpid(child, 0)\nos.read(r, 1000).decode(), code"
    )
    assert reply.result == {"text/plain": "('(True, [])', 0)"}
    assert kernel.value("p.status") == "'ok'"
    assert kernel.run("%%kosmos_profile --quiet -o q\n1").status == "ok"
    assert kernel.value("q.status") == "'ok'"


def test_loading_imports_nothing_heavy():
    code = (
        "import json, sys\n"
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance()\n"
        "before = set(sys.modules)\n"
        "shell.run_line_magic('load_ext', 'kosmos_nb')\n"
        "shell.run_cell('x = 1')\n"
        f"print(json.dumps([m for m in {HEAVY!r} if m in set(sys.modules) - before]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert json.loads(done.stdout) == []


def test_the_first_cells_on_a_new_history_pay_for_no_library():
    with running_kernel(load=True) as one:
        for _ in range(3):
            one.run("%%kosmos_profile --mode light --quiet\n1")
        one.run("import sys\nfrom kosmos_nb.runtime import runtime; runtime().history.flush(30)")
        assert one.value("[m for m in ('alembic', 'sqlalchemy') if m in sys.modules]") == "[]"


@pytest.mark.parametrize("always", ["off", "light"])
def test_enable_loads_it_in_every_kernel_and_disable_undoes_it(tmp_path, monkeypatch, always):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    file = enable(always)
    assert file == tmp_path / "profile_default" / "startup" / FILE_NAME
    with running_kernel({"IPYTHONDIR": str(tmp_path)}) as one:
        assert one.value("[n for n in globals() if 'kosmos' in n or n == 'error']") == "[]"
        assert one.run("%%kosmos_profile --quiet\n1").status == "ok"
        one.run("seen = 'always'")
        newest = one.value("__import__('kosmos_nb').last().code")
        assert ("seen" in newest) == (always == "light")
    assert disable() == file
    assert disable() is None
    with running_kernel({"IPYTHONDIR": str(tmp_path)}) as one:
        assert "not found" in one.run("%kosmos_profile 1").stderr


def test_an_environment_without_kosmos_nb_starts_its_kernels_as_before(tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    enable("light")
    hides = tmp_path / "hides"
    (hides / "kosmos_nb").mkdir(parents=True)
    (hides / "kosmos_nb" / "__init__.py").write_text("raise ModuleNotFoundError('kosmos_nb')")
    env = {"IPYTHONDIR": str(tmp_path), "PYTHONPATH": str(hides)}
    code = (
        "from IPython import start_ipython; start_ipython(['--quick', '--no-banner', '-c', 'print(1 + 1)'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip().endswith("2")
    assert "kosmos" not in done.stdout + done.stderr
    with running_kernel(env) as one:
        assert one.run("1 + 1").result == {"text/plain": "2"}


def test_enable_and_disable_never_touch_a_file_that_is_not_ours(tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    theirs = tmp_path / "profile_default" / "startup" / FILE_NAME
    theirs.parent.mkdir(parents=True)
    theirs.write_text("x = 1\n")
    for command in (enable, disable):
        with pytest.raises(ConfigError, match="left as it is"):
            command()
    assert theirs.read_text() == "x = 1\n"
    theirs.unlink()
    assert enable() == enable("light") == disable()
    assert {file.name for file in theirs.parent.iterdir()} <= {"README"}
