"""`%%kosmos_sql` reads and does nothing else, whatever is typed."""

import hashlib
from pathlib import Path

import pytest

from kosmos_nb.core import QueryError, uuid7
from kosmos_nb.history import History
from tests.samples import profile

ATTACKS = [
    "COPY executions TO '{file}'",
    "COPY (SELECT 1) TO '{file}' (FORMAT csv)",
    "COPY executions FROM '{victim}'",
    "EXPLAIN ANALYZE COPY (SELECT 1) TO '{file}'",
    "EXPLAIN COPY (SELECT 1) TO '{file}'",
    "EXPLAIN (ANALYZE) COPY (SELECT 1) TO '{file}'",
    "EXPLAIN (ANALYZE, FORMAT json) COPY (SELECT 1) TO '{file}'",
    "/* EXPLAIN */ EXPLAIN /* SELECT */ ANALYZE -- SELECT\n COPY (SELECT 1) TO '{file}'",
    "explain\tanalyze copy (select 1) to '{file}'",
    "EXPLAIN ANALYZE SELECT 1",
    "EXPLAIN SET threads = 1",
    "EXPLAIN INSERT INTO executions (id) VALUES ('x')",
    "EXPLAIN EXPORT DATABASE '{file}'",
    "EXPORT DATABASE '{file}'",
    "IMPORT DATABASE '{file}'",
    "ATTACH '{file}' AS other",
    "ATTACH '{victim}' AS other (TYPE sqlite)",
    "DETACH memory",
    "USE temp",
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "SET threads = 1",
    "SET VARIABLE a = 1",
    "RESET enable_external_access",
    "PRAGMA enable_profiling",
    "PRAGMA database_list",
    "PRAGMA table_info('executions')",
    "CALL pragma_database_size()",
    "CALL duckdb_tables()",
    "CHECKPOINT",
    "VACUUM",
    "BEGIN",
    "COMMIT",
    "SELECT 1; SELECT 2",
    "SELECT 1; COPY (SELECT 1) TO '{file}'",
    "SELECT 1;;COMMIT;",
    "ROLLBACK; COPY (SELECT 1) TO '{file}'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "LOAD '{file}'",
    "FORCE INSTALL sqlite FROM community",
    "INSERT INTO executions (id) VALUES ('x')",
    "UPDATE executions SET label = 'x'",
    "DELETE FROM executions",
    "TRUNCATE executions",
    "MERGE INTO executions USING runs ON true WHEN MATCHED THEN DELETE",
    "DROP TABLE executions",
    "DROP VIEW execution_profiles",
    "ALTER TABLE executions ADD COLUMN a INT",
    "COMMENT ON TABLE executions IS 'x'",
    "CREATE TABLE t AS SELECT 1",
    "CREATE TEMP TABLE t AS SELECT 1",
    "CREATE OR REPLACE VIEW executions AS SELECT 1",
    "CREATE MACRO f() AS 1",
    "CREATE SECRET s (TYPE s3)",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "DEALLOCATE p",
    "PIVOT executions ON status USING count(*)",
    "SELECT * FROM read_csv('{victim}')",
    "SELECT * FROM read_text('{victim}')",
    "SELECT * FROM read_blob('{victim}')",
    "SELECT * FROM read_json('{victim}')",
    "SELECT * FROM read_parquet('{victim}')",
    "SELECT * FROM sniff_csv('{victim}')",
    "SELECT * FROM glob('/*')",
    "SELECT * FROM '{victim}'",
    "SELECT * FROM '{folder}/file.parquet'",
    "FROM 'https://example.org/a.csv'",
    "SELECT getenv('HOME')",
    "SELECT * FROM query('COPY (SELECT 1) TO ''{file}''')",
    "SELECT * FROM query('SELECT * FROM read_text(''{victim}'')')",
    "SELECT * FROM sqlite_scan('{victim}', 'executions')",
    "WITH x AS (INSERT INTO executions (id) VALUES ('x') RETURNING id) SELECT * FROM x",
    "WITH x AS (DELETE FROM executions RETURNING id) SELECT * FROM x",
    "WITH x AS (UPDATE executions SET label = 'x' RETURNING id) SELECT * FROM x",
    "WITH x AS (SELECT 1) INSERT INTO executions (id) SELECT 'x' FROM x",
    "SELECT * FROM (DELETE FROM executions RETURNING id)",
    "WITH x AS (COPY (SELECT 1) TO '{file}') SELECT * FROM x",
    "EXPLAIN WITH x AS (DELETE FROM executions RETURNING id) SELECT * FROM x",
    "",
    "   ;  ",
    "-- only a comment",
    "EXPLAIN",
]


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    with History(tmp_path_factory.mktemp("history")) as opened:
        opened.save(profile(id=uuid7()))
        yield opened


