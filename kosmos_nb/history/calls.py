"""What calls of language models have cost: of one role, of one model, or of a whole run.

Times of calls are added up, though calls are under way at the same time: their sum is no elapsed time.
Quantiles are times of real calls (nearest rank), of those that were sent, and only of as many as tell one.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kosmos_nb.history.records import LlmCall
from kosmos_nb.history.records.plain import as_plain

if TYPE_CHECKING:
    import pandas as pd

FEWEST_FOR_P90 = 10
FEWEST_FOR_P99 = 100
_TEXTS = ("run_id", "stop_reason", "error_type")
_NUMBERS = ("wall_s", "waited_s", "cost_usd")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTotals:
    """What some calls have cost together; a number is None where none of them measured it.

    Attributes:
        name: Their role or their model.
        calls: How many. failed, interrupted: Of those. cached: Of those, answered from the cache.
        attempts: How often one was sent; answers from the cache were not.
        input_tokens, output_tokens, cost_usd: Sums.
        wall_s, waited_s: Sums of their elapsed times; of that, waiting for their turn.
        median_s, p90_s, p99_s, longest_s: Elapsed time of one call that was sent; p90 from 10 such calls
            on, p99 from 100 on.
    """

    name: str
    calls: int
    failed: int
    interrupted: int
    cached: int
    attempts: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    wall_s: float | None
    waited_s: float | None
    median_s: float | None
    p90_s: float | None
    p99_s: float | None
    longest_s: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain numbers and texts."""
        return as_plain(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentProfile:
    """The calls of a language model in one role.

    Attributes:
        role: As what it worked.
        run_id: The research run that it worked for; None for all of the history.
        first_at_us, last_at_us: Begin of the first and of the last call, UTC microseconds.
        total: All of them together.
        models: The same by model, the longest sum of times first.
        errors, stop_reasons: How many calls ended with which, the most frequent first.
        calls: Each of them, the slowest first.
    """

    role: str
    run_id: str | None
    first_at_us: int
    last_at_us: int
    total: CallTotals
    models: tuple[CallTotals, ...]
    errors: Mapping[str, int]
    stop_reasons: Mapping[str, int]
    calls: tuple[LlmCall, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain dicts, lists, numbers and texts."""
        calls = [
            as_plain(call) | {name: known(getattr(call, name)) for name in _NUMBERS} for call in self.calls
        ]
        return as_plain(self, leave=("calls",)) | {"calls": calls}


def agent_profile(calls: Sequence[LlmCall], role: str, run_id: str | None = None) -> AgentProfile:
    """Sum up the calls in one role; there is at least one."""
    return AgentProfile(
        role=role,
        run_id=run_id,
        first_at_us=min(call.started_at_us for call in calls),
        last_at_us=max(call.started_at_us for call in calls),
        total=totals(calls, role),
        models=totals_by(calls, lambda call: call.model),
        errors=_counted(call.error_type for call in calls),
        stop_reasons=_counted(call.stop_reason for call in calls),
        calls=tuple(sorted(calls, key=lambda call: (-(known(call.wall_s) or 0.0), call.started_at_us))),
    )


def totals_by(calls: Iterable[LlmCall], key: Callable[[LlmCall], str]) -> tuple[CallTotals, ...]:
    """Sum up the calls that have one key in common, the longest sum of times first."""
    groups: dict[str, list[LlmCall]] = {}
    for call in calls:
        groups.setdefault(key(call), []).append(call)
    found = (totals(group, name) for name, group in groups.items())
    return tuple(sorted(found, key=lambda one: (-(one.wall_s or 0.0), one.name)))


def totals(calls: Sequence[LlmCall], name: str) -> CallTotals:
    """Sum up the calls under this name."""
    sent = [call for call in calls if not call.is_cached]
    times = sorted(wall_s for wall_s in (known(call.wall_s) for call in sent) if wall_s is not None)
    return CallTotals(
        name=name,
        calls=len(calls),
        failed=sum(call.status == "failed" for call in calls),
        interrupted=sum(call.status == "interrupted" for call in calls),
        cached=len(calls) - len(sent),
        attempts=sum(call.attempts for call in sent),
        input_tokens=sum(call.input_tokens for call in calls),
        output_tokens=sum(call.output_tokens for call in calls),
        cost_usd=_sum(call.cost_usd for call in calls),
        wall_s=_sum(call.wall_s for call in calls),
        waited_s=_sum(call.waited_s for call in calls),
        median_s=_quantile(times, 0.5, fewest=1),
        p90_s=_quantile(times, 0.9, fewest=FEWEST_FOR_P90),
        p99_s=_quantile(times, 0.99, fewest=FEWEST_FOR_P99),
        longest_s=times[-1] if times else None,
    )


def call_records(frame: pd.DataFrame) -> tuple[LlmCall, ...]:
    """Return the rows of `History.llm_calls` as records."""
    stamps = frame["started_at"].astype("datetime64[us]").astype("int64")
    plain = frame.drop(columns="started_at").assign(started_at_us=stamps)
    return tuple(LlmCall(**_fields(row)) for row in plain.to_dict("records"))


def _fields(row: Mapping[Hashable, Any]) -> dict[str, Any]:
    """Return a row's values by field; pandas has a NaN for a text that is not there."""
    values = {str(name): value for name, value in row.items()}
    return values | {name: values[name] if isinstance(values[name], str) else None for name in _TEXTS}


def _quantile(times: Sequence[float], share: float, *, fewest: int) -> float | None:
    """Return the time that this share of the sorted times does not exceed; None of fewer than `fewest`."""
    return times[math.ceil(share * len(times)) - 1] if len(times) >= fewest else None


def _sum(values: Iterable[float]) -> float | None:
    measured = [value for value in map(known, values) if value is not None]
    return math.fsum(measured) if measured else None


def known(value: float | None) -> float | None:
    """Return the number, or None where none was measured."""
    return value if value is not None and math.isfinite(value) else None


def _counted(words: Iterable[str | None]) -> dict[str, int]:
    return dict(Counter(word for word in words if word is not None).most_common())
