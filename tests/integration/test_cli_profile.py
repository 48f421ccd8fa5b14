"""`kosmos profile run`, as a user runs it: real scripts, real kernels."""

import json
import os
import signal
import subprocess
import sys

import nbformat
import psutil
import pytest

from kosmos_nb.cli import main
from kosmos_nb.history import History, ProfileResult
from tests.waiting import until

BUSY = """\
import time

def busy(seconds):
    until_s = time.process_time() + seconds
    while time.process_time() < until_s:
        sum(range(1000))
"""


@pytest.fixture
def kosmos(tmp_path):
    environment = {**os.environ, "KOSMOS_HOME": str(tmp_path / "home"), "COLUMNS": "100", "TERM": "dumb"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)

    def start(*words, **options):
        command = [sys.executable, "-m", "kosmos_nb.cli", "profile", "run", *words]
        return subprocess.Popen(
            command,
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # no terminal: a signal comes to the command alone
            **options,
        )

    def run(*words, text=""):
        process = start(*words)
        out, error = process.communicate(text, timeout=120)
        return process.returncode, out, error

    run.start = start
    return run


def as_json(kosmos, *words):
    code, out, error = kosmos("--json", *words)
    return code, ProfileResult.from_json(out), error


def saved(tmp_path):
    with History(tmp_path / "home") as history:
        return history.sql("SELECT kind, label, status FROM executions").to_dict("records")


def notebook(file, *sources):
    cells = [nbformat.v4.new_markdown_cell("# words")]
    cells += [nbformat.v4.new_code_cell(source) for source in sources]
    kernel = {"name": "python3", "language": "python", "display_name": "Python 3"}
    whole = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(whole, file)
    return file.read_bytes()


def test_a_script_prints_first_and_its_cost_follows(kosmos, tmp_path):
    (tmp_path / "script.py").write_text(BUSY + "print('hello')\nbusy(0.3)\n")
    code, out, error = kosmos("--label", "mine", "script.py")
    assert (code, error) == (0, "")
    assert out.startswith("hello\n")
    assert out.index("hello") < out.index("Profile of script.py")
    for word in ("wall", "CPU", "peak memory", "Lines", "busy(0.3)", "Functions", "script.py:3", "profiler"):
        assert word in out
    assert saved(tmp_path) == [{"kind": "run", "label": "mine", "status": "ok"}]


