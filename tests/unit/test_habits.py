"""The benchmarks' verdicts, and the Makefile as a newcomer meets it."""

import math
import os
import subprocess
from pathlib import Path

import pytest

from benchmarks.__main__ import markdown
from benchmarks.harness import Figure, circumstances

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("value", "bar", "better", "verdict"),
    [
        (1.0, 1.0, "lower", "pass"),
        (1.01, 1.0, "lower", "miss"),
        (1.0, 1.0, "higher", "pass"),
        (0.99, 1.0, "higher", "miss"),
        (math.nan, 1.0, "lower", "miss"),
        (math.nan, 1.0, "higher", "miss"),
        (99.0, None, "lower", "stated"),
    ],
)
def test_a_figure_passes_only_if_it_meets_its_bar(value, bar, better, verdict):
    assert Figure("it", value, bar, "s", better).verdict == verdict


def test_the_markdown_table_has_every_figure_with_bar_value_verdict_and_circumstances():
    figures = [Figure("a | b", 0.1234, 0.5, "ms", note="median"), Figure("size", 80.0, None, "MB")]
    lines = markdown(figures, circumstances()).splitlines()
    assert lines[2] == "| a \\| b | ≤ 0.5 ms | 0.123 ms | pass | median |"
    assert lines[3] == "| size |  | 80 MB | stated |  |"
    assert "commit" in lines[-1]
    assert "cores" in lines[-1]
    assert "Python" in lines[-1]


def test_plain_make_says_what_there_is_to_make():
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)
    for target in ("demo", "test", "lab", "bench", "test-min", "wheel-demo", "clean"):
        assert f"make {target} " in done.stdout


def make_env(tmp_path: Path, **programs: str) -> subprocess.CompletedProcess[str]:
    """Run tools/make-env with only these programs beside the system's own tools."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("uv", "python", "python3", "python3.11", "python3.12", "python3.13"):
        program = folder / name
        program.write_text("#!/bin/sh\n" + programs.get(name.replace(".", "_"), "exit 127") + "\n")
        program.chmod(0o755)
    return subprocess.run(
        ["sh", ROOT / "tools" / "make-env", tmp_path / "env", "constraints.txt", ""],
        cwd=ROOT,
        env={"PATH": f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_a_new_enough_python_one_line_says_so(tmp_path):
    done = make_env(tmp_path)
    assert done.returncode != 0
    assert done.stderr.startswith("kosmos_nb: needs Python 3.11 or newer; tried: python3 ")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "env").exists()


def test_a_python_that_cannot_make_environments_is_told_apart(tmp_path):
    # Debian's own: new enough, but importing ensurepip fails.
    done = make_env(tmp_path, python3='case "$2" in *ensurepip*) exit 1 ;; esac; exit 0')
    assert done.returncode != 0
    assert "apt-get install python3-venv" in done.stderr
    assert done.stderr.count("\n") == 1
