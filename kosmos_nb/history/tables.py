"""The history's tables as SQLAlchemy models: what Alembic compares, and what a server will get.

A save does not go through them: importing SQLAlchemy would cost each kernel a hundred times
what the save does (see `store.py`). A test keeps models, migrations and rows equal. Each
column's comment is its meaning, as `History.tables()` shows it; units are in the names.
Stamps are UTC microseconds since 1970.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Text,
)
from sqlalchemy import text as sql
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """What the tables share."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def text(meaning: str, **options: Any) -> Mapped[str]:
    """Declare a text that is always there."""
    return mapped_column(Text, comment=meaning, nullable=False, **options)


def maybe_text(meaning: str) -> Mapped[str | None]:
    """Declare a text, or NULL."""
    return mapped_column(Text, comment=meaning)


def whole(meaning: str, **options: Any) -> Mapped[int]:
    """Declare a 64-bit number that is always there."""
    return mapped_column(BigInteger, comment=meaning, nullable=False, **options)


def maybe_whole(meaning: str) -> Mapped[int | None]:
    """Declare a 64-bit number, or NULL."""
    return mapped_column(BigInteger, comment=meaning)


def flag(meaning: str) -> Mapped[bool]:
    """Declare true or false."""
    return mapped_column(Boolean, comment=meaning, nullable=False)


def number(meaning: str) -> Mapped[float | None]:
    """Declare a double; NULL where there is none, or where it is not a number."""
    return mapped_column(Float, comment=meaning)


def since(meaning: str, kind: type, default: str, *, nullable: bool = False) -> Mapped[Any]:
    """Declare a column that a later migration added, with what older rows say there."""
    return mapped_column(kind, comment=meaning, nullable=nullable, server_default=sql(default))


def items(meaning: str) -> Mapped[list[str]]:
    """Declare a JSON list of texts; in SQL queries, joined with `;`."""
    return mapped_column(JSON, comment=meaning, nullable=False)


def sequence() -> Mapped[int]:
    """Declare the number in order of commit, in this store; never used again."""
    return mapped_column(Integer, primary_key=True, autoincrement=True, comment="Order of saving, this store")


def record_id(meaning: str) -> Mapped[str]:
    """Declare the UUIDv7 that names the record everywhere."""
    return mapped_column(Text, unique=True, nullable=False, comment=meaning)


def owner(column: str) -> Mapped[str]:
    """Declare which record the row belongs to; it goes when the record goes."""
    return mapped_column(
        Text, ForeignKey(column, ondelete="CASCADE"), primary_key=True, comment=f"The row of {column}"
    )


def position(meaning: str) -> Mapped[int]:
    """Declare the place within the record, from 0."""
    return mapped_column(Integer, primary_key=True, autoincrement=False, comment=meaning)


class Meta(Base):
    """What is true of the store as a whole."""

    __tablename__ = "meta"
    key: Mapped[str] = mapped_column(Text, primary_key=True, comment="`origin`: the store's own UUIDv7")
    content: Mapped[str] = text("Its value")


