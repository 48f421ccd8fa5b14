"""Every error that kosmos_nb raises on purpose.

KosmosError
├── ConfigError               an option, setting or environment variable makes no sense
│   └── FileThereError        a file would be overwritten (also a FileExistsError)
├── MissingExtraError         a library that one feature needs is not there
├── ProfilingError            a profile cannot be taken
├── ExecutionError            work in another process could not be done
│   ├── WorkerDiedError       the worker process ended under its task
│   ├── TaskTimeoutError      the task passed its time limit
│   ├── TaskCancelledError    the task was stopped on request
│   └── SandboxUnavailableError   code was to run in a cage, and there is none
├── ResearchError             the data or the question cannot be researched
└── HistoryError              the history cannot be read or written
    └── QueryError            a query is not allowed or not valid

A message says what happened, with the numbers, and what to do. The magics turn it into one
line; the shell into that line and an exit code.
"""


class KosmosError(Exception):
    """The root of the tree; catch it to catch everything that kosmos_nb raises on purpose."""


class ConfigError(KosmosError):
    """An option, setting or environment variable makes no sense."""


class FileThereError(ConfigError, FileExistsError):
    """The file to be written is there already, and nobody said that it may be replaced."""


class MissingExtraError(KosmosError):
    """A library that one feature needs is not installed, or does not load.

    Attributes:
        feature: What needs it, as the user asked for it.
        install: What pip is to install.
    """

    def __init__(self, message: str, *, feature: str, install: str) -> None:
        super().__init__(message)
        self.feature = feature
        self.install = install


class ProfilingError(KosmosError):
    """A profile cannot be taken."""


class ExecutionError(KosmosError):
    """Work in another process could not be done."""


class WorkerDiedError(ExecutionError):
    """The worker process ended under its task, for example killed when memory ran out.

    Attributes:
        exit_code: The process's exit code; negative for the number of a signal.
    """

    def __init__(self, message: str, *, exit_code: int | None = None) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class TaskTimeoutError(ExecutionError):
    """The task passed its time limit and its processes were killed.

    Attributes:
        limit_s: The limit, in seconds.
    """

    def __init__(self, message: str, *, limit_s: float) -> None:
        super().__init__(message)
        self.limit_s = limit_s


class TaskCancelledError(ExecutionError):
    """The task was stopped on request before it ended."""


class SandboxUnavailableError(ExecutionError):
    """Code was to run in a sandbox, and none is available here."""


class ResearchError(KosmosError):
    """The data or the question cannot be researched."""


class HistoryError(KosmosError):
    """The history cannot be read or written."""


class QueryError(HistoryError):
    """A query is not allowed (the history is read-only) or not valid SQL."""
