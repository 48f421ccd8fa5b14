"""Environments for other Pythons, made once and kept beside the build."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.harness import ROOT
from benchmarks.profiler.overhead import Say

FOLDER = ROOT / "build" / "bench"


def environment(version: str, say: Say) -> str | None:
    """Return the interpreter of an environment with kosmos_nb and the `bench` extra, or None.

    Args:
        version: As `3.13`, or the path of an interpreter. uv finds it, also where pyenv keeps it; it
            is not downloaded.
    """
    folder = FOLDER / version.strip("/").replace("/", "-")
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    uv = [sys.executable, "-m", "uv"]
    if not python.exists():
        say(f"making an environment for Python {version}")
        made = subprocess.run(
            [*uv, "venv", "--quiet", "--no-python-downloads", "--python", _interpreter(version), folder],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if made.returncode:
            say(f"Python {version} is absent: {made.stderr.strip()}")
            return None
    subprocess.run(
        [*uv, "pip", "install", "--quiet", "--python", python, "-c", ROOT / "constraints.txt",
         "-e", f"{ROOT}[bench]"],
        check=True,
    )  # fmt: skip
    return str(python)


def _interpreter(version: str) -> str:
    pyenv = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python"))
    return str(pyenv[-1]) if pyenv else version