class Execution(Base):
    """One profiled cell, expression, function or run."""

    __tablename__ = "executions"
    __table_args__ = (
        Index(None, "started_at_us"),
        Index(None, "notebook", "started_at_us"),
        # Within one cell or code the order is that of saving, which no clock can turn back.
        Index(None, "cell_id", "seq"),
        Index(None, "cell_key", "seq"),
        Index(None, "code_hash", "seq"),
        {"sqlite_autoincrement": True, "comment": "Profiles: one row a profiled cell or expression"},
    )
    seq: Mapped[int] = sequence()
    id: Mapped[str] = record_id("Id of the profile (UUIDv7)")
    origin: Mapped[str] = text("Store that recorded it")
    record_version: Mapped[int] = whole("Shape of the record")
    kind: Mapped[str] = text("cell, expression, function, block or run")
    mode: Mapped[str] = text("Profiling mode: light, standard or full")
    status: Mapped[str] = text("ok, failed or interrupted")
    started_at_us: Mapped[int] = whole("Begin (UTC)")
    wall_s: Mapped[float | None] = number("Elapsed time")
    cpu_s: Mapped[float | None] = number("CPU time of the process, all threads")
    user_s: Mapped[float | None] = number("CPU time in user mode")
    system_s: Mapped[float | None] = number("CPU time in the kernel of the system")
    main_thread_cpu_s: Mapped[float | None] = number("CPU time of the thread that ran the cell")
    rss_start_bytes: Mapped[int] = whole("Resident memory before")
    rss_end_bytes: Mapped[int] = whole("Resident memory after")
    peak_bytes: Mapped[int] = whole("Highest resident memory of the process while the cell ran")
    peak_method: Mapped[str] = text("How the peak was found: VmHWM (exact) or polled")
    minor_faults: Mapped[int] = whole("Page faults served from memory")
    major_faults: Mapped[int] = whole("Page faults served from disk")
    voluntary_switches: Mapped[int] = whole("Context switches by waiting")
    involuntary_switches: Mapped[int] = whole("Context switches by being displaced")
    read_bytes: Mapped[int | None] = maybe_whole("Read by the process's calls; NULL where unknown")
    written_bytes: Mapped[int | None] = maybe_whole("Written by the process's calls; NULL where unknown")
    gc_runs: Mapped[int] = whole("Garbage collections")
    gc_s: Mapped[float | None] = number("Time in garbage collection")
    overhead_s: Mapped[float | None] = number("What the profiler itself took, measured")
    samples: Mapped[int] = whole("Stack samples taken")
    interval_s: Mapped[float | None] = number("Mean distance of the samples")
    exception_type: Mapped[str | None] = maybe_text("Exception that ended the cell")
    code_hash: Mapped[str] = text("Hash of the normalised source")
    label: Mapped[str | None] = maybe_text("Label given with --label")
    experiment_id: Mapped[str | None] = maybe_text("Experiment given with --experiment")
    notebook: Mapped[str | None] = maybe_text("Path of the notebook, where known")
    cell_id: Mapped[str | None] = maybe_text("Jupyter's id of the cell, where there is one")
    execution_count: Mapped[int | None] = maybe_whole("The number in In [ ]")
    kernel_id: Mapped[str] = text("Kernel that ran it")
    host: Mapped[str] = text("Machine that ran it")
    python: Mapped[str] = text("Version of Python")
    threshold_pct: Mapped[float | None] = number("A share above this is a bottleneck")
    notes: Mapped[list[str]] = items("What could not be measured, and why")
    children_cpu_s: Mapped[float | None] = since(
        "CPU time of all child processes", Float, "0.0", nullable=True
    )
    traces: Mapped[list[str]] = since("Opt-ins that were on: calls, memory", JSON, "'[]'")
    heap_peak_bytes: Mapped[int | None] = maybe_whole(
        "High-water mark of what the cell allocated; NULL unless traced"
    )

    is_warm: Mapped[bool | None] = mapped_column(
        Boolean, comment="Whether the kernel had profiled the same code before; NULL where not known"
    )
    input_cells: Mapped[int] = since("Rows times columns of the data that the cell reads", BigInteger, "0")
    cell_key: Mapped[str | None] = maybe_text("The cell, across edits and renames of its notebook")
    source_hash: Mapped[str | None] = maybe_text("The row of codes; NULL where the source was not kept")
    environment_hash: Mapped[str | None] = maybe_text("The row of environments; NULL where not known")
    checksum: Mapped[str | None] = maybe_text("SHA-256 of the whole record, see history/checksum.py")


class Code(Base):
    """One source text, kept once however often it ran."""

    __tablename__ = "codes"
    __table_args__ = ({"sqlite_autoincrement": True, "comment": "Sources of the profiled cells, each once"},)
    seq: Mapped[int] = sequence()
    hash: Mapped[str] = record_id("SHA-256 of the text")
    code: Mapped[str] = text("Source as typed, secrets masked")


class EnvironmentRow(Base):
    """One machine with its Python and packages, kept once."""

    __tablename__ = "environments"
    __table_args__ = ({"sqlite_autoincrement": True, "comment": "Machines, their Python and packages"},)
    seq: Mapped[int] = sequence()
    hash: Mapped[str] = record_id("SHA-256 of what follows")
    host: Mapped[str] = text("Machine")
    host_class: Mapped[str] = text("Its kind: processor, cores, memory; times compare within one")
    system: Mapped[str] = text("Its operating system")
    python: Mapped[str] = text("Version of Python")
    packages: Mapped[list[str]] = items("Installed packages, each as name and version")


