"""A script or a module under a profile, as `python script.py` and `python -m module` would run it.

This is the process of `kosmos profile run`: a fresh Python that has imported the profiler and
nothing else of ours, so that neither memory nor modules of the command line are in the result.
"""

import importlib.machinery
import importlib.util
import io
import json
import os
import sys
import types
from dataclasses import asdict, dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path

from kosmos_nb.core import ConfigError, KosmosError, ProfilingError
from kosmos_nb.core.program import Program, compile_program, end_threads, without_frames_outside
from kosmos_nb.profiling.profiler import ExecutionProfiler

# What the new process runs: without the folder that `-c` puts into the path, where a file of the
# user may have the name of one of Python's modules. `root` is where this package was found.
BOOTSTRAP = (
    "import sys; sys.flags.safe_path or sys.path.pop(0); sys.path.append(sys.argv[1]); "
    "from kosmos_nb.profiling.script import main; sys.path.pop(); main(sys.argv[2])"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptOrder:
    """What is to be run, and how; it travels as JSON.

    Attributes:
        target: A file, or with `is_module` a module's name.
        arguments: What the script finds behind its own name in `sys.argv`.
        result: The file that takes the profile.
        mode, threshold_pct, label, trace_calls, trace_memory: As in `ExecutionProfiler`.
    """

    target: str
    arguments: tuple[str, ...] = ()
    is_module: bool = False
    result: str = ""
    mode: str = "standard"
    threshold_pct: float = 5.0
    label: str | None = None
    trace_calls: bool = False
    trace_memory: bool = False

    def command(self) -> list[str]:
        """Return the command line of the process that carries it out."""
        root = Path(__file__).parents[2]
        return [sys.executable, "-c", BOOTSTRAP, str(root), json.dumps(asdict(self))]


def main(order: str) -> None:
    """Carry out an order and leave as the script did: its exit code, its traceback."""
    wanted = ScriptOrder(**json.loads(order))
    own_pid = os.getpid()
    problem: BaseException | None = None
    profiler = ExecutionProfiler(
        wanted.mode,
        wanted.threshold_pct,
        trace_calls=wanted.trace_calls,
        trace_memory=wanted.trace_memory,
    )
    try:
        program, module = _module(wanted) if wanted.is_module else _script(wanted)
    except (SyntaxError, ConfigError) as error:
        _leave(error, "")
    sys.modules["__main__"] = module
    try:
        profiler.profile_program(program, vars(module), label=wanted.label, then=end_threads)
    except BaseException as error:  # the script's own end, told below as Python tells it
        problem = error
    if os.getpid() == own_pid:  # else a child that the script forked came to the script's end
        _hand_over(profiler, Path(wanted.result), problem)
    if problem is not None:
        _leave(problem, program.filename)


def _script(order: ScriptOrder) -> tuple[Program, types.ModuleType]:
    path = os.path.abspath(order.target)  # noqa: PTH100 - as Python does, without resolving links
    sys.argv[:] = [order.target, *order.arguments]
    if not sys.flags.safe_path:
        sys.path.insert(0, os.path.dirname(os.path.realpath(path)))  # noqa: PTH120 - as Python does
    with io.open_code(path) as file:
        program = _compiled(file.read(), path)
    loader = importlib.machinery.SourceFileLoader("__main__", path)
    return program, _main_module(path, None, None, loader)


def _module(order: ScriptOrder) -> tuple[Program, types.ModuleType]:
    if not sys.flags.safe_path:
        sys.path.insert(0, os.getcwd())  # noqa: PTH109 - as Python does
    sys.argv[:] = ["-m", *order.arguments]
    spec = _spec(order.target)
    source = spec.loader.get_source(spec.name) if isinstance(spec.loader, _HasSource) else None
    if spec.origin is None or source is None:
        raise ConfigError(f"The module {order.target} has no Python source to profile.")
    sys.argv[0] = spec.origin
    program = compile_program(source, spec.origin)
    return program, _main_module(spec.origin, spec, spec.parent, spec.loader)


_HasSource = importlib.machinery.SourceFileLoader


def _spec(name: str) -> ModuleSpec:
    try:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.submodule_search_locations is not None:
            spec = importlib.util.find_spec(f"{name}.__main__")
    except (ImportError, ValueError) as error:
        raise ConfigError(f"The module {name} cannot be found: {error}.") from error
    if spec is None:
        raise ConfigError(f"There is no module {name} that can be run.")
    return spec


def _main_module(path: str, spec: ModuleSpec | None, package: str | None, loader: object) -> types.ModuleType:
    main = types.ModuleType("__main__")
    builtins = sys.modules["builtins"]
    vars(main).update(
        __file__=path,
        __spec__=spec,
        __package__=package,
        __loader__=loader,
        __cached__=None,
        __builtins__=builtins,
        __annotations__={},
    )
    return main


def _compiled(source: bytes, path: str) -> Program:
    try:
        text = importlib.util.decode_source(source)
    except (UnicodeDecodeError, SyntaxError) as error:  # not in the encoding that it names, or UTF-8
        raise SyntaxError(f"(unicode error) {error}", (path, 1, 0, "")) from None
    return compile_program(text, path)


def _hand_over(profiler: ExecutionProfiler, file: Path, problem: BaseException | None) -> None:
    """Write the profile; a failure of ours is a line, and the script ends as it did."""
    try:
        profile = profiler.get_result()
    except ProfilingError:
        if isinstance(problem, KosmosError):  # it could not begin, and nothing has run
            print(f"kosmos: {problem}", file=sys.stderr)
            sys.exit(1)
        return
    written = file.with_suffix(".part")
    try:
        written.write_text(profile.to_json(), encoding="utf-8")
        written.rename(file)
    except OSError as error:
        print(f"kosmos: the profile could not be written: {error}", file=sys.stderr)


def _leave(error: BaseException, filename: str) -> None:
    """End as Python would after this error, without the frames above the script's first."""
    if isinstance(error, SystemExit):
        raise error.with_traceback(None) from None
    if isinstance(error, ConfigError):
        print(f"kosmos: {error}", file=sys.stderr)
        sys.exit(1)
    trace = without_frames_outside(error.__traceback__, filename)
    sys.excepthook(type(error), error.with_traceback(trace), trace)
    sys.exit(130 if isinstance(error, KeyboardInterrupt) else 1)
