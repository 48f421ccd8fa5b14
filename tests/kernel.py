"""A real IPython kernel for the tests: start it, run cells as JupyterLab does, read what came back."""

import os
import queue
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

START_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class CellError:
    """The error that a cell ended with."""

    ename: str
    evalue: str
    traceback: tuple[str, ...]


@dataclass(slots=True)
class Reply:
    """All that one cell sent back.

    Attributes:
        status: `ok`, `error` or `aborted`.
        stdout, stderr: The streams. text: both, in the order of arrival.
        data: Mimebundles of `execute_result` and `display_data`, in order.
        result: Mimebundle of the `execute_result` alone, None without one.
        error: The error, None without one.
        outputs: What a notebook would keep, in order: (message type, content).
        messages: Every message on the kernel's public channel that belongs to the cell.
        execution_count: As `In[…]` shows it.
        reply: Content of the `execute_reply`.
    """

    status: str = ""
    stdout: str = ""
    stderr: str = ""
    text: str = ""
    data: list[dict[str, Any]] = field(default_factory=list)
    result: dict[str, Any] | None = None
    error: CellError | None = None
    outputs: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    execution_count: int | None = None
    reply: dict[str, Any] = field(default_factory=dict)

    def take(self, message: dict[str, Any]) -> None:
        """Add one message of the public channel."""
        self.messages.append(message)
        kind, content = message["header"]["msg_type"], message["content"]
        if kind in ("stream", "execute_result", "display_data", "error"):
            self.outputs.append((kind, content))
        if kind == "stream":
            self.text += content["text"]
            if content["name"] == "stdout":
                self.stdout += content["text"]
            else:
                self.stderr += content["text"]
        elif kind in ("execute_result", "display_data"):
            self.data.append(content["data"])
            if kind == "execute_result":
                self.result = content["data"]
        elif kind == "error":
            self.error = CellError(content["ename"], content["evalue"], tuple(content["traceback"]))


