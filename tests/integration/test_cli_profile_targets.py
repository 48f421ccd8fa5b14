"""`kosmos profile workflow` and `agent`, as a user runs them, on a history with real research runs."""

import dataclasses
import json
import math
import os
import subprocess
import sys

import pytest

from kosmos_nb.cli import main
from kosmos_nb.config import forget
from kosmos_nb.core import HistoryError, uuid7
from kosmos_nb.history import History, LlmCall
from tests.samples import STARTED_US, done_run

RESEARCH = """\
from palmerpenguins import load_penguins
import kosmos_nb
if __name__ == "__main__":
    penguins = load_penguins()
    for target in (None, "body_mass_g"):
        kosmos_nb.research(penguins, "What drives flipper length?", target=target, workers=2).result()
    kosmos_nb.research(penguins, "Without workers", hypotheses=3, workers=0).result()
"""
OLD = "0193a41d-02aa-7f00-9d11-c0ffee00d1ce"  # the sample's
KILLED = "0193a41d-ffff-7f00-9d11-c0ffee00dead"


def command(home, folder, *words, columns=80):
    environment = {**os.environ, "KOSMOS_HOME": str(home), "COLUMNS": str(columns), "TERM": "dumb"}
    done = subprocess.run(
        [sys.executable, "-m", "kosmos_nb.cli", "profile", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def call(n, role, run_id, **changes):
    made = LlmCall(
        id=uuid7(),
        role=role,
        model="claude-opus-4-5",
        status="ok",
        started_at_us=STARTED_US + n * 100_000,
        wall_s=0.1 * (n + 1),
        waited_s=0.01,
        input_tokens=1_000,
        output_tokens=100,
        cost_usd=0.02,
        stop_reason="end_turn",
        run_id=run_id,
    )
    return dataclasses.replace(made, **changes)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home")
    script = folder / "research.py"
    script.write_text(RESEARCH)
    environment = {**os.environ, "KOSMOS_HOME": str(folder)}
    subprocess.run([sys.executable, str(script)], env=environment, check=True, timeout=240)
    with History(folder) as history:
        real = list(history.runs().id)
        began_us = history.run(real[1]).run.started_at_us
        history.save(done_run(wall_s=34.1))
        calls = [call(n, "proposer", OLD) for n in range(12)]
        calls.append(call(1, "designer", OLD, is_cached=True, wall_s=0.001, cost_usd=0.0))
        failed = {"status": "failed", "error_type": "RateLimitedError", "stop_reason": None, "attempts": 4}
        calls.append(call(3, "designer", OLD, input_tokens=0, output_tokens=0, cost_usd=0.0, **failed))
        calls.append(call(0, "proposer", real[1], model="claude-haiku-4-5", started_at_us=began_us))
        calls.append(call(0, "proposer", KILLED))
        calls.append(call(0, "chat", None))
        for one in calls:
            history.save(one)
    return folder


@pytest.fixture
def kosmos(home, tmp_path):
    return lambda *words, columns=80: command(home, tmp_path, *words, columns=columns)


@pytest.fixture
def inside(home, tmp_path, monkeypatch, capsys):
    """Run the command in this process, which is quicker."""

    def run(*words, folder=home):
        monkeypatch.setenv("KOSMOS_HOME", str(folder))
        monkeypatch.setenv("COLUMNS", "80")
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["kosmos", "profile", *words])
        forget()
        with pytest.raises(SystemExit) as left:
            main()
        return left.value.code, *capsys.readouterr()

    yield run
    forget()


@pytest.fixture(scope="module")
def real(home):
    """Ids of the real runs, newest first: without workers, about body mass, all pairs."""
    with History(home) as history:
        return [found for found in history.runs().id if found != OLD]


def from_json(done):
    code, out, error = done
    assert (code, error) == (0, "")
    return json.loads(out)


def test_a_real_run_says_what_its_time_went_into_in_80_columns(kosmos, real):
    code, out, error = kosmos("workflow", "--run", real[2], "--top", "5")
    assert (code, error) == (0, "")
    assert max(map(len, out.splitlines())) <= 80
    assert out.startswith("\nWhat drives flipper length? (run ")
    for said in (
        "2 workers", "101 hypotheses: ", " supported", "slowest step: ",
        "before the first test", "with a test under way", "101 tests, ", " computing, ", " waiting",
        "workers busy with tests: ", "Hypotheses (5 of 101, by time)",
    ):  # fmt: skip
        assert said in out
    rows = [line for line in out.splitlines() if " ~ " in line]
    assert len(rows) == 5


def test_the_json_of_a_real_run_is_its_records(kosmos, home, real):
    found = from_json(kosmos("workflow", "--run", real[2], "--json"))
    with History(home) as history:
        run = history.run(real[2])
    tests = {test.hypothesis_id: test for test in run.experiments}
    assert len(found["hypotheses"]) == 101
    for one in found["hypotheses"]:
        assert (one["wall_s"], one["cpu_s"]) == (tests[one["id"]].wall_s, tests[one["id"]].cpu_s)
    times = [one["wall_s"] for one in found["hypotheses"]]
    assert times == sorted(times, reverse=True)
    assert sum(found["elapsed"].values()) == pytest.approx(run.run.wall_s)
    assert found["tests"]["wall_s"] == pytest.approx(sum(times))
    assert found["tests"]["busy_share"] == pytest.approx(sum(times) / 2 / run.run.wall_s)
    assert 0 < found["tests"]["busy_share_of_tests"] <= 1.001
    assert found["states"] == {"verdict": 101}
    assert sum(found["verdicts"].values()) == 101
    assert (found["calls"], found["all_calls"], found["notes"]) == ([], None, [])


def test_the_newest_run_is_shown_where_none_is_named(kosmos, real):
    assert from_json(kosmos("workflow", "--json"))["run_id"] == real[0]
    assert from_json(kosmos("workflow", "--run", "previous", "--json"))["run_id"] == real[1]
    _, out, _ = kosmos("workflow")
    assert "no workers" in out
    assert "busy" not in out


def test_what_was_not_measured_is_not_shown(kosmos):
    code, out, _ = kosmos("workflow", "--run", OLD)
    assert code == 0
    assert "34.1 s wall" in out
    assert "H1 flipper_length_mm ~ body_mass_g" in out
    for unknown in ("computing", "busy", "with a test under way", "None", "nan"):
        assert unknown not in out
    assert "with a call under way, and no test" in out  # its calls have begin and length


def test_a_runs_calls_are_summed_by_role(kosmos):
    found = from_json(kosmos("workflow", "--run", OLD, "--json"))
    by_role = {one["name"]: one for one in found["calls"]}
    assert set(by_role) == {"proposer", "designer"}
    assert (by_role["proposer"]["calls"], by_role["proposer"]["input_tokens"]) == (12, 12_000)
    assert found["all_calls"]["cost_usd"] == pytest.approx(0.24)
    _, out, _ = kosmos("workflow", "--run", OLD)
    assert "Calls of language models" in out
    assert "14 calls · 1 failed · 1 from the cache · 3 retries" in out


def test_two_runs_are_compared_by_the_statements_of_their_hypotheses(kosmos, real):
    words = ("workflow", "--run", real[1], "--compare", real[2])
    found = from_json(kosmos(*words, "--json"))
    assert (found["profile"]["run_id"], found["compare"]["run_id"]) == (real[1], real[2])
    changes = found["changes"]["hypotheses"]
    assert all("body_mass_g" in one["statement"] for one in changes)
    assert len(changes) + found["changes"]["only_before"] == 101
    assert len(changes) + found["changes"]["only_after"] == 74
    slower = [one["after_s"] - one["before_s"] for one in changes]
    assert slower == sorted(slower, reverse=True)
    _, out, _ = kosmos(*words, "--top", "2")
    assert max(map(len, out.splitlines())) <= 80
    compared = out[out.index("Compared with run ") :]
    for said in ("wall", "before the first test", f"Hypotheses (2 of {len(changes)}, by what got slower)"):
        assert said in compared
    assert "tested before only." in compared
    assert "One run each" in compared


def test_runs_are_found_by_id_its_begin_and_its_short_form(inside, home, real):
    for reference in (OLD, OLD[:-3], f"{OLD[:8]}…{OLD[-4:]}", OLD.upper()):
        assert from_json(inside("workflow", "--run", reference, "--json"))["run_id"] == OLD
    with History(home) as history:
        assert (history.find_run("last"), history.find_run("previous")) == (real[0], real[1])
        with pytest.raises(
            HistoryError, match="Several research runs have an id that begins with '0193a41d'"
        ):
            history.find_run("0193a41d")


def test_calls_are_read_as_a_frame_by_run_and_role(home):
    with History(home) as history:
        frame = history.llm_calls()
        assert len(frame) == 17
        assert frame.started_at.is_monotonic_increasing
        assert frame.is_cached.dtype == bool
        assert len(history.llm_calls(run=OLD, role="designer")) == 2
        assert len(history.llm_calls(role="chat")) == 1
        assert history.llm_calls(role="nobody").empty


def test_the_calls_in_a_role_are_shown_with_the_slowest_first(kosmos):
    code, out, error = kosmos("agent", "--role", "proposer", "--run", OLD, "--top", "3")
    assert (code, error) == (0, "")
    assert max(map(len, out.splitlines())) <= 80
    for said in (
        "Role proposer in run 0193a41d…d1ce", "12 calls", "$0.24", "median 600 ms, p90 1.1 s, longest 1.2 s",
        "waiting for their turn 120 ms", "2025-10-09 08:53", "answers ended by: end_turn 12", "Models",
        "Calls (3 of 12, by time)",
    ):  # fmt: skip
        assert said in out
    times = [line.split()[-4:-2] for line in out[out.index("Calls (3") :].splitlines() if "…" in line]
    assert times == [["1.2", "s"], ["1.1", "s"], ["1", "s"]]
    _, out, _ = kosmos("agent", "--role", "designer", columns=140)
    assert "errors: RateLimitedError 1" in out
    assert "✗ RateLimitedError sent 4× claude-opus-4-5" in out
    assert "cached claude-opus-4-5" in out


def test_the_json_of_a_role_has_every_call(kosmos):
    found = from_json(kosmos("agent", "--role", "proposer", "--json", "--top", "1"))
    assert (found["role"], found["run_id"]) == ("proposer", None)
    assert found["total"]["calls"] == len(found["calls"]) == 14
    assert {one["name"]: one["calls"] for one in found["models"]} == {
        "claude-opus-4-5": 13,
        "claude-haiku-4-5": 1,
    }
    assert found["calls"][0]["wall_s"] == pytest.approx(1.2)
    assert found["calls"][0]["started_at_us"] == STARTED_US + 1_100_000


def test_a_role_is_compared_with_that_of_another_run(kosmos, real):
    words = ("agent", "--role", "proposer", "--run", OLD, "--compare", real[1])
    found = from_json(kosmos(*words, "--json"))
    assert (found["profile"]["total"]["calls"], found["compare"]["total"]["calls"]) == (12, 1)
    _, out, _ = kosmos(*words)
    row = next(line.split(" ") for line in out.splitlines() if line.startswith(" tokens in "))
    assert [cell for cell in row if cell][-3:] == ["1\u202f000", "12\u202f000", "+11\u202f000"]
    assert "Other models: claude-haiku-4-5 before, claude-opus-4-5 after." in out


def test_a_call_that_measured_nothing_shows_nothing(inside, tmp_path):
    unknown = {"wall_s": math.nan, "waited_s": math.nan, "cost_usd": math.nan}
    with History(tmp_path / "home") as history:
        history.save(call(0, "proposer", None, **unknown))
    code, out, _ = inside("agent", "--role", "proposer", folder=tmp_path / "home")
    assert code == 0
    assert not [word for word in ("nan", "None", "$", "median", "waiting") if word in out]
    _, out, _ = inside("agent", "--role", "proposer", "--json", folder=tmp_path / "home")
    found = json.loads(out)
    assert [found["calls"][0][name] for name in unknown] == [None] * 3
    assert [found["total"][name] for name in unknown] == [None] * 3


def test_roles_are_listed_with_their_totals_of_all_or_of_a_run(kosmos):
    listed = from_json(kosmos("agent", "--json"))
    assert {one["name"]: one["calls"] for one in listed["roles"]} == {
        "proposer": 14,
        "designer": 2,
        "chat": 1,
    }
    listed = from_json(kosmos("agent", "--run", OLD, "--json"))
    assert (listed["run_id"], [one["name"] for one in listed["roles"]]) == (OLD, ["proposer", "designer"])
    _, out, _ = kosmos("agent")
    assert max(map(len, out.splitlines())) <= 80
    assert "17 calls · 1 failed · 1 from the cache · 3 retries" in out


def test_calls_of_a_run_that_was_killed_are_found(kosmos):
    assert from_json(kosmos("agent", "--role", "proposer", "--run", KILLED, "--json"))["total"]["calls"] == 1


@pytest.mark.parametrize("words", [("workflow",), ("agent",), ("agent", "--role", "proposer")])
def test_a_file_holds_what_json_writes_and_is_not_overwritten(inside, tmp_path, words):
    code, out, _ = inside(*words, "--output", "found.json")
    assert code == 0
    assert out.endswith("Written to found.json\n")
    assert (tmp_path / "found.json").read_text() == inside(*words, "--json")[1]
    code, out, error = inside(*words, "--output", "found.json")
    assert (code, out) == (1, "")
    assert error == "kosmos: found.json is there already; --overwrite replaces it.\n"
    assert inside(*words, "--output", "found.json", "--overwrite")[0] == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("workflow", "--run", "nothere"), "no research run with the id 'nothere'"),
        (("workflow", "--run", ""), "no research run with the id ''"),
        (("workflow", "--run", "ffff"), "no research run with the id 'ffff'"),
        (("workflow", "--run", KILLED), "no run with the id"),
        (("workflow", "--compare", "last"), "are the same run"),
        (("workflow", "-o", "run.html"), "'run.html' does not end in .json"),
        (("workflow", "-o", "/proc/run.json"), "/proc/run.json cannot be written"),
        (("workflow", "-o", "."), "does not end in .json"),
        (("agent", "--role", "nobody"), "role 'nobody'. It has: 'chat', 'designer', 'proposer'."),
        (("agent", "--role", "chat", "--run", OLD), f"run {OLD} has no calls"),
        (("agent", "--role", "chat", "--run", "last"), "It has none in any role."),
        (("agent", "--run", "last"), "has no calls of a language model."),
        (("agent", "--role", "proposer", "--compare", OLD), "name the first one with --run"),
        (("agent", "--role", "proposer", "--run", OLD, "--compare", OLD), "are the same run"),
        (("agent", "--compare", OLD), "name it with --role"),
    ],
)
def test_bad_input_is_one_line_and_an_exit_code(inside, words, said):
    code, out, error = inside(*words)
    assert (code, out) == (1, "")
    assert error.startswith("kosmos: ")
    assert error.count("\n") == 1
    assert said in error


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("workflow",), "no research run yet"),
        (("agent",), "The history has no calls of a language model."),
        (("agent", "--role", "x"), "It has none in any role."),
        (("agent", "--run", "last"), "no research run yet"),
    ],
)
def test_an_empty_history_says_so(inside, tmp_path, words, said):
    code, out, error = inside(*words, folder=tmp_path / "empty")
    assert (code, out) == (1, "")
    assert error.count("\n") == 1
    assert said in error


@pytest.mark.parametrize("target", ["workflow", "agent"])
def test_help_has_examples_and_the_json_and_no_mode(inside, target):
    code, out, _ = inside(target, "--help")
    assert code == 0
    assert f"kosmos profile {target}" in out
    assert "wall_s" in out
    assert "--mode" not in out
    assert inside(target, "--mode", "full")[0] == 2