class FunctionRow(Base):
    """Time of one function in a profile."""

    __tablename__ = "function_stats"
    __table_args__ = ({"sqlite_with_rowid": False, "comment": "Functions of the profiles, by sampling"},)
    execution_id: Mapped[str] = owner("executions.id")
    position: Mapped[int] = position("Order by self time, from 0")
    name: Mapped[str] = text("Qualified name; <module> for the cell's top level")
    file: Mapped[str] = text("Source file, or the cell's compile name")
    line: Mapped[int] = whole("First line of the function")
    self_s: Mapped[float | None] = number("Wall time in it alone")
    total_s: Mapped[float | None] = number("Wall time in it and what it called")
    self_cpu_s: Mapped[float | None] = number("CPU time in it alone")
    total_cpu_s: Mapped[float | None] = number("CPU time in it and what it called")
    samples: Mapped[int] = whole("Samples whose innermost frame it was")
    calls: Mapped[int | None] = maybe_whole("Exact number of calls; NULL unless counted")
    calls_capped: Mapped[bool] = since(
        "The count stopped at its limit: that many calls or more", Boolean, "0"
    )
    self_error_s: Mapped[float | None] = since(
        "Half width of the 95 % interval of self_s", Float, "0.0", nullable=True
    )
    self_lock_s: Mapped[float | None] = since(
        "Of self_s, waiting for a lock or the GIL", Float, "0.0", nullable=True
    )
    self_await_s: Mapped[float | None] = since(
        "Of self_s, awaiting while the event loop was idle", Float, "0.0", nullable=True
    )
    threads: Mapped[int] = since("Threads in which it was seen", BigInteger, "1")


class LineRow(Base):
    """Time of one line of a cell."""

    __tablename__ = "line_stats"
    __table_args__ = ({"sqlite_with_rowid": False, "comment": "Lines of the profiled cells"},)
    execution_id: Mapped[str] = owner("executions.id")
    position: Mapped[int] = position("Order, from 0")
    line: Mapped[int] = whole("Line of the cell, from 1")
    source: Mapped[str] = text("The line's text")
    wall_s: Mapped[float | None] = number("Wall time while the line was being executed")
    cpu_s: Mapped[float | None] = number("CPU time meanwhile")
    samples: Mapped[int] = whole("Samples taken meanwhile")
    memory_growth_mb: Mapped[float | None] = number("Growth of resident memory; NULL unless measured")
    self_s: Mapped[float | None] = since(
        "Wall time while it was the innermost line of the cell", Float, "0.0", nullable=True
    )
    error_s: Mapped[float | None] = since(
        "Half width of the 95 % interval of wall_s", Float, "0.0", nullable=True
    )
    lock_s: Mapped[float | None] = since(
        "Of wall_s, waiting for a lock or the GIL", Float, "0.0", nullable=True
    )
    await_s: Mapped[float | None] = since("Of wall_s, awaiting", Float, "0.0", nullable=True)


class BottleneckRow(Base):
    """A function or line that took a large share of a cell's time."""

    __tablename__ = "bottlenecks"
    __table_args__ = ({"sqlite_with_rowid": False, "comment": "Functions and lines above the threshold"},)
    execution_id: Mapped[str] = owner("executions.id")
    position: Mapped[int] = position("Order by share, from 0")
    kind: Mapped[str] = text("function or line")
    name: Mapped[str] = text("Function's qualified name, or the line's text")
    file: Mapped[str] = text("Where it is")
    line: Mapped[int] = whole("Where it is")
    share: Mapped[float | None] = number("Share of the cell's time, 0 to 1")
    wall_s: Mapped[float | None] = number("Wall time")
    cpu_s: Mapped[float | None] = number("CPU time")
    severity: Mapped[str] = text("critical > 30 %, high > 15 %, medium > 5 %, low below")
    reading: Mapped[str] = text("One sentence in plain words")
    share_error: Mapped[float | None] = since(
        "Half width of the 95 % interval of share", Float, "0.0", nullable=True
    )


