"""Every cell of a kernel under a profile, each written into a folder: the kernel's side.

`kosmos profile run notebook.ipynb` starts a kernel whose first line calls `start`. Nothing is
added to the notebook's namespace, and the extension is not loaded.
"""

import itertools
import json
import sys
from dataclasses import asdict
from pathlib import Path

from IPython.core.getipython import get_ipython

from kosmos_nb.history import ProfileResult
from kosmos_nb.profiling.cell import CellHook, CellOptions

READY = "ready"


def startup_line(folder: Path, options: CellOptions) -> str:
    """Return the line that a kernel is to run first; it binds no name and shows nothing."""
    order = json.dumps({"folder": str(folder), "options": asdict(options)})
    return f"__import__({__name__!r}, None, None, ['start']).start({order!r})"


def start(order: str) -> None:
    """Profile every cell from now on.

    Args:
        order: As JSON: the folder for the profiles, and the fields of `CellOptions`.
    """
    wanted = json.loads(order)
    folder, every_cell = Path(wanted["folder"]), CellOptions(**wanted["options"])
    numbers = itertools.count()

    def finish(profile: ProfileResult, options: CellOptions) -> None:
        file = folder / f"{next(numbers):06d}.json"
        written = file.with_suffix(".part")
        written.write_text(profile.to_json(), encoding="utf-8")
        written.rename(file)

    CellHook(
        get_ipython(),
        magic="kosmos_profile",
        read=lambda line: None,
        always=lambda source: every_cell,
        finish=finish,
        complain=lambda line: print(f"kosmos_nb: {line}", file=sys.stderr),
    ).install()
    (folder / READY).touch()
