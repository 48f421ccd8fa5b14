"""Which notices of the screens concern which hypothesis."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from kosmos_nb.history.records import Hypothesis, Notice
from kosmos_nb.inquiry.caveats import BLOCKS, rank_of
from kosmos_nb.inquiry.columns import Column
from kosmos_nb.reporters.words import CAVEATS

# Blocks a relation only where both columns have it: one wandering series does not make two agree.
OF_BOTH = frozenset({"nonstationary"})
# Said of several columns at once, and true of each.
OF_EACH = frozenset("autocorrelation trend nonstationary seasonality change_point order".split())


def of_columns(columns: Iterable[Column]) -> list[Notice]:
    """Return as notices what was noticed while the columns were read."""
    return [
        Notice(
            code=code,
            rank=rank_of(code),
            columns=(column.name,),
            sentence=f"{column.name}: {(column.reason if at == 0 else '') or CAVEATS[code]}",
        )
        for column in columns
        for at, code in enumerate(column.caveats)  # the reason is that of the first
    ]


def of_copies(n_copies: int, n_rows: int) -> list[Notice]:
    """Return the notice on rows that were stored more than once, n_copies of n_rows."""
    if not n_copies:
        return []
    said = f"{n_copies:,} rows that repeat another row were dropped ({n_rows - n_copies:,} are left)"
    code = "duplicate_rows"
    return [Notice(code=code, rank=rank_of(code), columns=(), sentence=said, rows=n_copies)]


class Concerns:
    """The notices by the columns that they are about.

    Args:
        notices: Of the run's table.
    """

    def __init__(self, notices: Sequence[Notice]) -> None:
        self._of_one: dict[str, list[Notice]] = defaultdict(list)
        self._of_several: dict[str, list[Notice]] = defaultdict(list)
        self._of_all = [notice for notice in notices if not notice.columns]
        for notice in notices:
            if len(notice.columns) == 1 or notice.code in OF_EACH:
                for name in notice.columns:
                    self._of_one[name].append(notice)
            elif notice.columns:
                self._of_several[notice.columns[0]].append(notice)

    def about(self, hypothesis: Hypothesis, *, is_of_subjects: bool = False) -> list[Notice]:
        """Return those that concern a hypothesis; one row a subject has no order to speak of.

        A notice of several columns concerns it when x and y are among them; one of a single column, when
        it is x or y, or, where only two of a kind are a trap, when the other has it, too.
        """
        pair = (hypothesis.x, hypothesis.y)
        found = list(self._of_all)
        codes = [{notice.code for notice in self._of_one[name]} for name in pair]
        for name in pair:
            for notice in self._of_one[name]:
                if is_of_subjects and notice.code in OF_EACH:
                    continue
                # What may be a walk has no trend that one could tell from its wandering.
                is_trend = hypothesis.family == "trend"
                if notice.code not in OF_BOTH or is_trend or all(notice.code in those for those in codes):
                    found.append(notice)
        for name in self._of_several:
            found += [
                n for n in self._of_several[name] if set(pair) <= set(n.columns) and n.columns[0] == name
            ]
        return found


def worst(notices: Iterable[Notice]) -> list[Notice]:
    """Return those that forbid to believe."""
    return [notice for notice in notices if notice.code in BLOCKS]
