"""How the screens write notices and names, and what they read in names."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kosmos_nb.history.records import Notice
from kosmos_nb.inquiry.caveats import rank_of

MOST_NAMED = 6


def notice(code: str, columns: Sequence[str], sentence: str, rows: int = 0) -> Notice:
    """Return a notice of the code's rank."""
    return Notice(code=code, rank=rank_of(code), columns=tuple(columns), sentence=sentence, rows=int(rows))


def quoted(names: Sequence[str]) -> str:
    """Write names as a list: "`a`, `b` and `c`"; the rest of a long one is counted."""
    shown = [f"`{name}`" for name in names[:MOST_NAMED]]
    if len(names) > MOST_NAMED:
        return f"{', '.join(shown)} and {len(names) - MOST_NAMED} more"
    return f"{', '.join(shown[:-1])} and {shown[-1]}" if len(shown) > 1 else shown[0]


def tokens(name: str) -> list[str]:
    """Return the words of a name in lower case: `PatientID` and `patient_id` are patient, id."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return re.findall(r"[^\W_]+", spaced.lower())