def test_a_script_is_what_python_would_make_of_it(kosmos, tmp_path):
    folder = tmp_path / "sub"
    folder.mkdir()
    (folder / "sibling.py").write_text("word = 'sibling'")
    (folder / "script.py").write_text(
        "import sys, pickle, sibling\n"
        "class Point: pass\n"
        "def names(): return sorted(n for n in globals() if n.startswith('__'))\n"
        "if __name__ == '__main__':\n"
        "    pickle.loads(pickle.dumps(Point()))\n"
        "    assert sys.modules['__main__'].Point is Point\n"
        "    print(sys.argv, sys.path[0], __file__, __name__, __spec__, __package__, names(), sibling.word)\n"
        "    print('kosmos' in repr(sorted(globals())), 'typer' in sys.modules, 'rich' in sys.modules)\n"
    )
    words = ["sub/script.py", "--mode", "full", "-x", "a b", "--", "--json"]
    plain = subprocess.run(
        [sys.executable, *words], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    code, out, error = kosmos("--mode", "light", *words)
    assert (code, error) == (0, "")
    assert out.startswith(plain)
    assert "False False False" in plain


@pytest.mark.parametrize(
    ("end", "code", "status"),
    [
        ("sys.exit(7)", 7, "failed"),
        ("sys.exit(0)", 0, "ok"),
        ("sys.exit()", 0, "ok"),
        ("sys.exit('no data')", 1, "failed"),
        ("{}['key']", 1, "failed"),
    ],
)
def test_exit_codes_and_words_are_the_scripts(kosmos, tmp_path, end, code, status):
    (tmp_path / "script.py").write_text(f"import sys\ndef main():\n    {end}\nmain()\n")
    plain = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    ended, profile, error = as_json(kosmos, "--mode", "light", "script.py")
    assert ended == plain.returncode == code
    assert error == plain.stderr
    assert profile.status == status


def test_a_script_that_is_no_python_is_shown_as_python_shows_it(kosmos, tmp_path):
    (tmp_path / "script.py").write_text("x = 1\ny = (\n")
    plain = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    code, out, error = kosmos("script.py")
    assert (code, out) == (1, "")
    assert error.startswith(plain.stderr)


def test_lines_of_the_script_have_their_source(kosmos, tmp_path):
    (tmp_path / "script.py").write_text(BUSY + "busy(0.4)\n")
    _, profile, _ = as_json(kosmos, "script.py")
    lines = {stat.line: stat for stat in profile.line_stats}
    assert lines[7].source == "busy(0.4)"
    assert sum(lines[n].self_s for n in (5, 6) if n in lines) > profile.wall_s / 2
    assert profile.kind == "run"
    assert profile.code == BUSY + "busy(0.4)\n"


def test_the_command_itself_is_not_in_the_numbers(kosmos, tmp_path):
    (tmp_path / "script.py").write_text("import sys\nprint(len(sys.modules))\n")
    _, profile, _ = as_json(kosmos, "--mode", "light", "script.py")
    child = "import os, psutil, kosmos_nb.profiling.profiler; print(psutil.Process().memory_info().rss)"
    bare = subprocess.run([sys.executable, "-c", child], capture_output=True, text=True, check=True)
    assert profile.rss_start_bytes < int(bare.stdout) * 1.2


def test_with_json_the_scripts_output_goes_to_stderr(kosmos, tmp_path):
    (tmp_path / "script.py").write_text(
        "import os\nprint('one')\nos.system('echo two')\nos.write(1, b'three')\n"
    )
    code, _, error = as_json(kosmos, "--mode", "light", "script.py")
    assert code == 0
    assert sorted(error.split()) == ["one", "three", "two"]


def test_standard_input_is_the_scripts(kosmos, tmp_path):
    (tmp_path / "script.py").write_text("print(input()[::-1])\n")
    code, out, _ = kosmos("--mode", "light", "script.py", text="abc\n")
    assert code == 0
    assert out.startswith("cba\n")


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_script_may_use_multiprocessing(kosmos, tmp_path, method):
    (tmp_path / "script.py").write_text(
        "import multiprocessing\n"
        "def double(x): return 2 * x\n"
        "if __name__ == '__main__':\n"
        f"    with multiprocessing.get_context({method!r}).Pool(2) as pool:\n"
        "        print(pool.map(double, range(3)))\n"
    )
    code, out, error = kosmos("script.py")
    assert (code, error) == (0, "")
    assert out.startswith("[0, 2, 4]\n")


def test_threads_that_outlive_the_last_line_are_part_of_it(kosmos, tmp_path):
    (tmp_path / "script.py").write_text(
        BUSY + "import threading\nthreading.Thread(target=busy, args=(0.3,)).start()\n"
    )
    _, profile, _ = as_json(kosmos, "script.py")
    assert profile.cpu_s >= 0.3


def test_a_forked_child_that_comes_to_the_end_leaves_as_python_does(kosmos, tmp_path):
    (tmp_path / "script.py").write_text(
        "import os\npid = os.fork()\nos.write(1, b'parent\\n' if pid else b'child\\n')\n"
        "if pid: assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0\n"
    )
    code, profile, error = as_json(kosmos, "script.py")
    assert (code, profile.status) == (0, "ok")
    assert sorted(error.split()) == ["child", "parent"]


def test_ctrl_c_ends_the_script_and_shows_what_there_is(kosmos, tmp_path):
    (tmp_path / "script.py").write_text("import time\nopen('up', 'w').close()\ntime.sleep(600)\n")
    process = kosmos.start("script.py")
    until((tmp_path / "up").exists)
    process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "interrupted with KeyboardInterrupt" in out
    assert error.rstrip().endswith("KeyboardInterrupt")
    assert "kosmos_nb" not in error
    assert saved(tmp_path)[0]["status"] == "interrupted"


def test_a_request_to_end_reaches_the_script(kosmos, tmp_path):
    (tmp_path / "script.py").write_text(
        "import os, time\nopen('new', 'w').write(str(os.getpid()))\nos.rename('new', 'up')\ntime.sleep(600)\n"
    )
    process = kosmos.start("script.py")
    until((tmp_path / "up").exists)
    child = int((tmp_path / "up").read_text())
    process.terminate()
    _, error = process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM
    assert "no profile: script.py was ended by signal 15 (SIGTERM)" in error
    until(lambda: not psutil.pid_exists(child))


def test_a_crash_is_told_and_has_the_exit_code_of_a_shell(kosmos, tmp_path):
    (tmp_path / "script.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n")
    code, _, error = kosmos("script.py")
    assert code == 128 + signal.SIGSEGV
    assert "no profile: script.py was ended by signal 11 (SIGSEGV)" in error
    (tmp_path / "script.py").write_text("import os\nos._exit(5)\n")
    code, _, error = kosmos("script.py")
    assert code == 5
    assert "no profile" in error


def test_a_module_runs_as_python_m_does(kosmos, tmp_path):
    package = tmp_path / "pack"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "near.py").write_text("word = 'near'")
    (package / "__main__.py").write_text(
        "import sys\nfrom . import near\nprint(near.word, __name__, __package__, sys.argv[1:], sys.path[0])\n"
    )
    words = ["-m", "pack", "--flag", "1"]
    plain = subprocess.run([sys.executable, *words], cwd=tmp_path, capture_output=True, text=True, check=True)
    code, out, error = kosmos("--mode", "light", *words)
    assert (code, error) == (0, "")
    assert out.startswith(plain.stdout)
    code, _, error = kosmos("-m", "no_such_module_here")
    assert code == 1
    assert "no module no_such_module_here" in error


