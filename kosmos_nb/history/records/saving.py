"""A profile as a file, its form chosen by the file's name."""

from __future__ import annotations

import marshal
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from kosmos_nb.core import ConfigError, FileThereError, uuid7

if TYPE_CHECKING:
    from kosmos_nb.history.records.profile import ProfileResult


def _pstats(profile: ProfileResult) -> bytes:
    return marshal.dumps(profile.to_pstats().stats)  # type: ignore[attr-defined]  # what dump_stats writes


# The longer endings first: `.speedscope.json` is no `.json`.
FORMS: dict[str, Callable[[ProfileResult], str | bytes]] = {
    ".speedscope.json": lambda profile: profile.to_speedscope(),
    ".json": lambda profile: profile.to_json(),
    ".html": lambda profile: profile.to_page(),
    ".collapsed": lambda profile: profile.to_collapsed(),
    ".txt": lambda profile: profile.to_collapsed(),
    ".pstats": _pstats,
    ".prof": _pstats,
}
PROFILE_ENDINGS = tuple(FORMS)


def save(profile: ProfileResult, path: str | os.PathLike[str], *, overwrite: bool) -> Path:
    """Write the profile in the form that the file's name asks for; see `ProfileResult.save`."""
    target = Path(path).expanduser()
    form = next((form for ending, form in FORMS.items() if target.name.lower().endswith(ending)), None)
    if form is None:
        raise ConfigError(f"{target.name!r} does not say which form to save: use {', '.join(FORMS)}.")
    content = form(profile)
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