class ChildRow(Base):
    """A process that a profiled cell started, or that worked for it."""

    __tablename__ = "child_processes"
    __table_args__ = ({"sqlite_with_rowid": False, "comment": "Child processes of the profiled cells"},)
    execution_id: Mapped[str] = owner("executions.id")
    position: Mapped[int] = position("Order by CPU time, from 0")
    pid: Mapped[int] = whole("Number of the process")
    name: Mapped[str] = text("The program, without its arguments")
    cpu_s: Mapped[float | None] = number("CPU time while the cell ran, as last seen")
    peak_bytes: Mapped[int | None] = maybe_whole("Highest resident memory; NULL where unknown")
    wall_s: Mapped[float | None] = number("From when it was first seen until it was last seen")
    is_running: Mapped[bool] = flag("Whether it still ran when the cell had ended")


class AllocationRow(Base):
    """A line of code that allocated memory, traced exactly."""

    __tablename__ = "allocation_sites"
    __table_args__ = (
        {"sqlite_with_rowid": False, "comment": "Who held memory at the peak, by --trace-memory"},
    )
    execution_id: Mapped[str] = owner("executions.id")
    position: Mapped[int] = position("Order by bytes, from 0")
    name: Mapped[str] = text("Qualified name of the function")
    file: Mapped[str] = text("Where it is")
    line: Mapped[int] = whole("The line that allocated")
    peak_bytes: Mapped[int] = whole("What it held at the high-water mark of the heap")
    peak_blocks: Mapped[int] = whole("In how many blocks")
    cell_line: Mapped[int | None] = maybe_whole("Line of the cell on whose behalf; NULL outside cells")


class InputRow(Base):
    """A table or array that a cell reads."""

    __tablename__ = "inputs"
    __table_args__ = ({"sqlite_with_rowid": False, "comment": "Tables and arrays that the cells read"},)
    execution_id: Mapped[str] = owner("executions.id")
    position: Mapped[int] = position("Order by name, from 0")
    name: Mapped[str] = text("The variable")
    kind: Mapped[str] = text("Its type")
    rows: Mapped[int] = whole("Rows when the cell began")
    columns: Mapped[int] = whole("Columns then; of an array, all dimensions but the first")


class Blob(Base):
    """Bulk of a profile that is only read as a whole."""

    __tablename__ = "blobs"
    __table_args__ = ({"sqlite_with_rowid": False, "comment": "Bulk of the profiles, compressed"},)
    execution_id: Mapped[str] = owner("executions.id")
    part: Mapped[str] = mapped_column(Text, primary_key=True, comment="call_tree or memory_snapshots")
    data: Mapped[bytes] = mapped_column(LargeBinary, nullable=False, comment="JSON by columns, zstd or zlib")


class RunRow(Base):
    """One ended research run."""

    __tablename__ = "runs"
    __table_args__ = (
        Index(None, "started_at_us"),
        {"sqlite_autoincrement": True, "comment": "Research runs: one row a run"},
    )
    seq: Mapped[int] = sequence()
    id: Mapped[str] = record_id("Id of the run (UUIDv7)")
    origin: Mapped[str] = text("Store that recorded it")
    record_version: Mapped[int] = whole("Shape of the record")
    question: Mapped[str] = text("The question as asked")
    target: Mapped[str] = text("Column that the run is about, empty where there is none")
    status: Mapped[str] = text("done, cancelled or failed")
    started_at_us: Mapped[int] = whole("Begin (UTC)")
    data_name: Mapped[str] = text("Variable or file that the data came from")
    data_hash: Mapped[str] = text("SHA-256 over names, types and values of the columns used")
    n_rows: Mapped[int] = whole("Rows of the data as tested")
    n_columns: Mapped[int] = whole("Columns of the data as tested")
    seed: Mapped[int] = whole("Seed of whatever was drawn at random")
    alpha: Mapped[float | None] = number("False discovery rate")
    smallest: Mapped[float | None] = number("Smallest effect of interest, on the rank and V scales")
    workers: Mapped[int] = whole("Worker processes")
    wall_s: Mapped[float | None] = number("Elapsed time")
    cpu_s: Mapped[float | None] = number("CPU time, this process and the workers")
    peak_bytes: Mapped[int] = whole("Highest resident memory of its process, plus the peak of every worker")
    slowest_step: Mapped[str] = text("The longest of the run's own steps")
    slowest_step_s: Mapped[float | None] = number("How long it took")
    notes: Mapped[list[str]] = items("What was left out or changed")
    versions: Mapped[dict[str, str]] = mapped_column(
        JSON, nullable=False, comment="Versions of Python and the libraries, as JSON"
    )
    error: Mapped[str | None] = maybe_text("Why the run failed")
    picture_seq: Mapped[int] = whole("Number of the run's last picture")
    step: Mapped[str] = text("What the run was doing last")
    eta_s: Mapped[float | None] = number("Estimate of the time left, then")
    checksum: Mapped[str | None] = maybe_text("SHA-256 of the whole record, see history/checksum.py")


