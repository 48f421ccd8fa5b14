"""What holds for every test: Ctrl-C is heard, and a profile that has ended leaves nothing running."""

import signal
import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def ctrl_c_is_heard() -> None:
    """A shell starts what it puts into the background with Ctrl-C ignored, for all its children, too."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def nothing_samples_afterwards() -> Iterator[None]:
    yield
    sampler = sys.modules.get("kosmos_nb.profiling.sampling.sampler")
    if sampler is not None:
        assert not sampler.SAMPLER.is_running, "a profile was started and never stopped"
