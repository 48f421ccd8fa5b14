"""What will be tested and how, hashed before the test."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping

from kosmos_nb.history.records import Hypothesis, Sign


def register(hypothesis: Hypothesis, *, sign: Sign, settings: Mapping[str, object]) -> Hypothesis:
    """Hash a hypothesis with all that its verdict depends on.

    Args:
        hypothesis: The statement.
        sign: What is claimed, empty for either.
        settings: Data hash, seed, alpha, smallest effect, design of the rows.
    """
    plan = {
        "family": hypothesis.family,
        "x": hypothesis.x,
        "y": hypothesis.y,
        "given": list(hypothesis.given),
        "sign": sign,
        **settings,
    }
    return dataclasses.replace(
        hypothesis, registered_hash=hashlib.sha256(_CANONICAL(plan).encode()).hexdigest()
    )


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
