"""The answer of a run in a sentence or two, told before any table."""

from collections import Counter
from collections.abc import Sequence

from kosmos_nb.history import RunSnapshot, Verdict
from kosmos_nb.reporters import words
from kosmos_nb.reporters.markup import clean
from kosmos_nb.reporters.numbers import effect_words, finite

MOST_NAMED = 6
COLUMN_CHARACTERS = 60


def answer(snapshot: RunSnapshot) -> str:
    """Return what the run found so far, about its target where it has one; empty before a verdict.

    What is supported but may be explained by something else is named apart.
    """
    verdicts, target = snapshot.verdicts, snapshot.run.target
    if not verdicts:
        return ""
    # What holds with a third column fixed, or depends on one, says more of a relation that is told already.
    n_held, n_asked = sum(v.verdict == "supported" for v in verdicts), len(verdicts)
    verdicts = tuple(v for v in verdicts if not v.given and v.family != "non_monotone") or verdicts
    mine = [v for v in verdicts if target and target in (v.x, v.y)]
    held = sorted((v for v in mine or verdicts if v.verdict == "supported"), key=_strength)
    so_far = "So far " if snapshot.run.status == "running" else ""
    if mine:
        told = _about(target, held, mine)
        return (
            so_far + told.replace("Nothing", "nothing", 1)
            if so_far and told[:8] == "Nothing "
            else so_far + told
        )
    names = "; ".join(clean(v.statement, 80) for v in held[:3])
    counted = f"{n_held} of {n_asked} hypotheses {'is' if n_held == 1 else 'are'} supported"
    return f"{so_far}{counted}{', the strongest: ' + names if names else ''}."


def _strength(verdict: Verdict) -> tuple[float, str]:
    return -abs(finite(verdict.effect) or 0.0), verdict.hypothesis_id


def _about(target: str, held: Sequence[Verdict], mine: Sequence[Verdict]) -> str:
    named = clean(target, COLUMN_CHARACTERS)
    plain = [_named(v, target) for v in held if not words.is_doubtful(v.caveats)]
    doubtful = [_named(v, target, with_caveats=True) for v in held if words.is_doubtful(v.caveats)]
    unclear = [_other(v, target) for v in mine if v.verdict == "inconclusive"]
    if not held:
        return f"Nothing is supported as associated with {named}: {_tally(mine)}."
    first = f"{named} is associated with {_list(plain)}." if plain else f"Nothing is plainly tied to {named}."
    more = f" With caveats: {_list(doubtful)}." if doubtful else ""
    return first + more + (f" Not settled: {_list(unclear)}." if unclear else "")


def _list(names: Sequence[str]) -> str:
    left = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {left} more" if left > 0 else "")


def _other(verdict: Verdict, target: str) -> str:
    name = verdict.x if verdict.y == target else verdict.y
    return clean(name, COLUMN_CHARACTERS) if name.strip() else "(no name)"


def _named(verdict: Verdict, target: str, *, with_caveats: bool = False) -> str:
    effect, metric = finite(verdict.effect), words.metric(verdict.effect_metric)
    parts = []
    if effect is not None:
        directed = bool(verdict.sign) or metric in words.DIRECTED
        parts.append(f"{metric} {effect_words(effect, directed=directed)}".strip())
    if with_caveats:
        parts += [clean(code, 30) for code in verdict.caveats if code in words.DOUBTFUL]
    inside = ", ".join(parts)
    return f"{_other(verdict, target)} ({inside})" if inside else _other(verdict, target)


def _tally(verdicts: Sequence[Verdict]) -> str:
    found = Counter(v.verdict for v in verdicts)
    return ", ".join(f"{found[name]} {sign.word}" for name, sign in words.VERDICTS.items() if found[name])