class Pending:
    """A cell that was sent and has not been awaited."""

    def __init__(self, client: BlockingKernelClient, message_id: str) -> None:
        self._client = client
        self._id = message_id
        self._idle = False
        self.reply = Reply()

    def wait_for_text(self, text: str, timeout: float = 60) -> None:
        """Return as soon as the cell's streams contain `text`."""
        self._pump(lambda: text in self.reply.text, timeout)

    def wait_for(self, condition: Any, timeout: float = 60) -> None:
        """Return as soon as `condition(reply)` is true; asked after every message."""
        self._pump(lambda: condition(self.reply), timeout)

    def result(self, timeout: float = 60) -> Reply:
        """Wait for the end of the cell.

        Raises:
            TimeoutError: It did not end in time; the message shows what had come until then.
        """
        self._pump(lambda: self._idle, timeout)
        deadline = time.monotonic() + timeout
        while True:
            left_s = deadline - time.monotonic()
            try:
                message = self._client.get_shell_msg(timeout=max(0.01, left_s))
            except queue.Empty:
                raise TimeoutError("The kernel became idle without an execute_reply.") from None
            if message["parent_header"].get("msg_id") == self._id:
                break
        self.reply.reply = message["content"]
        self.reply.status = message["content"]["status"]
        self.reply.execution_count = message["content"].get("execution_count")
        return self.reply

    def _pump(self, is_done: Any, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while not is_done():
            left_s = deadline - time.monotonic()
            try:
                if left_s <= 0:
                    raise queue.Empty
                message = self._client.get_iopub_msg(timeout=min(left_s, 1.0))
            except queue.Empty:
                if left_s > 0:
                    continue
                raise TimeoutError(
                    f"The cell sent nothing that was waited for within {timeout:g} s. So far: "
                    f"{self.reply.text[-2000:]!r} {self.reply.error}"
                ) from None
            if message["parent_header"].get("msg_id") != self._id:
                continue
            self.reply.take(message)
            if message["header"]["msg_type"] == "status":
                self._idle = message["content"]["execution_state"] == "idle"


class RunningKernel:
    """A kernel process and a client to it."""

    def __init__(self, manager: KernelManager) -> None:
        self.manager = manager
        self.client: BlockingKernelClient = manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=START_TIMEOUT_S)

    def start(
        self, code: str, cell_id: str | None = None, *, silent: bool = False, store_history: bool = True
    ) -> Pending:
        """Send a cell and return at once."""
        content = {
            "code": code,
            "silent": silent,
            "store_history": store_history,
            "user_expressions": {},
            "allow_stdin": False,
            # The front ends say True; then ipykernel 6 drops whatever arrives shortly after an error.
            "stop_on_error": False,
        }
        metadata = {} if cell_id is None else {"cellId": cell_id, "deletedCells": []}
        message = self.client.session.msg("execute_request", content, metadata=metadata)
        self.client.shell_channel.send(message)
        return Pending(self.client, message["header"]["msg_id"])

    def run(self, code: str, cell_id: str | None = None, timeout: float = 60) -> Reply:
        """Run a cell to its end."""
        return self.start(code, cell_id).result(timeout)

    def value(self, expression: str, timeout: float = 60) -> str:
        """Return `repr` of an expression in the kernel, or fail with its error."""
        reply = self.run(f"print(repr({expression}), end='')", timeout=timeout)
        assert reply.error is None, reply.error
        return reply.stdout

    def complete(self, code: str, cursor: int | None = None, timeout: float = 60) -> list[str]:
        """Return what the Tab key would offer at `cursor` (default: the end)."""
        reply = self.client.complete(code, cursor, reply=True, timeout=timeout)
        return list(reply["content"]["matches"])

    def inspect(self, code: str, timeout: float = 60) -> str:
        """Return what `?` would show as plain text."""
        reply = self.client.inspect(code, reply=True, timeout=timeout)
        return str(reply["content"]["data"].get("text/plain", ""))

    def interrupt(self) -> None:
        """Do what the Stop button does."""
        self.manager.interrupt_kernel()

    def restart(self) -> None:
        """Do what Restart does; names are gone afterwards."""
        self.client.stop_channels()
        self.manager.restart_kernel(now=True)
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=START_TIMEOUT_S)

    def close(self) -> None:
        """End the process and the client."""
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@contextmanager
def running_kernel(
    env: Mapping[str, str | None] | None = None,
    cwd: str | Path | None = None,
    *,
    load: bool = False,
    extra_arguments: tuple[str, ...] = (),
) -> Iterator[RunningKernel]:
    """Start a kernel of this Python with a home of its own, and end it afterwards.

    Args:
        env: Added to this process's environment; None removes a variable. `KOSMOS_HOME`, `IPYTHONDIR`
            and `JUPYTER_RUNTIME_DIR` point into a temporary folder unless given.
        cwd: Where the kernel runs; the temporary folder by default.
        load: Whether to run `%load_ext kosmos_nb` first.
        extra_arguments: For the kernel's command line.
    """
    with tempfile.TemporaryDirectory(prefix="kosmos-kernel-", ignore_cleanup_errors=True) as folder:
        # The child needs a folder of its own, or it would write into the real history.
        environment = {
            **os.environ,
            "KOSMOS_HOME": f"{folder}/home",
            "IPYTHONDIR": f"{folder}/ipython",
            "JUPYTER_RUNTIME_DIR": f"{folder}/runtime",
        }
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for name, value in (env or {}).items():
            if value is None:
                environment.pop(name, None)
            else:
                environment[name] = value
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}", *extra_arguments]
        manager = KernelManager(kernel_name="python3")
        manager.kernel_spec.argv = command
        manager.start_kernel(env=environment, cwd=str(cwd or folder))
        kernel = None
        try:
            kernel = RunningKernel(manager)
            if load:
                loaded = kernel.run("%load_ext kosmos_nb")
                assert loaded.status == "ok", loaded.error
            yield kernel
        finally:
            if kernel is not None:
                kernel.close()
            else:
                manager.shutdown_kernel(now=True)
            manager.cleanup_resources()
