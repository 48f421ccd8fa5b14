"""One piece of work on its way through a pool."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from kosmos_nb.execution.outcome import Finish

OnStart = Callable[[], None]


@dataclass(slots=True, eq=False, kw_only=True)
class Work:
    """A call, the future that waits for it, and who wants to know when it begins.

    `on_start` is called in a thread of the pool, just before the call.
    """

    future: Future[Any]
    finish: Finish
    call: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    priority: int = 0
    timeout_s: float | None = None
    on_start: OnStart | None = None
