"""The line of a sample is one that a reader would name: of the loop, of the `def`."""

import dis
import linecache
import textwrap
from collections.abc import Iterator
from types import CodeType

import pytest

from kosmos_nb.profiling import ExecutionProfiler
from kosmos_nb.profiling.analysis.frames import CellPlace, FrameResolver
from kosmos_nb.profiling.sampling.walk import line_at

LOOP = """\
n = 0
for i in range({count}):
    n += i
    if i % 1000 == 7:
        n -= 1
"""
NESTED = """\
def f(rows):
    for row in rows:
        for at in row:
            if at:
                g(at)
        if row:
            g(row)
    while rows:
        if rows.pop():
            g(rows)
"""
AWAITS = """\
async def f(rows):
    async for row in rows:
        if row:
            await g(row)
"""
DECORATED = """\
class Box:
    @property
    def size(self):
        return 1

    @made(
        "with arguments",
    )
    @again
    async def open(
        self,
    ):
        return 2

    def plain(self): return 3
"""


def codes(source: str) -> Iterator[CodeType]:
    found = [compile(source, "<lines>", "exec")]
    while found:
        code = found.pop()
        yield code
        found += [at for at in code.co_consts if isinstance(at, CodeType)]


def named(source: str, name: str) -> CodeType:
    return next(code for code in codes(source) if code.co_name == name)


def line_of_call(name: str) -> int | None:
    (frame,) = FrameResolver(CellPlace("<lines>", "In[1]")).frames([(named(DECORATED, name), 0)])
    return frame.cell_line


@pytest.fixture
def _in_linecache():
    linecache.cache["<lines>"] = (len(DECORATED), None, DECORATED.splitlines(keepends=True), "<lines>")
    yield
    del linecache.cache["<lines>"]


@pytest.mark.parametrize(
    ("source", "name", "heads"),
    [(LOOP.format(count=9), "<module>", {2}), (NESTED, "f", {2, 3, 8}), (AWAITS, "f", {2})],
)
def test_a_jump_back_is_on_a_line_of_its_loop(source, name, heads):
    code = named(source, name)
    jumps = [at for at in dis.get_instructions(code) if "BACKWARD" in at.opname]
    assert jumps
    for jump in jumps:
        given = next(line for start, end, line in code.co_lines() if start <= jump.offset < end)
        line = line_at(code, jump.offset)
        if given is None and jump.opname == "JUMP_BACKWARD" and line_at(code, jump.argval) in heads:
            assert line == line_at(code, jump.argval)
        assert line == given or line > code.co_firstlineno, jump


def test_a_jump_over_a_long_body_finds_its_loop_too():
    source = "def f():\n    k = 1\n    for i in k:\n" + "        g(i)\n" * 400 + "        if i: g(i)\n"
    code = named(source, "f")
    last = [at.offset for at in dis.get_instructions(code) if at.opname == "JUMP_BACKWARD"][-1]
    assert line_at(code, last) in {3, 404}


def test_every_position_has_a_line_of_its_code():
    for source in (LOOP.format(count=9), NESTED, AWAITS, DECORATED):
        for code in codes(source):
            lines = {line for *_, line in code.co_lines() if line} | {code.co_firstlineno}
            assert {line_at(code, at) for at in range(0, len(code.co_code), 2)} <= lines


@pytest.mark.usefixtures("_in_linecache")
@pytest.mark.parametrize(("name", "line"), [("size", 3), ("open", 10), ("plain", 15), ("Box", 1)])
def test_what_a_call_itself_takes_is_shown_at_the_def_not_at_its_decorator(name, line):
    assert line_of_call(name) == line


def test_without_its_source_a_decorated_function_begins_at_its_first_line():
    assert line_of_call("size") == 2


@pytest.mark.parametrize("source", [LOOP, "def f():\n" + textwrap.indent(LOOP, "    ") + "f()\n"])
def test_a_loop_that_ends_in_an_if_has_its_time_in_its_lines(source):
    profile = ExecutionProfiler().profile_experiment("loop", source.format(count=3_000_000), {})
    first = source.splitlines().index(next(at for at in source.splitlines() if "for" in at)) + 1
    own_s = {line.line: line.self_s for line in profile.line_stats}
    in_loop_s = sum(own_s.get(line, 0.0) for line in range(first, first + 4))
    assert in_loop_s > 0.8 * sum(own_s.values())
