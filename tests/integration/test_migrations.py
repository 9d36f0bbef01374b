"""Databases of earlier and later versions, on SQLite and on a real PostgreSQL server."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, Index, MetaData, Table, create_engine, event, inspect, select, text
from sqlalchemy.schema import CreateIndex

import hub.service.app  # noqa: F401  # every table of the service is declared somewhere below it
from hub.audit import Audit
from hub.db import Base, connect, engine_of
from hub.errors import DatabaseTooNew
from hub.leases import tables
from hub.leases.model import Rules
from hub.leases.store import Store
from hub.migrations.schema import HERE, LEASES, SERVICE, Schema, migrate
from hub.seats.keep import Keeps
from hub.workshops.lifecycle import WorkshopState
from hub.workshops.store import Workshops
from tests.support.databases import contents, emptied, load_earlier
from tests.support.workbench import ROOT

BOTH = pytest.mark.parametrize("schema", [SERVICE, LEASES], ids=lambda schema: schema.name)
METADATA = {SERVICE.name: Base.metadata, LEASES.name: tables.metadata}


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/some.sqlite"
    return emptied(request.getfixturevalue("postgres_url"))


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    made = engine_of(url)
    yield made
    made.dispose()


# --- what earlier versions left ------------------------------------------------------------------------


def test_workshops_keeps_and_their_log_of_the_previous_release_are_all_there(url: str) -> None:
    load_earlier(url, "service")
    engine = connect(url)
    workshops, audit = Workshops(engine), Audit(engine)
    assert workshops.unreadable() == set()
    draft, published = sorted(workshops.all(), key=lambda kept: kept.workshop.id)
    assert (published.workshop.id, published.state, published.version) == (
        "gpus-for-beginners",
        WorkshopState.PUBLISHED,
        3,
    )
    assert (published.workshop.seats, published.workshop.place) == (8, "Zaal <3>")
    assert published.workshop.learners == ("ada", "bob")
    assert draft.code != published.code, "each has a code of its own to join with"
    assert workshops.by_code(published.code) == published
    told = [(entry.who, entry.what) for entry in audit.about("workshop:gpus-for-beginners")]
    assert told == [("trainer", "workshop.written"), ("admin", "workshop.written"), ("admin", "workshop.published")]
    assert [entry.what for entry in audit.about("workshop:gone")] == ["workshop.written", "workshop.removed"]
    assert len(list(audit.all())) == 6
    started = datetime(2026, 11, 26, 14, tzinfo=UTC)
    assert Keeps(engine).of("bob", "long", started) == (datetime(2026, 11, 26, 16, tzinfo=UTC), 1)
    audit.tell("admin", "settings.changed", "settings")
    assert audit.latest()[0].number == 7, "numbers go on where they were"
    engine.dispose()


def test_every_row_of_the_broker_of_the_previous_release_is_as_it_was(url: str) -> None:
    load_earlier(url, "leases")
    engine = engine_of(url)
    before = contents(engine)
    assert {name: len(rows) for name, rows in before.items() if rows} == {
        "brokers": 1,
        "devices": 1,
        "holdings": 3,
        "lease_intents": 3,
        "lease_transitions": 16,
        "leases": 2,
        "reservations": 1,
        "uses": 3,
    }
    store = Store(url)
    store.begin_term()
    assert [step.after for step in store.history("second")][-2:] == ["parked", "released"]
    assert set(store.load(Rules(), 0.0).devices) == {"GPU-0"}
    store.close()
    after = contents(engine)
    del after[LEASES.version_table], after["brokers"], before["brokers"]
    before["leases"] = [(*row, None) for row in before["leases"]]  # neither was a job of a cluster
    assert after == before
    engine.dispose()


def test_a_lease_of_an_earlier_version_is_still_known_as_the_job_that_it_is(url: str) -> None:
    load_earlier(url, "leases")
    engine = engine_of(url)
    leases = Table("leases", MetaData(), autoload_with=engine)
    with engine.begin() as connection:
        for id, record in (("first", {"id": "first", "job": 42}), ("second", {})):
            connection.execute(leases.update().where(leases.c.id == id).values(record=record))
    migrate(engine, LEASES)
    with engine.connect() as connection:
        assert dict(connection.execute(select(tables.leases.c.id, tables.leases.c.job)).all()) == {
            "first": 42,
            "second": None,
        }
    engine.dispose()


@BOTH
def test_a_database_made_before_versions_were_written_is_taken_as_it_is(engine: Engine, schema: Schema) -> None:
    METADATA[schema.name].create_all(engine)
    before = contents(engine)
    migrate(engine, schema)
    after = contents(engine)
    assert after.pop(schema.version_table) == [(schema.head,)]
    assert after == before
    assert differences(engine, schema) == []


def test_both_kinds_of_tables_may_lie_in_one_database(engine: Engine) -> None:
    for schema in (SERVICE, LEASES, SERVICE):
        migrate(engine, schema)
    assert differences(engine, SERVICE) == differences(engine, LEASES) == []


# --- models and versions --------------------------------------------------------------------------------


def differences(engine: Engine, schema: Schema) -> list[Any]:
    """What Alembic would have to do to make the tables those of the models."""
    metadata = METADATA[schema.name]

    def is_ours(_found: object, name: str | None, kind: str, _reflected: bool, _other: object) -> bool:
        return kind != "table" or name in metadata.tables

    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "include_object": is_ours, "version_table": schema.version_table}
        )
        return list(compare_metadata(context, metadata))


@BOTH
def test_models_and_versions_agree(engine: Engine, schema: Schema) -> None:
    migrate(engine, schema)
    assert differences(engine, schema) == [], "a model changed: add a file to hub/migrations"


@BOTH
def test_a_database_of_the_previous_release_ends_with_the_same_tables(engine: Engine, url: str, schema: Schema) -> None:
    load_earlier(url, schema.name)
    migrate(engine, schema)
    assert differences(engine, schema) == []


@BOTH
def test_indexes_are_partial_where_the_models_say_so_and_tables_as_compact(tmp_path: Path, schema: Schema) -> None:
    engine = engine_of(f"sqlite:///{tmp_path}/some.sqlite")
    migrate(engine, schema)
    with engine.connect() as connection:
        found = dict(connection.execute(text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")).all())
    for table in METADATA[schema.name].sorted_tables:
        assert ("WITHOUT ROWID" in found[table.name]) == (table.dialect_options["sqlite"]["with_rowid"] is False)
        for index in table.indexes:
            assert squeezed(found[str(index.name)]) == squeezed(declared(index, engine))
    engine.dispose()


def declared(index: Index, engine: Engine) -> str:
    return str(CreateIndex(index).compile(engine))


def squeezed(sql: str) -> str:
    return " ".join(sql.replace("IF NOT EXISTS ", "").split())


@BOTH
def test_versions_follow_one_another_and_bear_the_numbers_of_their_files(schema: Schema) -> None:
    scripts = ScriptDirectory(HERE, version_locations=[HERE / schema.name])
    assert scripts.get_heads() == [schema.head]
    assert [script.revision for script in scripts.walk_revisions()][::-1] == schema.revisions


# --- what is newer --------------------------------------------------------------------------------------


@BOTH
def test_a_database_of_a_newer_version_is_refused_and_left_as_it_is(engine: Engine, schema: Schema) -> None:
    migrate(engine, schema)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {schema.version_table} SET version_num = '9999'"))
    before = contents(engine)
    with pytest.raises(DatabaseTooNew) as refusal:
        migrate(engine, schema)
    sentence = str(refusal.value)
    assert "9999" in sentence
    assert schema.head in sentence
    assert "Start that newer Werkbank" in sentence
    assert "Nothing was changed" in sentence
    assert contents(engine) == before


def test_a_password_in_the_address_of_a_database_is_not_told() -> None:
    engine = create_engine("postgresql+psycopg://werkbank:verysecret@127.0.0.1:1/leases")
    assert "verysecret" not in engine.url.render_as_string(hide_password=True)


# --- at once, and broken off ------------------------------------------------------------------------------


MIGRATE = """
import sys
from hub.db import engine_of
from hub.migrations import schema
print("ready", flush=True)
sys.stdin.readline()
schema.migrate(engine_of(sys.argv[1]), getattr(schema, sys.argv[2]))
"""


@BOTH
def test_many_that_connect_at_once_migrate_once(url: str, engine: Engine, schema: Schema) -> None:
    load_earlier(url, schema.name)
    command = [sys.executable, "-c", MIGRATE, url, schema.name.upper()]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    crowd = [subprocess.Popen(command, cwd=ROOT, text=True, **pipes) for _ in range(5)]
    for one in crowd:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
    ends = []
    for one in crowd:
        assert one.stdin is not None
        one.stdin.write("\n")
        one.stdin.flush()
    for one in crowd:
        told, problems = one.communicate(timeout=120)
        ends.append((one.returncode, told.count("database.migrated") + problems.count("database.migrated"), problems))
    assert [code for code, _migrated, _problems in ends] == [0] * 5, ends
    assert sum(migrated for _code, migrated, _problems in ends) == 1, ends
    assert differences(engine, schema) == []
    if schema is SERVICE:
        assert len(contents(engine)["audit"]) == 6, "the log was moved once"


class BrokenOff(Exception):
    """The process could go no further."""


@BOTH
def test_broken_off_at_any_statement_the_database_has_its_old_version_or_the_new_one(
    url: str, engine: Engine, schema: Schema
) -> None:
    load_earlier(url, schema.name)
    before, left = contents(engine), [0]

    def count(*_: object) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise BrokenOff

    event.listen(engine, "before_cursor_execute", count)
    for statement in range(1, 1000):
        left[0] = statement
        try:
            migrate(engine, schema)
        except BrokenOff:
            left[0] = 0
            if inspect(engine).has_table(schema.version_table):
                break  # all was written; only what follows was broken off
            assert contents(engine) == before, statement
        else:
            break
    event.remove(engine, "before_cursor_execute", count)
    assert statement > 15
    assert differences(engine, schema) == []


KILLED = """
import os, signal, sys
from sqlalchemy import event
from hub.db import engine_of
from hub.migrations import schema
engine = engine_of(sys.argv[1])
def look(connection, cursor, statement, *rest):
    if statement.startswith(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
event.listen(engine, "after_cursor_execute", look)
schema.migrate(engine, getattr(schema, sys.argv[2]))
"""


@pytest.mark.parametrize(
    ("schema", "statement"),
    [(SERVICE, "\nDROP TABLE workshop_events"), (SERVICE, "UPDATE werkbank_service"), (LEASES, "CREATE INDEX IF")],
    ids=["with-the-log-moved", "between-two-versions", "an-index-later"],
)
def test_killed_in_the_middle_the_database_has_its_old_version_and_is_migrated_next(
    url: str, engine: Engine, schema: Schema, statement: str
) -> None:
    load_earlier(url, schema.name)
    before = contents(engine)
    command = [sys.executable, "-c", KILLED, url, schema.name.upper(), statement]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == -9, done.stderr
    assert contents(engine) == before
    assert not inspect(engine).has_table(schema.version_table)
    migrate(engine, schema)
    assert differences(engine, schema) == []
