"""`%kosmos_compare` in a real kernel."""

import pytest

from tests.kernel import running_kernel

CELL = "%%kosmos_profile --quiet --label {label} -o {label}\nbusy({seconds})"


@pytest.fixture(scope="module")
def kernel():
    with running_kernel(load=True) as running:
        running.run(
            "import time\ndef busy(seconds):\n    until = time.perf_counter() + seconds\n"
            "    while time.perf_counter() < until: pass"
        )
        running.run(CELL.format(label="before", seconds=0.1), cell_id="c")
        running.run(CELL.format(label="after", seconds=0.3), cell_id="c")
        yield running


@pytest.mark.parametrize("words", ["", "previous last", "before after", "previous"])
def test_two_profiles_are_compared_by_label_and_word(kernel, words):
    reply = kernel.run(f"%kosmos_compare {words}")
    assert reply.error is None
    text = reply.result["text/plain"]
    assert "“before” → cell" in text
    assert "busy" in text
    assert "slower" in text
    assert "text/html" in reply.result


def test_by_id_and_the_beginning_of_one(kernel):
    before, after = eval(kernel.value("(before.id, after.id[:-2])"))
    reply = kernel.run(f"%kosmos_compare {before} {after}")
    assert reply.error is None
    assert "slower" in reply.result["text/plain"]


def test_the_last_one_is_this_kernels_whatever_others_did_since(kernel):
    with running_kernel(
        {"KOSMOS_HOME": kernel.value("__import__('os').environ['KOSMOS_HOME']").strip("'")}, load=True
    ) as other:
        other.run("%%kosmos_profile --quiet --label elsewhere\nsum(range(100_000))")
        other.value("__import__('kosmos_nb.runtime').runtime.runtime().history.flush(60)")
    for words in ("", "previous last"):
        text = kernel.run(f"%kosmos_compare {words}").result["text/plain"]
        assert "“before” → cell" in text
        assert "elsewhere" not in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("nothere", "no profile with the id or label 'nothere'"),
        ("after last", "same profile"),
        ("a b c", "c"),
    ],
)
def test_bad_input_is_one_line(kernel, words, said):
    reply = kernel.run(f"%kosmos_compare {words}")
    assert said in reply.stderr + (reply.error.evalue if reply.error else "")
    assert (reply.stderr.strip() + (reply.error.evalue if reply.error else "")).count("\n") == 0


def test_help_shows_examples(kernel):
    assert "%kosmos_compare baseline last" in kernel.run("%kosmos_compare --help").stdout
