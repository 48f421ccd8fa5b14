"""Where the time went that passed before a late tick, when Python's own code tells.

A tick is handled at the start of a function or the end of a loop. Neither takes any time: what kept the
tick waiting came before it. An operator that holds the interpreter (`list + list`, large integers) is
seen by nobody else.
"""

import dis
import opcode
from types import CodeType, FrameType

from kosmos_nb.profiling.sampling.walk import FrameTable, StackKey

# Some ten times what a tick takes from the timer to its handler.
LATE_S = 0.0003
_MOST_PLACES = 1000

_MAY_TAKE_LONG = {
    number
    for name, number in opcode.opmap.items()
    if name.startswith(("BINARY_", "UNARY_", "COMPARE_", "CONTAINS_", "FORMAT_", "DELETE_"))
    or name.endswith(("_SUBSCR", "_SLICE", "_EXTEND", "_UPDATE", "_MERGE"))
    or name in ("BUILD_STRING", "LIST_TO_TUPLE", "UNPACK_SEQUENCE")
}
# Python looks for signals there, or goes on elsewhere.
_ENDS_SEARCH = {*opcode.hasjrel, *opcode.hasjabs} | {
    number
    for name, number in opcode.opmap.items()
    if name.startswith(("CALL", "RETURN", "YIELD", "SEND", "RAISE", "RERAISE", "RESUME", "PUSH_EXC"))
}
_CACHE = opcode.opmap["CACHE"]
_START, _LOOP_END = opcode.opmap["RESUME"], opcode.opmap["JUMP_BACKWARD"]


class Checkpoints:
    """Says of stacks that were seen at such places what came before. Keeps the code it was asked of.

    Args:
        table: Numbers for frames.
    """

    def __init__(self, table: FrameTable) -> None:
        self._table = table
        self._known: dict[tuple[int, int], tuple[CodeType, int | None]] = {}

    def before(self, frame: FrameType, key: StackKey) -> StackKey:
        """Return the stack of the operator that came before; `key` where there is none for sure."""
        at = frame.f_code.co_code[frame.f_lasti]
        outer = key[1:]
        if at == _START and frame.f_back is not None:
            frame, outer = frame.f_back, outer[1:]
        elif at != _LOOP_END:
            return key
        position = self._before(frame.f_code, frame.f_lasti)
        return key if position is None else (self._table.number(frame.f_code, position), *outer)

    def _before(self, code: CodeType, position: int) -> int | None:
        known = self._known.get((id(code), position))
        if known is None:
            if len(self._known) >= _MOST_PLACES:
                return None
            known = self._known[id(code), position] = (code, operator_before(code, position))
        return known[1]


def operator_before(code: CodeType, position: int) -> int | None:
    """Return the newest operator that has run for sure before a position, since the last checkpoint."""
    bytecode = code.co_code
    targets = set(dis.findlabels(bytecode))  # type: ignore[arg-type]
    while bytecode[position] == _CACHE:  # a call that has begun stands behind its instruction
        position -= 2
    while position > 0 and position not in targets:
        position -= 2
        if bytecode[position] in _MAY_TAKE_LONG:
            return position
        if bytecode[position] in _ENDS_SEARCH:
            return None
    return None
