"""Profiling of compiled code in a shell's namespace, for the line magic and nested cells."""

import contextlib
import sys
from collections.abc import Sequence
from types import CodeType
from typing import Any

from kosmos_nb.history import ProfileResult
from kosmos_nb.profiling import identity
from kosmos_nb.profiling.analysis.frames import CellPlace, Function
from kosmos_nb.profiling.analysis.subject import Subject, above, stack_depth
from kosmos_nb.profiling.cell import CellOptions, OtherCells
from kosmos_nb.profiling.inputs import inputs_of
from kosmos_nb.profiling.modes import new_session
from kosmos_nb.profiling.profiler import outcome
from kosmos_nb.profiling.session import Identity


class CodeProfiler:
    """Runs code objects one after the other under one profile.

    Attributes:
        profile: The profile; also there when the code raised. None while it runs.
    """

    def __init__(self, shell: Any, options: CellOptions) -> None:
        self._shell = shell
        self._options = options
        self.profile: ProfileResult | None = None

    def run(
        self,
        codes: Sequence[CodeType],
        source: str,
        local_ns: dict[str, Any] | None,
        *,
        is_cell: bool = False,
    ) -> ProfileResult:
        """Run the code; the last one's value becomes the profile's.

        Raises:
            BaseException: What the code raised.
        """
        __tracebackhide__ = True  # IPython shows the user's frames
        options = self._options
        session = new_session(
            options.mode,
            threshold_pct=options.threshold_pct,
            trace_calls=options.trace_calls,
            trace_memory=options.trace_memory,
        )
        subject = self._subject(source, stack_depth(sys._getframe()), is_cell)
        owner = self._identity(source)
        globals_ns = self._shell.user_global_ns
        locals_ns = self._shell.user_ns if local_ns is None else local_ns
        value: Any = None
        try:
            try:
                session.start()
                for code in codes:
                    value = eval(code, globals_ns, locals_ns)  # noqa: S307 - the user's own code
            finally:
                session.stop()
        except BaseException as error:
            session.stop()  # an interrupt may have come before the line above
            status, exception_type = outcome(error)
            if session.has_measured:
                with contextlib.suppress(Exception):  # a door: the user's error is what is told
                    self.profile = session.result(
                        subject, owner, status=status, exception_type=exception_type
                    )
            raise
        self.profile = session.result(subject, owner, value=value)
        return self.profile

    def _subject(self, source: str, depth: int, is_cell: bool) -> Subject:
        cells = OtherCells(self._shell)
        if not is_cell:
            root = Function("<expression>", "<expression>", 1)
            return Subject(kind="expression", root=root, first=above(depth), cells=cells)
        shown = f"In[{identity.running_count(self._shell)}]"
        return Subject(
            kind="cell",
            root=Function("<module>", shown, 1),
            first=above(depth),
            cell=CellPlace("", shown),
            source=tuple(source.split("\n")),
            cells=cells,
        )

    def _identity(self, source: str) -> Identity:
        shell = self._shell
        return Identity(
            label=self._options.label,
            experiment_id=self._options.experiment_id,
            notebook=identity.notebook(shell),
            cell_id=identity.cell_id(shell, None),
            execution_count=identity.running_count(shell),
            kernel_id=identity.kernel_id(shell),
            code=source,
            code_hash=identity.code_hash(source),
            inputs=inputs_of(source, shell.user_ns),
        )
