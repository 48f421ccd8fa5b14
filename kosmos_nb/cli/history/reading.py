"""What the commands of `kosmos history` share: the history that is asked, and rows as JSON."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from kosmos_nb.history import History


def open_history() -> History:
    """Return the history that the settings name."""
    from kosmos_nb.history import History  # noqa: PLC0415 - settings and database; not for --help

    return History()


def print_json(frame: pd.DataFrame) -> None:
    """Write the rows as a JSON list of objects; stamps as ISO 8601, UTC, what is no number as null."""
    rows = [{str(name): _plain(value) for name, value in row.items()} for row in frame.to_dict("records")]
    print(json.dumps(rows, ensure_ascii=False, default=str))


def _plain(value: Any) -> Any:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if hasattr(value, "isoformat"):
        return None if str(value) == "NaT" else value.isoformat()
    return value.tolist() if hasattr(value, "tolist") else value
