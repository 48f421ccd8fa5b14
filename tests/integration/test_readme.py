"""What the README shows is what one gets."""

import re
from pathlib import Path

import pytest

from tests.kernel import running_kernel

README = Path(__file__).parents[2] / "README.md"
BLOCKS = re.findall(r"```(python|sh|)\n(.*?)```", README.read_text(encoding="utf-8"), re.S)
EXAMPLES = [
    (code, BLOCKS[index + 1][1]) for index, (language, code) in enumerate(BLOCKS) if language == "python"
]


@pytest.fixture(scope="module")
def replies():
    with running_kernel() as kernel:
        yield [kernel.run(code) for code, _ in EXAMPLES]


def said(text):
    """The words of a text without its numbers, spaces, and what depends on the machine."""
    return re.findall(r"[^\W\d_]{3,}", text)


def test_the_readme_has_two_examples_with_output():
    assert len(EXAMPLES) == 2
    assert all(output.strip() for _, output in EXAMPLES)


def test_the_verdicts_in_the_readme_are_those_of_the_code(replies):
    shown = replies[0].result["text/plain"]
    assert [line.rstrip() for line in shown.splitlines()] == [
        line.rstrip() for line in EXAMPLES[0][1].splitlines()
    ]


def test_the_profile_in_the_readme_has_the_form_of_the_real_one(replies):
    real, shown = replies[1].data[-1]["text/plain"], EXAMPLES[1][1]
    head = "Profile of cell"
    assert real.startswith(head)
    assert shown.startswith(head)
    columns = re.search(r"^line .*$", real, re.M)
    assert columns
    assert columns.group().split() == re.search(r"^line .*$", shown, re.M).group().split()
    for source in ("pairs = [(first, second)", "ordered = sorted(pairs, key=sum)"):
        assert source in real
        assert source in shown
    assert "profiler" in said(real)[-20:]
    assert "profiler" in said(shown)[-20:]


def test_the_commands_that_the_readme_names_exist():
    makefile = (README.parent / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"make ([a-z-]+)", README.read_text(encoding="utf-8")):
        if target not in ("and",):
            assert re.search(rf"^{target}:", makefile, re.M), target