def picture(folder: Path) -> dict[str, str]:
    files = [file for file in sorted(folder.rglob("*")) if file.is_file() and not file.name.endswith("-shm")]
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


@pytest.mark.parametrize("attack", ATTACKS)
def test_whatever_does_more_than_read_is_refused_in_one_line_and_changes_nothing(
    history, tmp_path, monkeypatch, attack
):
    monkeypatch.chdir(tmp_path)
    victim = tmp_path / "victim.csv"
    victim.write_text("secret\n42\n")
    query = attack.format(file=tmp_path / "stolen", victim=victim, folder=tmp_path)
    before = picture(history.location)
    with pytest.raises(QueryError) as caught:
        history.sql(query)
    said, *place = str(caught.value).split("\n")
    assert said and len(place) in (0, 2)  # the line of the query, and a caret below it
    assert [file.name for file in tmp_path.iterdir()] == ["victim.csv"]
    assert victim.read_text() == "secret\n42\n"
    assert picture(history.location) == before
    assert history.sql("SELECT count(*) AS n FROM executions").n[0] == 1


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 1",
        "select 1;",
        "FROM executions",
        "TABLE executions",
        "VALUES (1)",
        "(SELECT 1)",
        "WITH a AS (SELECT 1 AS x) SELECT x FROM a UNION ALL SELECT 2",
        "WITH RECURSIVE a AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM a WHERE x < 5) FROM a",
        "EXPLAIN SELECT * FROM executions",
        "-- why\n/* so */ explain SELECT count(*) FROM executions;",
        "EXPLAIN (SELECT 1)",
        "DESCRIBE executions",
        "SHOW TABLES",
        "SUMMARIZE executions",
        "SELECT 'COPY x TO y; DROP TABLE executions' AS text",
        'SELECT \'{"type": "INSERT_QUERY_NODE"}\' AS text',
        "SELECT status, count(*) FROM executions GROUP BY ALL",
        "FROM query_table('executions')",
        "FROM (PIVOT executions ON status IN ('ok', 'failed') USING count(*) GROUP BY kind)",
    ],
)
def test_what_reads_is_let_through(history, query):
    assert history.sql(query) is not None


def test_the_connection_alone_would_refuse_too(history):
    """Were the check of the statement passed, nothing could be written or read beside the history."""
    history.sql("FROM executions")
    engine = history._engine._engine
    import duckdb

    for attack in (
        "COPY (SELECT 1) TO '/tmp/kosmos-stolen.csv'",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '/tmp/kosmos-stolen.csv'",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
        "ATTACH '/tmp/kosmos-stolen.db'",
        "INSTALL httpfs",
        "INSERT INTO executions (id) VALUES ('x')",
        "SELECT * FROM read_text('/etc/hostname')",
    ):
        with pytest.raises(duckdb.Error):
            engine.execute(attack)
    assert not Path("/tmp/kosmos-stolen.csv").exists()


def test_a_python_variable_is_no_table_unless_it_was_handed_over(history):
    import pandas as pd

    hidden = pd.DataFrame({"a": [1]})
    with pytest.raises(QueryError):
        history.sql("SELECT * FROM hidden")
    assert history.sql("SELECT * FROM hidden", frames={"hidden": hidden}).a[0] == 1
