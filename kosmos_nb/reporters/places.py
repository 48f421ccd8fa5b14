"""How a profile's functions, files and ids are named in every view."""

from kosmos_nb.history import THREAD_FILE
from kosmos_nb.reporters.markup import clean

NAME_CHARACTERS = 80
THREAD = "thread"  # the place of a frame that stands for a thread


def function_name(name: str) -> str:
    """Return a function's name on one line, cut where it is too long for any view."""
    return clean(name, NAME_CHARACTERS)


def place(file: str, line: int) -> str:
    """Return where a function is, as short as it stays clear: `series.py:4630` with its folder, `In[5]:3`."""
    if line <= 0:
        return THREAD if file == THREAD_FILE else clean(file, 60)
    parts = clean(file).replace("\\", "/").rsplit("/", 2)
    name = "/".join(parts[-2:]) if "/" in file and not file.startswith("<") else parts[-1]
    inside = "cell" if "ipykernel_" in file or file.startswith("<ipython-input") else name[-60:]
    return f"{inside}:{line}"


def short_id(identifier: str) -> str:
    """Return enough of a UUID to tell it from its neighbours: `0193a41c…9f2e`."""
    return identifier if len(identifier) <= 14 else f"{identifier[:8]}…{identifier[-4:]}"