def test_nothing_is_saved_where_that_is_not_wanted(kosmos, tmp_path):
    (tmp_path / "script.py").write_text("x = 1\n")
    assert kosmos("--mode", "light", "--no-save", "script.py")[0] == 0
    assert not (tmp_path / "home").exists()


def test_the_output_file_has_the_form_of_its_name_and_is_not_overwritten(kosmos, tmp_path):
    (tmp_path / "script.py").write_text(BUSY + "busy(0.2)\nopen('ran', 'w')\n")
    assert kosmos("-o", "cost.json", "script.py")[0] == 0
    assert ProfileResult.from_json((tmp_path / "cost.json").read_text()).kind == "run"
    (tmp_path / "ran").unlink()
    code, _, error = kosmos("-o", "cost.json", "script.py")
    assert code == 1
    assert "cost.json is there already" in error
    assert not (tmp_path / "ran").exists()  # said before, not after an hour
    assert kosmos("-o", "cost.json", "--overwrite", "script.py")[0] == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["missing.py"], "There is no file missing.py"),
        (["missing.ipynb"], "There is no file missing.ipynb"),
        (["folder.py"], "is a folder"),
        (["folder.ipynb"], "is a folder"),
        (["."], "neither a Python script (.py) nor a notebook"),
        (["data.csv"], "neither a Python script (.py) nor a notebook"),
        (["broken.ipynb"], "cannot be read as a notebook"),
        (["list.ipynb"], "cannot be read as a notebook"),
        (["julia.ipynb"], "in julia"),
        (["strange.ipynb"], "no kernel 'no-such-kernel'"),
        (["--save-notebook", "x.ipynb", "script.py"], "is for notebooks"),
        (["good.ipynb", "more"], "takes no arguments"),
        (["good.ipynb", "--save-notebook", "good.ipynb"], "not overwritten"),
        (["-o", "x.html", "good.ipynb"], "none of .json"),
        (["-o", "x.xyz", "script.py"], "x.xyz ends in none of"),
        (["-o", "nowhere/x.json", "script.py"], "no folder nowhere"),
        (["-o", "/proc/x.json", "good.ipynb"], "/proc/x.json cannot be written"),
        (["-o", "/proc/x.json", "script.py"], "/proc/x.json cannot be written"),
        (["-o", "link.json", "good.ipynb"], "link.json is there already"),
        (["-o", "folder.json", "--overwrite", "script.py"], "folder.json is a folder"),
        (["good.ipynb", "--save-notebook", "/proc/x.ipynb"], "/proc/x.ipynb cannot be written"),
        (["--threshold", "0", "script.py"], "between 0 and 100"),
        (["--mode", "light", "-o", "x.collapsed", "script.py"], "no call tree"),
    ],
)
def test_bad_input_is_one_line_and_an_exit_code(tmp_path, monkeypatch, capsys, words, message):
    for name in ("folder.py", "folder.ipynb", "folder.json"):
        (tmp_path / name).mkdir()
    (tmp_path / "link.json").symlink_to("nowhere.json")
    (tmp_path / "data.csv").write_text("a,b\n")
    (tmp_path / "script.py").write_text("open('ran', 'w')\n")
    (tmp_path / "broken.ipynb").write_text("{")
    (tmp_path / "list.ipynb").write_text("[1]")
    notebook(tmp_path / "good.ipynb", "open('ran', 'w')")
    whole = json.loads((tmp_path / "good.ipynb").read_text())
    whole["metadata"]["kernelspec"]["language"] = "julia"
    (tmp_path / "julia.ipynb").write_text(json.dumps(whole))
    whole["metadata"]["kernelspec"] = {"name": "no-such-kernel", "language": "python", "display_name": "x"}
    (tmp_path / "strange.ipynb").write_text(json.dumps(whole))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["kosmos", "profile", "run", *words])
    with pytest.raises(SystemExit) as left:
        main()
    error = capsys.readouterr().err
    assert left.value.code == 1
    assert error.startswith("kosmos: ")
    assert message in error
    assert len(error.strip().splitlines()) == 1
    assert not (tmp_path / "ran").exists()


