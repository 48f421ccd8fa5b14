"""One call of a language model."""

from __future__ import annotations

from dataclasses import dataclass

from kosmos_nb.history.records.base import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class LlmCall:
    """One call of a language model, answered or failed; neither prompt nor answer is kept.

    Attributes:
        id: UUIDv7.
        role: As what the model worked: the agent.
        model: Model that answered.
        status: `ok`, `failed` or `interrupted`.
        started_at_us: UTC microseconds.
        wall_s, waited_s: Elapsed time of all attempts; of that, waiting for its turn.
        input_tokens, output_tokens: As the server counted them; zero where it was not reached.
        cost_usd: By the list price; zero for an answer from the cache.
        attempts: How often it was sent.
        is_cached: Whether the answer came from the cache.
        stop_reason: Why the answer ended; None where there is none.
        error_type: Error that ended it.
        run_id: Research run that it worked for.
    """

    id: str
    role: str
    model: str
    status: Status
    started_at_us: int
    wall_s: float
    waited_s: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    attempts: int = 1
    is_cached: bool = False
    stop_reason: str | None = None
    error_type: str | None = None
    run_id: str | None = None
