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
    content = form(record)
    data = content if isinstance(content, bytes) else content.encode("utf-8", "backslashreplace")
    try:
        _write(target, data, overwrite=overwrite)
    except FileExistsError as error:
        raise FileThereError(f"{target} is there already; overwrite=True replaces it.") from error
    except OSError as error:
        raise ConfigError(f"{target} cannot be written: {error.strerror or error}.") from error
    return target


def _write(target: Path, data: bytes, *, overwrite: bool) -> None:
    """Write all or nothing: a full disk leaves neither half a file nor less than there was."""
    written = target.with_name(f".{target.name}.{uuid7()}") if overwrite else target
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
