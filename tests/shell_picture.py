"""A picture of all that could stay installed in a process: taken before and after, they are equal.

Its source is run in kernels, so it imports the standard library only. Audit hooks are missing: no
Python code can list them.
"""

import _thread
import asyncio
import builtins
import faulthandler
import gc
import signal
import sys
import threading
import tracemalloc
import warnings
from pathlib import Path


def picture() -> dict[str, object]:
    """Return what is installed now; the values are plain and equal as long as it stays the same."""
    return {**_process(), **_interpreter(), **_collector(), **_asyncio(), **_shell()}


def _process() -> dict[str, object]:
    seen: dict[str, object] = {
        "signal handlers": {
            int(n): repr(signal.getsignal(n)) for n in signal.valid_signals() if signal.getsignal(n)
        },
        "blocked signals": sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, []))),
        "interval timers": [
            signal.getitimer(timer)
            for timer in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
        ],
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "number of threads": _thread._count(),
    }
    if Path("/proc/self/fd").is_dir():
        seen["open files"] = sorted(_open_files())
        seen["signals as the system sees them"] = [
            line
            for line in _read("/proc/self/status").split("\n")
            if line.startswith(("SigBlk", "SigIgn", "SigCgt", "Threads:"))
        ]
        seen["timers of the system"] = _read("/proc/self/timers").count("ID:")
    return seen


def _open_files() -> list[str]:
    found = []
    for number in Path("/proc/self/fd").iterdir():
        try:
            found.append(str(number.readlink()).rstrip("0123456789[]"))
        except OSError:
            continue  # the listing's own
    # SQLite opens and closes what lies beside a database, and its folder, as it likes.
    return [name for name in found if "history.sqlite" not in name and not name.endswith("/profile_default")]


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def _interpreter() -> dict[str, object]:
    seen: dict[str, object] = {
        "trace function": [repr(sys.gettrace()), repr(threading.gettrace())],
        "profile function": [repr(sys.getprofile()), repr(threading.getprofile())],
        "switch interval": sys.getswitchinterval(),
        "hooks": [
            repr(hook) for hook in (sys.excepthook, sys.unraisablehook, sys.displayhook, threading.excepthook)
        ],
        "streams": [id(sys.stdout), id(sys.stderr), id(sys.stdin)],
        "recursion limit": sys.getrecursionlimit(),
        "import hooks": [len(sys.meta_path), len(sys.path_hooks), list(sys.path)],
        "builtins": sorted(vars(builtins)),
        "tracemalloc": tracemalloc.is_tracing(),
        "faulthandler": faulthandler.is_enabled(),
        "warning filters": len(warnings.filters),
    }
    if sys.version_info >= (3, 12):
        monitoring = sys.monitoring
        seen["monitoring"] = [
            (tool, monitoring.get_tool(tool), monitoring.get_events(tool) if monitoring.get_tool(tool) else 0)
            for tool in range(6)
        ]
    return seen


def _collector() -> dict[str, object]:
    return {
        "gc": [gc.isenabled(), gc.get_threshold(), gc.get_debug(), gc.get_freeze_count()],
        "gc callbacks": [repr(callback) for callback in gc.callbacks],
    }


def _asyncio() -> dict[str, object]:
    loop = asyncio._get_running_loop()
    if loop is None:
        return {}
    return {
        "loop": [type(loop).__name__, loop.get_debug(), loop.slow_callback_duration],
        "loop hooks": [repr(loop.get_task_factory()), repr(loop.get_exception_handler())],
    }


def _shell() -> dict[str, object]:
    try:
        shell = get_ipython()  # type: ignore[name-defined]
    except NameError:
        return {}
    return {
        "ast transformers": [repr(at) for at in shell.ast_transformers],
        "input transformers": [repr(at) for at in shell.input_transformers_cleanup],
        "post transformers": [repr(at) for at in shell.input_transformers_post],
        "events": {name: [repr(at) for at in found] for name, found in shell.events.callbacks.items()},
        "shell": sorted(vars(shell)),
        "traceback": repr(shell.showtraceback),
    }
