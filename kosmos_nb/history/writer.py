"""The background thread that saves, so that no cell waits for the disk.

A record counts as saved when it is durable: in the store, or in the spool where the store
cannot take it. The thread starts with the first record, never raises into the caller, and is
not there after a fork. While the store is out of order, records go to the spool at once and
the store is tried again every few seconds.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from kosmos_nb.core import HistoryError
from kosmos_nb.history.failures import RecordRefusedError
from kosmos_nb.history.rows import Bundle, Record, to_bundle
from kosmos_nb.history.spool import Spool
from kosmos_nb.history.store import Store

RETRY_S = 5.0
EXIT_S = 5.0


class Writer:
    """A queue of records, and the thread that empties it.

    Args:
        store: Where the records go.
        spool: Where they wait while the store cannot take them.
        warn: Called with one line, at most once, when a record went to the spool.
        retry_s: How long to leave a store alone that failed, in seconds.
    """

    def __init__(
        self, store: Store, spool: Spool, warn: Callable[[str], None], *, retry_s: float = RETRY_S
    ) -> None:
        self._store = store
        self._spool = spool
        self._warn = warn
        self._retry_s = retry_s
        self._has_warned = False
        self._begin()

    def _begin(self) -> None:
        self._changed = threading.Condition()
        self._queue: deque[Record | Bundle] = deque()
        self._thread: threading.Thread | None = None
        self._accepted = 0
        self._done = 0
        self._has_replayed = False
        self._down_until_s: float | None = None
        self._look_again_s: float | None = None  # when records are left in the spool
        self._trouble = ""  # what the store said when it failed

    @property
    def is_down(self) -> bool:
        """Whether the store failed when it was last tried."""
        return self._down_until_s is not None

    def put(self, record: Record) -> None:
        """Accept a record; returns at once."""
        with self._changed:
            self._queue.append(record)
            self._accepted += 1
            if self._thread is None and not self._start():
                self._spool_queue()
            self._changed.notify_all()

    def flush(self, timeout_s: float | None = None) -> bool:
        """Wait until everything accepted so far is durable.

        Returns:
            Whether it is; False when the time was up first.
        """
        with self._changed:
            goal = self._accepted
            return self._changed.wait_for(lambda: self._done >= goal, timeout_s)

    def close(self, timeout_s: float) -> int:
        """Flush, end the thread, and put what is left into the spool.

        Returns:
            How many records could be kept nowhere.
        """
        self.flush(timeout_s)
        with self._changed:
            thread, self._thread = self._thread, None
            lost = self._spool_queue()
            self._changed.notify_all()
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout_s)
        return lost

    def _start(self) -> bool:
        """Start the thread. Returns False where none can be: out of threads, or at the very end."""
        thread = threading.Thread(target=self._work, name="kosmos_nb history", daemon=True)
        self._thread = thread
        try:
            thread.start()
        except RuntimeError:
            self._thread = None
            return False
        return True

    def _spool_queue(self) -> int:
        """Move what waits in memory to the spool; returns how many records it could not take."""
        lost = 0
        while self._queue:
            record = self._queue.popleft()
            self._done += 1
            try:
                self._spool.add(_bundle(record))
            except (OSError, HistoryError):
                lost += 1
        return lost

    def before_fork(self) -> None:
        """Let no connection and no half-written record cross the fork."""
        self._store.before_fork()

    def after_fork_in_parent(self) -> None:
        """Go on."""
        self._store.after_fork_in_parent()

    def after_fork_in_child(self) -> None:
        """Begin anew: the parent's thread is not here, and its records are the parent's."""
        self._store.after_fork_in_child()
        self._spool.after_fork_in_child()
        self._begin()

    def at_exit(self) -> None:
        """Save what is left before the process ends."""
        lost = self.close(EXIT_S)
        self._store.close()
        if lost:
            self._has_warned = False
            self._say_once(f"{lost} records could be kept nowhere and are lost.")

    def _work(self) -> None:
        me = threading.current_thread()
        while True:
            with self._changed:
                while not self._queue and self._thread is me:
                    if self._changed.wait(self._patience_s()):
                        continue
                    break
                if self._thread is not me:
                    return
                record = self._queue[0] if self._queue else None
            if record is None:
                self._recover()
                continue
            is_kept = self._keep(record)
            with self._changed:
                if self._thread is not me:
                    return
                if is_kept:
                    self._queue.popleft()
                    self._done += 1
                    self._changed.notify_all()
                else:
                    # Neither store nor spool: the record stays here and is tried again.
                    self._changed.wait(self._retry_s)

    def _patience_s(self) -> float | None:
        """How long to sleep without work: for ever, or until a failed store or the spool is due again."""
        due_s = self._down_until_s if self.is_down else self._look_again_s
        return None if due_s is None else max(0.0, due_s - time.monotonic())

    def _keep(self, record: Record | Bundle) -> bool:
        """Make a record durable. Returns False where that is impossible for now."""
        try:
            bundle = _bundle(record)
        except Exception as error:  # The thread's door: it must not die of one record
            self._say_once(f"A record makes no rows and is not saved: {type(error).__name__}: {error}.")
            return True
        if self._save(bundle):
            return True
        try:
            file = self._spool.add(bundle)
        except OSError as error:
            trouble = self._trouble or f"The history {self._store.path} does not take a record"
            self._say_once(
                f"{trouble.rstrip('.')}; records wait in memory, and are lost when this process ends, for "
                f"they cannot be written elsewhere either: {error}."
            )
            return False
        self._say_once(
            f"{self._trouble.rstrip('.')}; records wait in {file.parent} and are kept when it works again."
        )
        return True

    def _save(self, bundle: Bundle) -> bool:
        if not self._has_replayed or self._is_due():
            self._recover()
        if self.is_down:
            return False
        try:
            self._store.save(bundle)
        except RecordRefusedError as error:
            self._say_once(f"{error} It is kept in the spool, {self._store.folder / 'spool'}.")
            return False
        except Exception as error:  # The thread's door: whatever it is, the spool comes next
            self._fail(error)
            return False
        return True

    def _is_due(self) -> bool:
        return self._down_until_s is not None and time.monotonic() >= self._down_until_s

    def _recover(self) -> None:
        """Open the store and replay the spool; a failure of the store puts it off."""
        self._has_replayed = True
        begun_s = time.monotonic()
        try:
            self._store.open()
        except Exception as error:  # The thread's door: records go to the spool
            # A try that is long, as a backup of much before a migration that fails, is made more rarely.
            self._fail(error, pause_s=5 * (time.monotonic() - begun_s))
            return
        self._down_until_s = None
        try:
            self._spool.replay(self._store.save)
        except OSError as error:
            self._say_once(f"Waiting records cannot be read back: {error}.")
        except Exception as error:  # The thread's door: it must not die of an old record
            self._fail(error)
        # Another process may be at a file just now; should it fail, nobody else would look.
        self._look_again_s = time.monotonic() + self._retry_s if self._spool.files() else None

    def _fail(self, error: Exception, *, pause_s: float = 0.0) -> None:
        self._down_until_s = time.monotonic() + max(self._retry_s, pause_s)
        self._trouble = str(error) if isinstance(error, HistoryError) else f"{type(error).__name__}: {error}."

    def _say_once(self, message: str) -> None:
        if self._has_warned:
            return
        self._has_warned = True
        with suppress(Exception):  # a warning that was made an error must not end the thread
            self._warn(message)


def _bundle(record: Record | Bundle) -> Bundle:
    return record if isinstance(record, Bundle) else to_bundle(record)
