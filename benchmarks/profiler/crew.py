"""The driver's side of a worker process."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from types import TracebackType
from typing import Any

from benchmarks.harness import ROOT

LIMIT_S = 180  # for one request; an engine that needs longer has failed


class WorkerError(RuntimeError):
    """A request failed in the worker; the message has its traceback."""


class Worker:
    """A process that measures, in a Python of choice. Use it as a context.

    Args:
        python: The interpreter; this one if None. It needs kosmos_nb and the `bench` extra.
    """

    def __init__(self, python: str | None = None) -> None:
        self._home = tempfile.mkdtemp(prefix="kosmos-bench-")
        # One thread each: how numerical libraries share out two cores is not what is measured.
        single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        own = {"KOSMOS_HOME": self._home, "IPYTHONDIR": self._home, "PYTHONHASHSEED": "0"}
        self._process = subprocess.Popen(
            [python or sys.executable, "-m", "benchmarks.profiler.worker"],
            cwd=ROOT,
            env={**os.environ, **single, **own},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, do: str, **how: Any) -> Any:
        """Return the answer to a request.

        Raises:
            WorkerError: It failed, or the process died.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, **how}) + "\n")
        self._process.stdin.flush()
        limit = threading.Timer(LIMIT_S, self._process.kill)
        limit.start()
        line = self._process.stdout.readline()
        limit.cancel()
        if not line:
            raise WorkerError(f"the worker ended with {self._process.wait()} at {do} {how}")
        answer = json.loads(line)
        if "error" in answer:
            raise WorkerError(f"{do} {how}\n{answer['error']}")
        return answer["value"]

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        shutil.rmtree(self._home, ignore_errors=True)