def test_every_cell_of_a_notebook_has_its_row_and_the_file_stays_as_it_is(kosmos, tmp_path):
    before = notebook(
        tmp_path / "book.ipynb",
        BUSY,
        "",
        "block = bytearray(200_000_000)\nbusy(0.3)",
        "import asyncio\nawait asyncio.sleep(0.01)",
        "!echo hi",
    )
    code, out, error = kosmos("book.ipynb", "--label", "mine", "--save-notebook", "executed.ipynb")
    assert (code, error) == (0, "")
    assert "Profile of book.ipynb: 4 code cells" in out
    for word in ("[1]", "[2]", "block = bytearray", "[3]", "[4]", "!echo hi", "total", "busy"):
        assert word in out
    assert (tmp_path / "book.ipynb").read_bytes() == before
    executed = nbformat.read(tmp_path / "executed.ipynb", as_version=4)
    texts = [cell.source for cell in executed.cells]
    assert texts == [cell.source for cell in nbformat.reads(before.decode(), as_version=4).cells]
    assert "hi" in json.dumps(executed.cells[-1].outputs)
    assert [row["label"] for row in saved(tmp_path)] == ["mine"] * 4
    with History(tmp_path / "home") as history:
        rows = history.sql("SELECT notebook, cell_id FROM executions")
    assert set(rows.notebook) == {"book.ipynb"}
    assert set(rows.cell_id) == {
        cell.id for cell in executed.cells if cell.cell_type == "code" and cell.source
    }


def test_a_notebooks_cells_are_themselves_and_see_nothing_of_ours(kosmos, tmp_path):
    notebook(
        tmp_path / "book.ipynb",
        "1 + 1",
        "names = [name for name in dir() if 'kosmos' in name.lower()]\nassert (_, names) == (2, [])",
        "assert In[1] == '1 + 1' and Out[1] == 2",
    )
    code, out, error = kosmos("book.ipynb", "--json", "--mode", "light")
    assert (code, error) == (0, "")
    told = json.loads(out)
    assert [cell["cell"] for cell in told["cells"]] == [1, 2, 3]
    assert told["total"]["wall_s"] == pytest.approx(sum(cell["wall_s"] for cell in told["cells"]))


