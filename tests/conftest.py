"""What holds for every test: a profile that has ended leaves nothing running in this process."""

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def nothing_samples_afterwards() -> Iterator[None]:
    yield
    sampler = sys.modules.get("kosmos_nb.profiling.sampling.sampler")
    if sampler is not None:
        assert not sampler.SAMPLER.is_running, "a profile was started and never stopped"
