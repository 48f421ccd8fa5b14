"""What an install costs: seconds and megabytes of the core and of each extra, stated without a bar."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

from benchmarks.harness import ROOT, Figure

HOW = "uv, fresh environment, downloads cached, byte-compiled"


def figures() -> list[Figure]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    core_s, core_mb = _install("")
    figures = [
        Figure("install of the core", core_s, None, "s", note=HOW),
        Figure("size of the core", core_mb, None, "MB", note="with all dependencies"),
    ]
    for extra in project["optional-dependencies"]:
        seconds, megabytes = _install(extra)
        figures.append(Figure(f"install of the core with [{extra}]", seconds, None, "s"))
        figures.append(Figure(f"what [{extra}] adds", max(0.0, megabytes - core_mb), None, "MB"))
    return figures


def _install(extra: str) -> tuple[float, float]:
    """Return seconds and megabytes of an install whose downloads are in uv's cache."""
    wish = f"{ROOT}[{extra}]" if extra else str(ROOT)
    _once(wish)  # fills the cache
    return _once(wish)


def _once(wish: str) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as folder:
        uv = [sys.executable, "-m", "uv"]
        subprocess.run([*uv, "venv", "--quiet", "--python", sys.executable, folder], check=True)
        python = Path(folder) / ("Scripts" if os.name == "nt" else "bin") / "python"
        began_s = time.perf_counter()
        subprocess.run(
            [*uv, "pip", "install", "--quiet", "--python", python, "--compile-bytecode",
             "--constraint", ROOT / "constraints.txt", wish],
            check=True,
        )  # fmt: skip
        seconds = time.perf_counter() - began_s
        files = (file for file in Path(folder).rglob("*") if file.is_file() and not file.is_symlink())
        return seconds, sum(file.stat().st_size for file in files) / 1e6