def test_a_file_that_comes_while_it_runs_is_not_lost(kosmos, tmp_path):
    mine = "for name in ('cost.json', 'executed.ipynb'): open(name, 'w').write('mine')"
    notebook(tmp_path / "book.ipynb", mine)
    code, out, error = kosmos("book.ipynb", "-o", "cost.json", "--save-notebook", "executed.ipynb")
    assert code == 1
    assert "1 code cells" in out  # what was measured is shown all the same
    unsaved = "is there already, and is not overwritten."
    assert error.splitlines() == [
        f"kosmos: The executed notebook is not saved: executed.ipynb {unsaved}",
        f"kosmos: cost.json {unsaved}",
    ]
    (tmp_path / "script.py").write_text("open('late.json', 'w').write('mine')\n")
    code, _, error = kosmos("-o", "late.json", "script.py")
    assert (code, error) == (1, f"kosmos: late.json {unsaved}\n")
    for name in ("cost.json", "executed.ipynb", "late.json"):
        assert (tmp_path / name).read_text() == "mine"


def test_children_have_their_rows_and_an_exit_its_code(kosmos, tmp_path):
    child = BUSY + "busy(0.3)"
    (tmp_path / "script.py").write_text(
        f"import subprocess, sys\nchild = subprocess.Popen([sys.executable, '-c', {child!r}])\n"
        "child.wait()\nprint('pid', child.pid, flush=True)\nsys.exit(3)\n"
    )
    code, out, error = kosmos("script.py")
    assert (code, error) == (3, "")
    assert "✗ exited with 3\n" in out
    assert "1 child process," in out
    pid = out.split()[1]
    (row,) = [line.split() for line in out.splitlines() if pid in line.split() and "pid" not in line]
    assert row[0].startswith("python")
    assert row[2] != "0"
    assert row[-1] in ("MB", "kB")


def test_a_cell_that_fails_ends_it_with_its_number_and_keeps_the_others(kosmos, tmp_path):
    notebook(tmp_path / "book.ipynb", "x = 1", "x / 0", "y = 2")
    code, out, error = kosmos("book.ipynb", "--save-notebook", "executed.ipynb")
    assert code == 1
    assert error == "kosmos: book.ipynb: cell 2 failed: ZeroDivisionError: division by zero\n"
    assert "2 of 3 code cells" in out
    assert "failed with ZeroDivisionError" in out
    assert [row["status"] for row in saved(tmp_path)] == ["ok", "failed"]
    assert "ZeroDivisionError" in (tmp_path / "executed.ipynb").read_text()


def test_a_kernel_that_dies_is_told_and_keeps_the_others(kosmos, tmp_path):
    notebook(tmp_path / "book.ipynb", "x = 1", "import os; os._exit(1)", "y = 2")
    code, out, error = kosmos("book.ipynb")
    assert code == 1
    assert "the kernel died in cell 2" in error
    assert "1 of 3 code cells" in out
    assert len(saved(tmp_path)) == 1


def test_ctrl_c_ends_the_notebooks_kernel(kosmos, tmp_path):
    notebook(tmp_path / "book.ipynb", "x = 1", "import time\nopen('up', 'w').close()\ntime.sleep(600)")
    process = kosmos.start("book.ipynb")
    until((tmp_path / "up").exists)
    started = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted in cell 2" in error
    assert "1 of 2 code cells" in out
    until(lambda: not any(child.is_running() and child.status() != "zombie" for child in started))


def test_help_shows_examples_and_only_what_there_is(kosmos):
    code, out, _ = kosmos("--help")
    assert code == 0
    assert "kosmos profile run script.py" in out
    words = [sys.executable, "-m", "kosmos_nb.cli", "profile", "--help"]
    out = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert [word for word in ("run", "experiment", "workflow", "agent") if word not in out] == []
