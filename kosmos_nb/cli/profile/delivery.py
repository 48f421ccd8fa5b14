"""How a command hands over what it found: in the terminal, as JSON alone, and as a JSON file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kosmos_nb.core import ConfigError, FileThereError

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Where to.

    Attributes:
        output: A JSON file to write, too.
        overwrite: Whether one that is there may be replaced.
        as_json: Whether to write JSON alone to the terminal.
    """

    output: Path | None = None
    overwrite: bool = False
    as_json: bool = False

    def hand_over(self, plain: Any, draw: Callable[[Console], None]) -> None:
        """Write the file, then JSON or what `draw` prints.

        Args:
            plain: Plain lists, dicts, numbers and texts: what is written as JSON.
            draw: Prints the same for people.

        Raises:
            ConfigError: The file cannot be written; nothing was printed.
        """
        from kosmos_nb.history import json_text  # noqa: PLC0415 - settings and database; not for --help

        text = json_text(plain)
        if self.output is not None:
            _write(self.output, text + "\n", overwrite=self.overwrite)
        if self.as_json:
            print(text)
            return
        from rich.console import Console  # noqa: PLC0415 - 50 ms

        draw(Console(highlight=False))
        if self.output is not None:
            print(f"Written to {self.output}")


def _write(file: Path, text: str, *, overwrite: bool) -> None:
    from kosmos_nb.history import write_file  # noqa: PLC0415 - as above

    if file.suffix.lower() != ".json":
        raise ConfigError(f"{file.name!r} does not end in .json, the only form that there is of this.")
    try:
        write_file(file, text, overwrite=overwrite)
    except FileThereError as error:
        raise ConfigError(f"{file} is there already; --overwrite replaces it.") from error
