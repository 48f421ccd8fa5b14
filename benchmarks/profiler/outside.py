"""Profilers that look in from another process: py-spy, and `profiling.sampling` where Python has it."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from benchmarks.profiler.engines import Engine, Said

RATE_HZ = 100
_FRAME = re.compile(r"^(?P<name>.*) \((?P<file>[^()]*?)(?::(?P<line>\d+))?\)$")


class _Outside(Engine):
    """A sampler in a child process that is told our process id, and writes collapsed stacks."""

    ready_at = b"Sampling"

    def open(self, scope: Iterable[ModuleType]) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._file = Path(self._folder.name) / "stacks.txt"
        self._text = ""
        self._process = subprocess.Popen(
            self.command(os.getpid(), self._file), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        assert self._process.stdout is not None
        seen = b""
        while self.ready_at not in seen:
            piece = os.read(self._process.stdout.fileno(), 4096)
            if not piece:
                raise RuntimeError(f"{self.name} did not start: {seen.decode(errors='replace').strip()}")
            seen += piece

    def close(self) -> None:
        self._process.send_signal(signal.SIGINT)
        self._process.communicate(timeout=30)
        if self._file.exists():
            self._text = self._file.read_text(encoding="utf-8")
        self._folder.cleanup()

    def command(self, pid: int, file: Path) -> list[str]:
        """Return the command that watches `pid` and writes `file` when it is interrupted."""
        raise NotImplementedError

    def said(self) -> dict[str, Said]:
        found = Said(0.0)
        for row in self._text.splitlines():
            stack, _, count = row.rpartition(" ")
            frames = [match for part in stack.split(";") if (match := _FRAME.match(part))]
            names = {frame["name"].rpartition(".")[2] for frame in frames}
            if not any(Path(frame["file"]).name == "truths.py" for frame in frames):
                continue  # the worker before and after the work
            time_s = int(count) / RATE_HZ
            found.whole_s += time_s
            for name in names:
                found.functions[name] = found.functions.get(name, 0.0) + time_s
            for line in {int(f["line"]) for f in frames if f["line"] and f["name"].endswith("three_lines")}:
                found.lines[line] = found.lines.get(line, 0.0) + time_s
        return {"wall": found}


class PySpy(_Outside):
    """py-spy at 100 Hz, with idle threads left out, as it comes."""

    name = "py-spy"

    def __init__(self, *, idle: bool = False) -> None:
        self._idle = ["--idle"] if idle else []

    def absent(self) -> str | None:
        return None if _program() else "py-spy is not installed"

    def command(self, pid: int, file: Path) -> list[str]:
        program = _program() or "py-spy"
        return [
            program, "record", "--pid", str(pid), "--rate", str(RATE_HZ), "--format", "raw",
            "--output", str(file), *self._idle,
        ]  # fmt: skip


class Tachyon(_Outside):
    """`python -m profiling.sampling`, from Python 3.15 on."""

    name = "profiling.sampling"
    ready_at = b""

    def absent(self) -> str | None:
        try:
            there = importlib.util.find_spec("profiling.sampling") is not None
        except ModuleNotFoundError:
            there = False
        return None if there else f"Python {sys.version_info[0]}.{sys.version_info[1]} does not have it"

    def command(self, pid: int, file: Path) -> list[str]:
        return [
            sys.executable, "-m", "profiling.sampling", "attach", str(pid), "--collapsed", "-o", str(file),
        ]  # fmt: skip


def _program() -> str | None:
    beside = Path(sysconfig.get_path("scripts")) / "py-spy"
    return str(beside) if beside.exists() else shutil.which("py-spy")
