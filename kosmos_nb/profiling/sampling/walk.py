"""From live frames to small keys, quickly, and back to code and position after the code has ended.

A frame is a number: one for each line of each function that was seen, however many code objects
and bytecode positions it had. So a stack is a tuple of shared small integers, and code that makes
its functions anew all the time (`eval` in a loop) does not make the table grow.
"""

import ctypes
import inspect
import itertools
import opcode
import sys
from collections import deque
from types import CodeType, FrameType

from kosmos_nb.profiling.sampling.stack import RawStack

FrameNumber = int
StackKey = tuple[FrameNumber, ...]  # innermost first

# Of deeper stacks the middle is left out.
INNERMOST = 150
OUTERMOST = 150
MOST_FRAMES = 8_000  # about 4 MB

# Stands for the frames that were left out.
CUT: CodeType = compile("", "<frames left out>", "exec").replace(
    co_name="[frames left out]", co_qualname="[frames left out]"
)
CUT_NUMBER: FrameNumber = 0
LOOP_RUNNER = "run_until_complete"


class FrameTable:
    """Numbers for frames. Threads may use it at the same time; a frame may then get two numbers.

    Attributes:
        loops: Numbers of what runs an event loop, and of the frames that may hide one.
    """

    def __init__(self) -> None:
        self.loops = {CUT_NUMBER}
        self._numbers: dict[tuple[int, int], FrameNumber] = {}  # by id of a code that is kept
        self._places: dict[tuple[str, str, int, int], FrameNumber] = {}
        self._functions: dict[tuple[str, str, int], FrameNumber] = {}
        self._frames: dict[FrameNumber, tuple[CodeType, int]] = {CUT_NUMBER: (CUT, 0)}
        self._next = itertools.count(CUT_NUMBER + 1)
        self._base: FrameType | None = None
        self._below_base: StackKey | None = None

    def __len__(self) -> int:
        return len(self._frames)

    def key(self, frame: FrameType | None) -> StackKey:
        """Return the stack that ends with `frame`."""
        numbers, base = self._numbers, self._base
        found: list[int] = []
        while frame is not None and len(found) < INNERMOST + OUTERMOST:
            code = frame.f_code
            number = numbers.get((id(code), frame.f_lasti))
            found.append(self._number(code, frame.f_lasti) if number is None else number)
            if frame is base:
                below = self._below_base
                if below is None:
                    below = self._walk_below(frame)
                if len(found) + len(below) <= INNERMOST + OUTERMOST:
                    return (*found, *below)
            frame = frame.f_back
        return tuple(found) if frame is None else self._cut(found, frame)

    def stand_on(self, frame: FrameType | None) -> None:
        """Walk the frames outside of this one, or of the next that is a plain function's, only once.

        Those of a plain function stay as they are until it returns; a coroutine may be resumed by
        others. The frame is kept: stand on None afterwards.
        """
        while frame is not None and frame.f_code.co_flags & _CAN_BE_RESUMED:
            frame = frame.f_back
        self._base, self._below_base = frame, None

    def _walk_below(self, base: FrameType) -> StackKey:
        self._base = None
        below = self._below_base = self.key(base.f_back)
        self._base = base
        return below

    def key_of(self, stack: RawStack) -> StackKey:
        """Return the key of a stack that is known already."""
        return tuple([self._number(code, position) for code, position in reversed(stack)])

    def stack(self, key: StackKey) -> RawStack:
        """Return what a key stands for; of a line that was seen often, one position."""
        return [self._frames[number] for number in reversed(key)]

    def number(self, code: CodeType, position: int) -> FrameNumber:
        """Return the number of a frame."""
        return self._number(code, position)

    def filename(self, number: FrameNumber) -> str:
        """Return the file of a frame's code."""
        return self._frames[number][0].co_filename

    def _cut(self, found: list[int], frame: FrameType) -> StackKey:
        outermost: deque[FrameType] = deque(maxlen=OUTERMOST)
        outer: FrameType | None = frame
        length = len(found)
        while outer is not None:
            outermost.append(outer)
            outer = outer.f_back
            length += 1
        numbers = found + [self._number(at.f_code, at.f_lasti) for at in outermost]
        if length == len(numbers):
            return tuple(numbers)
        return (*numbers[:INNERMOST], CUT_NUMBER, *numbers[-OUTERMOST:])

    def _number(self, code: CodeType, position: int) -> FrameNumber:
        number = self._numbers.get((id(code), position))
        if number is not None:
            return number
        function = (code.co_filename, code.co_qualname, code.co_firstlineno)
        place = (*function, line_at(code, position))
        number = self._places.get(place)
        if number is None:
            if len(self._frames) >= MOST_FRAMES:
                return self._functions.get(function, CUT_NUMBER)
            number = next(self._next)
            self._frames[number] = (code, position)
            self._places[place] = number
            self._functions.setdefault(function, number)
            if code.co_name == LOOP_RUNNER:
                self.loops.add(number)
        # A code object that is let go gives its id away: only those that are kept are known by it.
        if self._frames[number][0] is code and len(self._numbers) < 2 * MOST_FRAMES:
            self._numbers[id(code), position] = number
        return number


def line_at(code: CodeType, position: int) -> int:
    """Return the line of a position in the bytecode.

    Some instructions have none. In Python 3.11 the jump back at the end of a loop is one of them when
    several ways lead to it, as after an `if`: and it is where signals are handled. It counts as its
    loop's head: the line before it may be one that hardly ever runs. What else has no line, as the
    clean-up after an exception, counts as the line before it.
    """
    known: int = _addr2line(code, position)
    if known > 0:
        return known
    before = line = None
    for _, end, line in code.co_lines():  # in order, without gaps
        before = line or before
        if position < end:
            break
    if line is None and position > 0:
        head = _loop_head(code.co_code, position)
        if 0 <= head < position:
            return line_at(code, head)
    return before or code.co_firstlineno


def _loop_head(bytecode: bytes, position: int) -> int:
    """Return where a jump backward leads, -1 where there is none at `position`, in bytes."""
    if sys.version_info >= (3, 12) or bytecode[position] != _JUMP_BACKWARD:
        return -1  # newer Pythons give these jumps a line
    distance, shift, at = bytecode[position + 1], 8, position - 2
    while at >= 0 and bytecode[at] == opcode.EXTENDED_ARG:
        distance |= bytecode[at + 1] << shift
        shift, at = shift + 8, at - 2
    return position + 2 - 2 * distance


_CAN_BE_RESUMED = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
_JUMP_BACKWARD = opcode.opmap["JUMP_BACKWARD"]
# A tenth of the time of going through all lines; -1 for a position that has none.
_addr2line = ctypes.pythonapi.PyCode_Addr2Line
_addr2line.argtypes, _addr2line.restype = (ctypes.py_object, ctypes.c_int), ctypes.c_int
