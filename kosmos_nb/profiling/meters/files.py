"""Files that are ours while somebody else's code runs."""

import os


class OwnFile:
    """An open file of ours, whose number the user's code may close, and take for a file of its own.

    `os.closerange` does so, as daemons and some launchers of processes call it.

    Args:
        number: Of the open file.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self._identity = _identity(number)

    @classmethod
    def open(cls, path: str) -> "OwnFile":
        """Open a file to read.

        Raises:
            OSError: It cannot be opened.
        """
        number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return cls(number)
        except BaseException:  # an interrupt
            os.close(number)
            raise

    @property
    def is_there(self) -> bool:
        """Whether the number is still that of our file."""
        try:
            return self.number >= 0 and _identity(self.number) == self._identity
        except OSError:
            return False

    def close(self) -> None:
        """Close it, unless somebody has; a second time does nothing."""
        if self.is_there:
            os.close(self.number)
        self.number = -1


def _identity(number: int) -> tuple[int, int]:
    status = os.fstat(number)
    return status.st_dev, status.st_ino