class HypothesisRow(Base):
    """One hypothesis of a run, and where it stood at the end."""

    __tablename__ = "hypotheses"
    __table_args__ = ({"sqlite_with_rowid": False, "comment": "Hypotheses of the runs"},)
    run_id: Mapped[str] = owner("runs.id")
    position: Mapped[int] = position("Order of registration, from 0")
    hypothesis_id: Mapped[str] = text("H1, H2, … within the run")
    statement: Mapped[str] = text("In words")
    family: Mapped[str] = text("Which kind of test")
    x: Mapped[str] = text("Column; the group for group differences")
    y: Mapped[str] = text("Column")
    given: Mapped[list[str]] = items("Conditioning columns")
    registered_hash: Mapped[str] = text("SHA-256 of the registration, made before the test")
    state: Mapped[str] = text("verdict, failed, dropped, skipped, or where it stopped")
    wall_s: Mapped[float | None] = number("Time of its test")
    effect: Mapped[float | None] = number("Effect as measured")
    ci_low: Mapped[float | None] = number("Lower end of the effect's interval")
    ci_high: Mapped[float | None] = number("Upper end of the effect's interval")
    reason: Mapped[str] = text("Why it ended so")


class ExperimentRow(Base):
    """One test that was carried out."""

    __tablename__ = "experiments"
    __table_args__ = ({"sqlite_with_rowid": False, "comment": "Tests that the runs carried out"},)
    run_id: Mapped[str] = owner("runs.id")
    position: Mapped[int] = position("Order, from 0")
    id: Mapped[str] = text("Id of the experiment; verdicts.evidence names it")
    hypothesis_id: Mapped[str] = text("Hypothesis that it tests")
    status: Mapped[str] = text("ok, failed or interrupted")
    started_at_us: Mapped[int] = whole("Begin (UTC)")
    wall_s: Mapped[float | None] = number("Elapsed time")
    cpu_s: Mapped[float | None] = number("CPU time")
    peak_bytes: Mapped[int] = whole("Highest resident memory of its process")
    worker_pid: Mapped[int | None] = maybe_whole("Process that ran it")
    error: Mapped[str | None] = maybe_text("Why it failed")
    outcome: Mapped[str | None] = maybe_text("What was measured, as JSON")


class VerdictRow(Base):
    """What a run concluded about one hypothesis."""

    __tablename__ = "verdicts"
    __table_args__ = ({"sqlite_with_rowid": False, "comment": "Verdicts of the runs"},)
    run_id: Mapped[str] = owner("runs.id")
    position: Mapped[int] = position("Order of its hypothesis, from 0")
    hypothesis_id: Mapped[str] = text("H1, H2, … within the run")
    statement: Mapped[str] = text("In words")
    family: Mapped[str] = text("Which kind of test")
    x: Mapped[str] = text("Column; the group for group differences")
    y: Mapped[str] = text("Column")
    given: Mapped[str] = text("Conditioning columns, joined with ;")
    verdict: Mapped[str] = text("supported, refuted, inconclusive or not_testable")
    p: Mapped[float | None] = number("p-value")
    p_adj: Mapped[float | None] = number("Corrected p-value, Benjamini-Hochberg")
    effect: Mapped[float | None] = number("Effect on the rank or V scale")
    effect_metric: Mapped[str] = text("Which measure of effect")
    ci_low: Mapped[float | None] = number("Lower end of the effect's interval")
    ci_high: Mapped[float | None] = number("Upper end of the effect's interval")
    sign: Mapped[str] = text("+ or -, empty where the effect has no direction")
    n: Mapped[int] = whole("Rows that the test used")
    caveats: Mapped[list[str]] = items("Codes of what limits the verdict")
    evidence: Mapped[str] = text("Id of the experiment")
    cost_usd: Mapped[float | None] = number("What it cost")
    effect_raw: Mapped[float | None] = number("Effect in the data's own units")
    unit: Mapped[str] = text("Those units")
    detectable: Mapped[float | None] = number("Smallest effect that this n could support or exclude")
    m: Mapped[int] = whole("Tests in its family, for the correction")
    reason: Mapped[str] = text("Why this verdict, in plain words")


