"""The worker's side: a process that runs one task after the other until its parent is gone.

Started as `python -P -c "… from kosmos_nb.execution.worker import main …"`, so the user's
`__main__` is never run again. A thread listens on the pipe: the end of the pipe means that the
parent is gone, and ends this process and its group even in the middle of a task. On Linux the
kernel itself does that through a second pipe, the lifeline, since a task in compiled code may
hold the interpreter for minutes.

Only what every task needs is imported here; start-up is part of the first answer's time.
"""

import contextlib
import os
import pickle
import signal
import sys
import threading
import time
from queue import SimpleQueue

from kosmos_nb.execution.carry_out import carry_out
from kosmos_nb.execution.channel import MARK, Channel
from kosmos_nb.execution.fork import leave_if_forked
from kosmos_nb.execution.sources import SourceWatch

Message = tuple[bytearray, bytearray]


def main(lifeline: int) -> None:
    """Serve the parent on standard input and output until it says stop.

    Args:
        lifeline: Read end of a pipe that only the parent can close; -1 where there is none.
    """
    own_pid = os.getpid()
    channel = _take_channel()
    _die_with_parent(lifeline)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=lambda: _let_go(channel, lifeline))
    inbox: SimpleQueue[Message] = SimpleQueue()
    threading.Thread(target=_listen, args=(channel, inbox), name="kosmos-listen", daemon=True).start()
    watch = SourceWatch()
    channel.write(MARK)
    while _serve_one(inbox, channel, watch, own_pid):
        pass


def _serve_one(inbox: "SimpleQueue[Message]", channel: Channel, watch: SourceWatch, own_pid: int) -> bool:
    """Answer one message; False when it says stop."""
    header, body = inbox.get()
    kind, *rest = pickle.loads(header)  # noqa: S301 - from our own parent
    if kind == "stop":
        return False
    began_ns = time.time_ns()
    if kind == "import":
        reply = _import(rest[0])
        watch.look(began_ns)
    elif watch.is_stale():
        reply = pickle.dumps(("stale",)), b""
    else:
        channel.send(pickle.dumps(("began",)))
        reply = carry_out(rest[0], body)
        watch.look(began_ns)
    leave_if_forked(own_pid)  # an import may fork, too
    channel.send(*reply)
    return True


def _take_channel() -> Channel:
    """Move the pipes away from standard input and output, where what a task prints would go."""
    channel = Channel(os.dup(0), os.dup(1))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    return channel


def _die_with_parent(lifeline: int) -> None:
    """Let the kernel kill this process group when the last writer of `lifeline` is gone.

    Source: fcntl(2), "Managing signals": O_ASYNC on a pipe signals its owner on hang-up, the
    owner may be a process group, and F_SETSIG chooses the signal. Linux only.
    """
    if lifeline < 0:
        return
    os.set_inheritable(lifeline, False)
    if sys.platform != "linux":
        return
    import fcntl  # noqa: PLC0415 - POSIX only

    with contextlib.suppress(OSError):  # an emulated kernel may lack it; the listening thread remains
        fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)


def _let_go(channel: Channel, lifeline: int) -> None:
    """Close our pipes in a child that a task forked: it must not keep them open or write to them."""
    channel.close()
    if lifeline >= 0:
        with contextlib.suppress(OSError):
            os.close(lifeline)


def _listen(channel: Channel, inbox: "SimpleQueue[Message]") -> None:
    with contextlib.suppress(EOFError, OSError):
        while True:
            inbox.put(channel.receive())
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _import(names: tuple[str, ...]) -> tuple[bytes, bytes]:
    for name in names:
        # A module that cannot be imported is told by the task that needs it, with its traceback.
        with contextlib.suppress(Exception):
            __import__(name)
    return pickle.dumps(("ready", time.process_time())), b""
