-- A new history, ready made: what the migrations give, without importing Alembic (0.5 s of CPU
-- beside the user's first cells). A test compares the two; each statement ends in a line `;`.

CREATE TABLE alembic_version (
  version_num VARCHAR(32) NOT NULL,
  CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
)
;

CREATE TABLE meta (
  "key" TEXT NOT NULL,
  content TEXT NOT NULL,
  CONSTRAINT pk_meta PRIMARY KEY ("key")
)
;

CREATE TABLE executions (
  seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL,
  origin TEXT NOT NULL,
  record_version BIGINT NOT NULL,
  kind TEXT NOT NULL,
  mode TEXT NOT NULL,
  status TEXT NOT NULL,
  started_at_us BIGINT NOT NULL,
  wall_s FLOAT,
  cpu_s FLOAT,
  user_s FLOAT,
  system_s FLOAT,
  main_thread_cpu_s FLOAT,
  rss_start_bytes BIGINT NOT NULL,
  rss_end_bytes BIGINT NOT NULL,
  peak_bytes BIGINT NOT NULL,
  peak_method TEXT NOT NULL,
  minor_faults BIGINT NOT NULL,
  major_faults BIGINT NOT NULL,
  voluntary_switches BIGINT NOT NULL,
  involuntary_switches BIGINT NOT NULL,
  read_bytes BIGINT,
  written_bytes BIGINT,
  gc_runs BIGINT NOT NULL,
  gc_s FLOAT,
  overhead_s FLOAT,
  samples BIGINT NOT NULL,
  interval_s FLOAT,
  exception_type TEXT,
  code_hash TEXT NOT NULL,
  label TEXT,
  experiment_id TEXT,
  notebook TEXT,
  cell_id TEXT,
  execution_count BIGINT,
  kernel_id TEXT NOT NULL,
  host TEXT NOT NULL,
  python TEXT NOT NULL,
  threshold_pct FLOAT,
  notes JSON NOT NULL,
  children_cpu_s FLOAT DEFAULT 0.0,
  traces JSON DEFAULT '[]' NOT NULL,
  heap_peak_bytes BIGINT,
  is_warm BOOLEAN,
  input_cells BIGINT DEFAULT 0 NOT NULL,
  cell_key TEXT,
  source_hash TEXT,
  environment_hash TEXT,
  checksum TEXT,
  CONSTRAINT uq_executions_id UNIQUE (id)
)
;

CREATE TABLE function_stats (
  execution_id TEXT NOT NULL,
  position INTEGER NOT NULL,
  name TEXT NOT NULL,
  file TEXT NOT NULL,
  line BIGINT NOT NULL,
  self_s FLOAT,
  total_s FLOAT,
  self_cpu_s FLOAT,
  total_cpu_s FLOAT,
  samples BIGINT NOT NULL,
  calls BIGINT,
  calls_capped BOOLEAN DEFAULT 0 NOT NULL,
  self_error_s FLOAT DEFAULT 0.0,
  self_lock_s FLOAT DEFAULT 0.0,
  self_await_s FLOAT DEFAULT 0.0,
  threads BIGINT DEFAULT 1 NOT NULL,
  CONSTRAINT pk_function_stats PRIMARY KEY (execution_id, position),
  CONSTRAINT fk_function_stats_execution_id_executions FOREIGN KEY(execution_id) REFERENCES executions (id) ON DELETE CASCADE
)
 WITHOUT ROWID
;

CREATE TABLE line_stats (
  execution_id TEXT NOT NULL,
  position INTEGER NOT NULL,
  line BIGINT NOT NULL,
  source TEXT NOT NULL,
  wall_s FLOAT,
  cpu_s FLOAT,
  samples BIGINT NOT NULL,
  memory_growth_mb FLOAT,
  self_s FLOAT DEFAULT 0.0,
  error_s FLOAT DEFAULT 0.0,
  lock_s FLOAT DEFAULT 0.0,
  await_s FLOAT DEFAULT 0.0,
  CONSTRAINT pk_line_stats PRIMARY KEY (execution_id, position),
  CONSTRAINT fk_line_stats_execution_id_executions FOREIGN KEY(execution_id) REFERENCES executions (id) ON DELETE CASCADE
)
 WITHOUT ROWID
;

CREATE TABLE bottlenecks (
  execution_id TEXT NOT NULL,
  position INTEGER NOT NULL,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  file TEXT NOT NULL,
  line BIGINT NOT NULL,
  share FLOAT,
  wall_s FLOAT,
  cpu_s FLOAT,
  severity TEXT NOT NULL,
  reading TEXT NOT NULL,
  share_error FLOAT DEFAULT 0.0,
  CONSTRAINT pk_bottlenecks PRIMARY KEY (execution_id, position),
  CONSTRAINT fk_bottlenecks_execution_id_executions FOREIGN KEY(execution_id) REFERENCES executions (id) ON DELETE CASCADE
)
 WITHOUT ROWID
;

CREATE TABLE blobs (
  execution_id TEXT NOT NULL,
  part TEXT NOT NULL,
  data BLOB NOT NULL,
  CONSTRAINT pk_blobs PRIMARY KEY (execution_id, part),
  CONSTRAINT fk_blobs_execution_id_executions FOREIGN KEY(execution_id) REFERENCES executions (id) ON DELETE CASCADE
)
 WITHOUT ROWID
;

CREATE TABLE runs (
  seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL,
  origin TEXT NOT NULL,
  record_version BIGINT NOT NULL,
  question TEXT NOT NULL,
  target TEXT NOT NULL,
  status TEXT NOT NULL,
  started_at_us BIGINT NOT NULL,
  data_name TEXT NOT NULL,
  data_hash TEXT NOT NULL,
  n_rows BIGINT NOT NULL,
  n_columns BIGINT NOT NULL,
  seed BIGINT NOT NULL,
  alpha FLOAT,
  smallest FLOAT,
  workers BIGINT NOT NULL,
  wall_s FLOAT,
  cpu_s FLOAT,
  peak_bytes BIGINT NOT NULL,
  slowest_step TEXT NOT NULL,
  slowest_step_s FLOAT,
  notes JSON NOT NULL,
  versions JSON NOT NULL,
  error TEXT,
  picture_seq BIGINT NOT NULL,
  step TEXT NOT NULL,
  eta_s FLOAT,
  checksum TEXT,
  CONSTRAINT uq_runs_id UNIQUE (id)
)
;

CREATE TABLE hypotheses (
  run_id TEXT NOT NULL,
  position INTEGER NOT NULL,
  hypothesis_id TEXT NOT NULL,
  statement TEXT NOT NULL,
  family TEXT NOT NULL,
  x TEXT NOT NULL,
  y TEXT NOT NULL,
  given JSON NOT NULL,
  registered_hash TEXT NOT NULL,
  state TEXT NOT NULL,
  wall_s FLOAT,
  effect FLOAT,
  ci_low FLOAT,
  ci_high FLOAT,
  reason TEXT NOT NULL,
  CONSTRAINT pk_hypotheses PRIMARY KEY (run_id, position),
  CONSTRAINT fk_hypotheses_run_id_runs FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
)
 WITHOUT ROWID
;

CREATE TABLE experiments (
  run_id TEXT NOT NULL,
  position INTEGER NOT NULL,
  id TEXT NOT NULL,
  hypothesis_id TEXT NOT NULL,
  status TEXT NOT NULL,
  started_at_us BIGINT NOT NULL,
  wall_s FLOAT,
  cpu_s FLOAT,
  peak_bytes BIGINT NOT NULL,
  worker_pid BIGINT,
  error TEXT,
  outcome TEXT,
  CONSTRAINT pk_experiments PRIMARY KEY (run_id, position),
  CONSTRAINT fk_experiments_run_id_runs FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
)
 WITHOUT ROWID
;

CREATE TABLE verdicts (
  run_id TEXT NOT NULL,
  position INTEGER NOT NULL,
  hypothesis_id TEXT NOT NULL,
  statement TEXT NOT NULL,
  family TEXT NOT NULL,
  x TEXT NOT NULL,
  y TEXT NOT NULL,
  given TEXT NOT NULL,
  verdict TEXT NOT NULL,
  p FLOAT,
  p_adj FLOAT,
  effect FLOAT,
  effect_metric TEXT NOT NULL,
  ci_low FLOAT,
  ci_high FLOAT,
  sign TEXT NOT NULL,
  n BIGINT NOT NULL,
  caveats JSON NOT NULL,
  evidence TEXT NOT NULL,
  cost_usd FLOAT,
  effect_raw FLOAT,
  unit TEXT NOT NULL,
  detectable FLOAT,
  m BIGINT NOT NULL,
  reason TEXT NOT NULL,
  CONSTRAINT pk_verdicts PRIMARY KEY (run_id, position),
  CONSTRAINT fk_verdicts_run_id_runs FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
)
 WITHOUT ROWID
;

CREATE TABLE child_processes (
  execution_id TEXT NOT NULL,
  position INTEGER NOT NULL,
  pid BIGINT NOT NULL,
  name TEXT NOT NULL,
  cpu_s FLOAT,
  peak_bytes BIGINT,
  wall_s FLOAT,
  is_running BOOLEAN NOT NULL,
  CONSTRAINT pk_child_processes PRIMARY KEY (execution_id, position),
  CONSTRAINT fk_child_processes_execution_id_executions FOREIGN KEY(execution_id) REFERENCES executions (id) ON DELETE CASCADE
)
 WITHOUT ROWID
;

CREATE TABLE allocation_sites (
  execution_id TEXT NOT NULL,
  position INTEGER NOT NULL,
  name TEXT NOT NULL,
  file TEXT NOT NULL,
  line BIGINT NOT NULL,
  peak_bytes BIGINT NOT NULL,
  peak_blocks BIGINT NOT NULL,
  cell_line BIGINT,
  CONSTRAINT pk_allocation_sites PRIMARY KEY (execution_id, position),
  CONSTRAINT fk_allocation_sites_execution_id_executions FOREIGN KEY(execution_id) REFERENCES executions (id) ON DELETE CASCADE
)
 WITHOUT ROWID
;

CREATE TABLE inputs (
  execution_id TEXT NOT NULL,
  position INTEGER NOT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  rows BIGINT NOT NULL,
  columns BIGINT NOT NULL,
  CONSTRAINT pk_inputs PRIMARY KEY (execution_id, position),
  CONSTRAINT fk_inputs_execution_id_executions FOREIGN KEY(execution_id) REFERENCES executions (id) ON DELETE CASCADE
)
 WITHOUT ROWID
;

CREATE TABLE codes (
  seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  hash TEXT NOT NULL,
  code TEXT NOT NULL,
  CONSTRAINT uq_codes_hash UNIQUE (hash)
)
;

CREATE TABLE environments (
  seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  hash TEXT NOT NULL,
  host TEXT NOT NULL,
  host_class TEXT NOT NULL,
  system TEXT NOT NULL,
  python TEXT NOT NULL,
  packages JSON NOT NULL,
  CONSTRAINT uq_environments_hash UNIQUE (hash)
)
;

CREATE TABLE llm_calls (
  seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL,
  origin TEXT NOT NULL,
  record_version BIGINT NOT NULL,
  run_id TEXT,
  role TEXT NOT NULL,
  model TEXT NOT NULL,
  status TEXT NOT NULL,
  started_at_us BIGINT NOT NULL,
  wall_s FLOAT,
  waited_s FLOAT,
  input_tokens BIGINT NOT NULL,
  output_tokens BIGINT NOT NULL,
  cost_usd FLOAT,
  attempts BIGINT NOT NULL,
  is_cached BOOLEAN NOT NULL,
  stop_reason TEXT,
  error_type TEXT,
  checksum TEXT,
  CONSTRAINT uq_llm_calls_id UNIQUE (id)
)
;

CREATE TABLE annotations (
  seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL,
  origin TEXT NOT NULL,
  entity_id TEXT NOT NULL,
  field TEXT NOT NULL,
  value TEXT NOT NULL,
  at_us BIGINT NOT NULL,
  author TEXT NOT NULL,
  CONSTRAINT uq_annotations_id UNIQUE (id)
)
;

CREATE TABLE tombstones (
  seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL,
  origin TEXT NOT NULL,
  at_us BIGINT NOT NULL,
  CONSTRAINT uq_tombstones_id UNIQUE (id)
)
;

CREATE TABLE sync_state (
  remote TEXT NOT NULL,
  epoch TEXT NOT NULL,
  pushed_seq BIGINT NOT NULL,
  pulled_xid BIGINT NOT NULL,
  synced_at_us BIGINT NOT NULL,
  CONSTRAINT pk_sync_state PRIMARY KEY (remote, epoch)
)
;

CREATE INDEX ix_executions_started_at_us ON executions (started_at_us)
;

CREATE INDEX ix_runs_started_at_us ON runs (started_at_us)
;

CREATE INDEX ix_llm_calls_run_id ON llm_calls (run_id)
;

CREATE INDEX ix_annotations_entity_id_field ON annotations (entity_id, field)
;

CREATE INDEX ix_executions_notebook_started_at_us ON executions (notebook, started_at_us)
;

CREATE INDEX ix_executions_cell_id_seq ON executions (cell_id, seq)
;

CREATE INDEX ix_executions_cell_key_seq ON executions (cell_key, seq)
;

CREATE INDEX ix_executions_code_hash_seq ON executions (code_hash, seq)
;

CREATE VIEW execution_profiles AS
      SELECT
        e.id AS profile_id,
        strftime('%Y-%m-%d %H:%M:%f', e.started_at_us / 1e6, 'unixepoch') AS started_at,
        e.kind AS profile_type,
        e.mode AS mode,
        e.status AS status,
        nullif(coalesce((SELECT a.value FROM annotations a WHERE a.entity_id = e.id AND a.field = 'label'
            ORDER BY a.at_us DESC, a.id DESC LIMIT 1), e.label), '') AS label,
        nullif((SELECT a.value FROM annotations a WHERE a.entity_id = e.id AND a.field = 'note'
            ORDER BY a.at_us DESC, a.id DESC LIMIT 1), '') AS note,
        e.experiment_id AS experiment_id,
        e.wall_s AS execution_time,
        e.cpu_s AS cpu_time,
        e.peak_bytes / 1e6 AS memory_peak_mb,
        CASE WHEN e.peak_bytes > e.rss_start_bytes
            THEN (e.peak_bytes - e.rss_start_bytes) / 1e6 ELSE 0.0 END AS memory_delta_peak_mb,
        e.overhead_s * 1e3 AS profiler_overhead_ms,
        e.samples AS sample_count,
        e.exception_type AS exception_type,
        e.notebook AS notebook,
        e.cell_id AS cell_id,
        e.cell_key AS cell_key,
        e.code_hash AS code_hash,
        c.code AS code,
        e.host AS host,
        n.host_class AS host_class,
        e.python AS python
      FROM executions e LEFT JOIN codes c ON c.hash = e.source_hash
        LEFT JOIN environments n ON n.hash = e.environment_hash
;

CREATE VIEW profiling_bottlenecks AS
      SELECT
        e.id AS profile_id,
        b.position + 1 AS bottleneck_rank,
        b.kind AS bottleneck_type,
        b.name AS function_name,
        b.file AS module_name,
        b.line AS line_number,
        b.severity AS severity,
        b.share * 100.0 AS time_percent,
        b.wall_s AS cumulative_time,
        b.cpu_s AS cpu_time,
        b.reading AS reading,
        nullif(coalesce((SELECT a.value FROM annotations a WHERE a.entity_id = e.id AND a.field = 'label'
            ORDER BY a.at_us DESC, a.id DESC LIMIT 1), e.label), '') AS label,
        strftime('%Y-%m-%d %H:%M:%f', e.started_at_us / 1e6, 'unixepoch') AS started_at
      FROM bottlenecks b JOIN executions e ON e.id = b.execution_id
;
