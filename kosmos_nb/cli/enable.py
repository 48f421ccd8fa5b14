"""`kosmos enable` and `kosmos disable`: one startup file in the user's default IPython profile."""

import os
from pathlib import Path
from typing import Literal

from kosmos_nb.core import ConfigError

FILE_NAME = "50-kosmos_nb.py"
FIRST_LINE = "# kosmos_nb: written by `kosmos enable`, removed by `kosmos disable`."

# It runs in the user's namespace before the first cell: no import, no name, and no error where the
# kernel's environment has no kosmos_nb.
_SOURCE = """\
{first_line}
try:
{always}    get_ipython().extension_manager.load_extension("kosmos_nb")
except ImportError:
    pass
except Exception as error:
    print(f"kosmos_nb was not loaded: {{error}}", file=__import__("sys").stderr)
"""


def enable(always: Literal["off", "light", "standard"] = "off") -> Path:
    """Let every kernel of this user load kosmos_nb.

    Args:
        always: Mode in which every cell is profiled as well.

    Returns:
        The startup file, in the default profile of `IPYTHONDIR`.

    Raises:
        ConfigError: A file of that name is not ours, or it cannot be written.
    """
    setting = f'    get_ipython().config.Kosmos.always = "{always}"\n' if always != "off" else ""
    try:
        file = _startup_folder() / FILE_NAME
        _check_ours(file)
        new = file.with_name(f".{FILE_NAME}.{os.getpid()}")  # a kernel that starts now reads all or nothing
        new.write_text(_SOURCE.format(first_line=FIRST_LINE, always=setting), encoding="utf-8")
        new.replace(file)
    except OSError as error:
        raise ConfigError(f"The startup file of IPython cannot be written: {error}.") from error
    return file


def disable() -> Path | None:
    """Undo `enable`.

    Returns:
        The file that was removed; None where there was none.

    Raises:
        ConfigError: A file of that name is not ours, or it cannot be removed.
    """
    try:
        file = _startup_folder() / FILE_NAME
        if not file.exists():
            return None
        _check_ours(file)
        file.unlink()
    except OSError as error:
        raise ConfigError(f"The startup file of IPython cannot be removed: {error}.") from error
    return file


def _startup_folder() -> Path:
    from IPython.core.profiledir import ProfileDir, ProfileDirError  # noqa: PLC0415 - 0.3 s, only here
    from IPython.paths import get_ipython_dir  # noqa: PLC0415 - as above

    try:
        profile = ProfileDir.create_profile_dir_by_name(get_ipython_dir(), "default")  # type: ignore[no-untyped-call]
    except ProfileDirError as error:
        raise ConfigError(f"IPython has no default profile here: {error}.") from error
    return Path(profile.startup_dir)


def _check_ours(file: Path) -> None:
    if file.exists() and not file.read_text(encoding="utf-8", errors="replace").startswith(FIRST_LINE):
        raise ConfigError(
            f"{file} was not written by kosmos enable, so it is left as it is. Move it away first."
        )