class LlmCallRow(Base):
    """One answered or failed call of a language model."""

    __tablename__ = "llm_calls"
    __table_args__ = (
        Index(None, "run_id"),
        {"sqlite_autoincrement": True, "comment": "Calls of language models"},
    )
    seq: Mapped[int] = sequence()
    id: Mapped[str] = record_id("Id of the call (UUIDv7)")
    origin: Mapped[str] = text("Store that recorded it")
    record_version: Mapped[int] = whole("Shape of the record")
    run_id: Mapped[str | None] = maybe_text("Run that it worked for")
    role: Mapped[str] = text("As what it worked: the agent")
    model: Mapped[str] = text("Model that answered")
    status: Mapped[str] = text("ok, failed or interrupted")
    started_at_us: Mapped[int] = whole("Begin (UTC)")
    wall_s: Mapped[float | None] = number("Elapsed time, all attempts")
    waited_s: Mapped[float | None] = number("Of that, waiting for its turn")
    input_tokens: Mapped[int] = whole("Tokens sent")
    output_tokens: Mapped[int] = whole("Tokens received")
    cost_usd: Mapped[float | None] = number("What it cost")
    attempts: Mapped[int] = whole("How often it was sent")
    is_cached: Mapped[bool] = flag("Whether the answer came from the cache")
    stop_reason: Mapped[str | None] = maybe_text("Why the answer ended")
    error_type: Mapped[str | None] = maybe_text("Error that ended it")
    checksum: Mapped[str | None] = maybe_text("SHA-256 of the record, see history/checksum.py")


class AnnotationRow(Base):
    """A label or note that was given to a record later; the newest counts."""

    __tablename__ = "annotations"
    __table_args__ = (
        Index(None, "entity_id", "field"),
        {"sqlite_autoincrement": True, "comment": "Labels and notes given later; the newest counts"},
    )
    seq: Mapped[int] = sequence()
    id: Mapped[str] = record_id("Id of the annotation (UUIDv7)")
    origin: Mapped[str] = text("Store that recorded it")
    entity_id: Mapped[str] = text("Id of the profile or run")
    field: Mapped[str] = text("label or note")
    value: Mapped[str] = text("What was said; empty takes it back")
    at_us: Mapped[int] = whole("When (UTC), later than all before it of the same record")
    author: Mapped[str] = text("User of the system who said it")


class Tombstone(Base):
    """A record that was erased: it must not come back from a spool or a server."""

    __tablename__ = "tombstones"
    __table_args__ = ({"sqlite_autoincrement": True, "comment": "Records that were erased"},)
    seq: Mapped[int] = sequence()
    id: Mapped[str] = record_id("Id of the record")
    origin: Mapped[str] = text("Store in which it was erased")
    at_us: Mapped[int] = whole("When (UTC)")


class SyncState(Base):
    """How far this store has synced with a server."""

    __tablename__ = "sync_state"
    __table_args__ = ({"comment": "How far this store has synced with each server"},)
    remote: Mapped[str] = mapped_column(Text, primary_key=True, comment="The server, without its password")
    epoch: Mapped[str] = mapped_column(Text, primary_key=True, comment="The server's data, remade on restore")
    pushed_seq: Mapped[int] = whole("Records up to this number were sent")
    pulled_xid: Mapped[int] = whole("Transactions before this one were received")
    synced_at_us: Mapped[int] = whole("When (UTC)")
