"""A clock that is set back: ids and the order of runs stay as they were made."""

import time
import uuid
from itertools import pairwise

import pytest

from kosmos_nb.core import uuid7
from kosmos_nb.history import History, ProfileResult
from tests.samples import profile

HOUR_NS = 3_600 * 10**9


@pytest.fixture
def set_back(monkeypatch):
    """Give a function that sets the clock back by an hour, each time it is called."""
    true, hours = time.time_ns, 0

    def again() -> None:
        nonlocal hours
        hours += 1

    monkeypatch.setattr(time, "time_ns", lambda: true() - hours * HOUR_NS)
    return again


def run(wall_s: float = 1.0) -> ProfileResult:
    """Return a run as a kernel makes it now, by its clock."""
    return profile(id=uuid7(), started_at_us=time.time_ns() // 1000, wall_s=wall_s, is_warm=True)


def test_ids_are_unique_and_increase_however_quickly_they_follow_and_when_the_clock_is_set_back(set_back):
    made = []
    for _ in range(3):
        made += [uuid7() for _ in range(5_000)]
        set_back()
        time.sleep(0.01)  # the clock goes on from there
    assert made == sorted(made)
    assert len(made) == len(set(made))
    assert {uuid.UUID(one).version for one in made} == {7}
    assert {uuid.UUID(one).variant for one in made} == {uuid.RFC_4122}


def test_an_id_tells_the_millisecond_in_which_it_was_made():
    before_ms = time.time_ns() // 1_000_000
    made_ms = uuid.UUID(uuid7()).int >> 80
    assert before_ms <= made_ms <= time.time_ns() // 1_000_000


def test_how_a_run_stands_and_what_was_before_it_follow_the_order_of_saving(tmp_path, set_back):
    with History(tmp_path) as history:
        saved = []
        for _ in range(10):
            saved.append(history.save(run()))
            set_back()
        assert saved == sorted(saved)
        for earlier, later in pairwise(saved):
            assert history.find("previous", last=later) == earlier
        slow = run(3.0)
        assert history.standing(slow).state == "slower once"
        history.save(slow)
        set_back()
        again = run(3.0)
        assert (history.standing(again).state, history.standing(again).runs) == ("slower", 10)
        history.save(again)
        # Asked once more, a run is held against those before it only.
        assert history.standing(slow).state == "slower once"
        assert [*history.sql("SELECT id FROM executions ORDER BY seq").id] == [*saved, slow.id, again.id]
