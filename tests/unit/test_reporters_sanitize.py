"""The sanitizer takes out what differs between two runs, and nothing that a notebook promises."""

import configparser
import re
from pathlib import Path

import pytest

from kosmos_nb.reporters import profile_text, run_text
from tests import samples

FILE = Path(__file__).parents[1] / "sanitize.cfg"


def sanitized(text: str) -> str:
    """Apply the rules as nbval does, in order."""
    rules = configparser.RawConfigParser()
    rules.read(FILE, encoding="utf-8")
    for section in rules.sections():
        text = re.sub(rules.get(section, "regex"), rules.get(section, "replace"), text)
    return " ".join(text.split())


def test_two_runs_that_differ_in_cost_alone_compare_equal() -> None:
    other = {
        "id": "0193ffff-7b2e-7c3d-8a41-5be2c9d0aaaa", "wall_s": 71.3, "cpu_s": 0.004, "peak_bytes": 999_000,
        "rss_end_bytes": 1, "samples": 12_345, "interval_s": 0.0123, "overhead_s": 0.1,
    }  # fmt: skip
    plain = {"line_stats": (), "function_stats": (), "bottlenecks": ()}
    first, second = samples.profile(**plain), samples.profile(**plain, **other)
    assert sanitized(profile_text(first)) == sanitized(profile_text(second))
    one, two = samples.done_run(), samples.done_run(
        id="0193ffff-02aa-7f00-9d11-c0ffee00d1c1", wall_s=0.0002, cpu_s=130.0, peak_bytes=2_000_000_000,
        workers=8,
        slowest_step_s=12.0, versions={"python": "3.13.1", "pandas": "3.0.0rc1", "scipy": "1.16"},
    )  # fmt: skip
    assert sanitized(run_text(one)) == sanitized(run_text(two))


@pytest.mark.parametrize(
    "kept", ["ρ +0.84 [+0.81, +0.87]", "n 342", "BH over 10 hypotheses", "✓ supported", "seed 0"]
)
def test_what_a_notebook_promises_is_still_compared(kept: str) -> None:
    assert kept in sanitized(run_text(samples.done_run()))
