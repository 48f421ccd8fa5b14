"""A record as a file, its form chosen by the file's name."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from kosmos_nb.core import ConfigError, FileThereError, uuid7

T = TypeVar("T")
Forms = Mapping[str, Callable[[T], str | bytes]]  # by the ending of the name, longer endings first


def save(record: T, forms: Forms[T], path: str | os.PathLike[str], *, overwrite: bool) -> Path:
    """Write the record in the form that the file's name asks for; see `ProfileResult.save`."""
    target = Path(path).expanduser()
    form = next((form for ending, form in forms.items() if target.name.lower().endswith(ending)), None)
    if form is None:
        raise ConfigError(f"{target.name!r} does not say which form to save: use {', '.join(forms)}.")
    write_file(target, form(record), overwrite=overwrite)
    return target


def write_file(target: Path, content: str | bytes, *, overwrite: bool) -> None:
    """Write a file, all or nothing; text as UTF-8.

    Raises:
        ConfigError: It cannot be written.
        FileThereError: There is such a file, and `overwrite` is False.
    """
    data = content if isinstance(content, bytes) else content.encode("utf-8", "backslashreplace")
    try:
        _write(target, data, overwrite=overwrite)
    except FileExistsError as error:
        raise FileThereError(f"{target} is there already; overwrite=True replaces it.") from error
    except OSError as error:
        raise ConfigError(f"{target} cannot be written: {error.strerror or error}.") from error


def check_target(target: Path, *, overwrite: bool) -> None:
    """Find out before a long run whether a file could be written after it; leaves nothing behind.

    Raises:
        ConfigError: It could not.
        FileThereError: There is such a file, and `overwrite` is False.
    """
    if os.path.lexists(target) and not overwrite:
        raise FileThereError(f"{target} is there already; overwrite=True replaces it.")
    if target.is_dir():
        raise ConfigError(f"{target} is a folder.")
    if not target.parent.is_dir():
        raise ConfigError(f"There is no folder {target.parent} for {target.name}.")
    trial = _beside(target)
    try:
        trial.open("xb").close()
        trial.unlink()
    except OSError as error:
        raise ConfigError(f"{target} cannot be written: {error.strerror or error}.") from error


def _write(target: Path, data: bytes, *, overwrite: bool) -> None:
    """Write all or nothing: a full disk leaves neither half a file nor less than there was."""
    written = _beside(target) if overwrite else target
    with written.open("xb") as file:
        try:
            file.write(data)
            file.flush()
        except BaseException:
            with suppress(OSError):
                written.unlink()
            raise
    if overwrite:
        try:
            written.replace(target)
        except OSError:
            written.unlink()
            raise


def _beside(target: Path) -> Path:
    return target.with_name(f".{target.name}.{uuid7()}")
