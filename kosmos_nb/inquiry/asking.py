"""From what a user types, in a line, a cell or a call, to a question."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from kosmos_nb.core import ResearchError
from kosmos_nb.inquiry.formulas import EXAMPLE, parse_claims
from kosmos_nb.inquiry.naming import check_codes, check_engine, check_families, columns_of
from kosmos_nb.inquiry.question import Question


def ask(
    data: object,
    data_name: str,
    *,
    text: str,
    target: str | None,
    hypotheses: int | str | Sequence[str] | None,
    engine: str,
    alpha: float,
    smallest: float,
    seed: int,
    unit: str | None,
    time: str | None,
    control: str | Sequence[str] | None,
    ignore: str | Sequence[str] | None,
    reference: str | None,
    allow: str | Sequence[str] | None,
    families: str | Sequence[str] | None,
    split: bool,
) -> Question:
    """Return the question; see `Question` for what each part means.

    Args:
        hypotheses: A cap, or the user's own as formulas; None for all that the columns give.
        control, ignore, allow, families: One, several, or None.

    Raises:
        ResearchError: A formula, a caveat code, a family or the engine is not known. The other
            columns are checked where the table is read.
    """
    check_engine(engine)
    hypotheses, alpha, smallest, seed, split = map(_plain, (hypotheses, alpha, smallest, seed, split))
    formulas = _formulas(hypotheses)
    return Question(
        text=text,
        target=target,
        claims=() if formulas is None else parse_claims(formulas, columns_of(data, data_name=data_name)),
        cap=None if formulas is not None else hypotheses,  # type: ignore[arg-type]  # checked by the run
        alpha=alpha,
        smallest=smallest,
        seed=seed,
        unit=unit,
        time=time,
        control=_several(control),
        ignore=_several(ignore),
        reference=None if reference is None else str(reference),
        allow=check_codes(_several(allow)),
        families=check_families(_several(families)),
        split=split,
    )


def _formulas(hypotheses: object) -> str | None:
    """Return the lines of formulas; None where a number or nothing was given."""
    if isinstance(hypotheses, str):
        return hypotheses
    if not isinstance(hypotheses, Iterable):
        return None
    lines = list(hypotheses)
    odd = [line for line in lines if not isinstance(line, str)]
    if odd:
        raise ResearchError(f"A hypothesis is text, not {odd[0]!r}. {EXAMPLE}.")
    return "\n".join(lines)


def _plain(value: Any) -> Any:
    """Return a number of numpy's as Python's own; anything else as it is."""
    return value.item() if type(value).__module__ == "numpy" and getattr(value, "ndim", None) == 0 else value


def _several(names: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return the names; a single one, also a number, counts as a sequence of one."""
    if names is None:
        return ()
    alone = isinstance(names, str) or not isinstance(names, Iterable)
    return (str(names),) if alone else tuple(map(str, names))
