"""A workbench is backed up while it is written to, and comes back elsewhere; what cannot be used is refused."""

import gzip
import io
import json
import os
import stat
import tarfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from typer.testing import CliRunner

from hub.audit import Audit
from hub.cli import command_line
from hub.db import connect, engine_of
from hub.errors import WerkbankError
from hub.leases.model import Rules
from hub.leases.store import Store
from hub.workshops.lifecycle import WorkshopState
from hub.workshops.store import Workshops
from tests.support import postgres
from tests.support.databases import contents, emptied
from tests.support.lease_seat import seat_of
from tests.support.workbench import ROOT, Workbench, run_werkbank

CLASS = """
id: gpus-for-beginners
title: {{en: GPUs for beginners, nl: GPU's voor beginners}}
starts: {starts:%Y-%m-%d %H:%M}
ends: {ends:%Y-%m-%d %H:%M}
trainers: [trainer]
learners: [scientist]
seats: 2
profile: medium
gpus: {{gpu_class: simulated}}
lessons: [S1]
"""


@contextmanager
def somebody_writing(bench: Workbench) -> Iterator[None]:
    """Meanwhile the log grows as fast as it can."""
    ended = threading.Event()
    engine = connect(f"sqlite:///{bench.state}/werkbank.sqlite")

    def write() -> None:
        number = 0
        while not ended.is_set():
            number += 1
            Audit(engine).tell("scribe", "page.written", f"page:{number}")

    thread = threading.Thread(target=write, name="scribe")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        engine.dispose()


def published(bench: Workbench, folder: Path) -> None:
    starts = datetime.now(UTC) + timedelta(days=2)
    (folder / "class.yaml").write_text(CLASS.format(starts=starts, ends=starts + timedelta(hours=2)))
    for command in (("put", str(folder / "class.yaml")), ("publish", "gpus-for-beginners")):
        done = run_werkbank("workshops", *command, "--state", str(bench.state))
        assert done.returncode == 0, done.stdout + done.stderr


def test_all_of_a_running_workbench_is_there_elsewhere(own_workbench: Workbench, tmp_path: Path) -> None:
    started = own_workbench.up("--simulate-gpus", "2")
    assert started.returncode == 0, started.stderr
    published(own_workbench, tmp_path)
    with seat_of(own_workbench, "scientist", "medium") as seat:
        lease = seat.active()
        (own_workbench.state / "homes" / "scientist" / "result.txt").write_text("forty-two")
        with somebody_writing(own_workbench):
            archive = tmp_path / "werkbank.tar.gz"
            done = run_werkbank("backup", str(archive), "--homes", "--state", str(own_workbench.state))
        assert done.returncode == 0, done.stdout + done.stderr
        assert stat.S_IMODE(archive.stat().st_mode) == 0o600
        refused = run_werkbank("restore", str(archive), "--state", str(own_workbench.state), "--force")
        assert refused.returncode == 2
        assert "already runs" in refused.stderr
    own_workbench.end()
    elsewhere = Workbench(tmp_path / "elsewhere", tmp_path / "elsewhere" / "werkbank.yaml")
    done = run_werkbank("restore", str(archive), "--state", str(elsewhere.state))
    assert done.returncode == 0, done.stdout + done.stderr
    assert_written_without_a_gap(elsewhere)
    started = elsewhere.up("--simulate-gpus", "2")
    assert started.returncode == 0, started.stderr
    try:
        assert_all_is_there(elsewhere, lease["id"])
    finally:
        elsewhere.end()


def assert_written_without_a_gap(bench: Workbench) -> None:
    """The log is as it was at one moment, in the middle of being written."""
    engine = connect(f"sqlite:///{bench.state}/werkbank.sqlite")
    pages = [entry.about for entry in Audit(engine).all() if entry.who == "scribe"]
    assert pages, "somebody wrote meanwhile"
    assert pages == [f"page:{number}" for number in range(1, len(pages) + 1)]
    engine.dispose()


def assert_all_is_there(bench: Workbench, lease: str) -> None:
    engine = connect(f"sqlite:///{bench.state}/werkbank.sqlite")
    (kept,) = Workshops(engine).all()
    assert (kept.workshop.id, kept.state) == ("gpus-for-beginners", WorkshopState.PUBLISHED)
    told = [entry.what for entry in Audit(engine).about("workshop:gpus-for-beginners")]
    assert told == ["workshop.written", "workshop.published"]
    engine.dispose()
    store = Store(f"sqlite:///{bench.state}/leases.sqlite")
    found = store.lease(lease)
    assert found is not None
    assert found.user == "scientist"
    assert len(store.load(Rules(), 0.0).reservations) == 1
    store.close()
    assert (bench.state / "homes" / "scientist" / "result.txt").read_text() == "forty-two"
    page = bench.browser("admin").http.get("/services/werkbank/workshops")
    assert "GPUs for beginners" in page.text


# --- without a workbench ---------------------------------------------------------------------------------


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The state of a workbench that was made and never ran."""
    folder = tmp_path / "state"
    (folder / "secrets").mkdir(parents=True)
    (folder / "secrets" / "leases").write_text("secret\n")
    (folder / "ports.json").write_text("{}")
    (folder / "homes" / "ada" / "tools").mkdir(parents=True)
    (folder / "homes" / "ada" / "tools" / "python").symlink_to("/usr/bin/python3")
    (folder / "homes" / "ada" / "run.sh").write_text("#!/bin/sh\n")
    (folder / "homes" / "ada" / "run.sh").chmod(0o750)
    os.link(folder / "homes" / "ada" / "run.sh", folder / "homes" / "ada" / "same.sh")
    os.mkfifo(folder / "homes" / "ada" / "pipe")
    for engine in (connect(f"sqlite:///{folder}/werkbank.sqlite"),):
        Audit(engine).tell("admin", "settings.changed", "settings")
        engine.dispose()
    Store(f"sqlite:///{folder}/leases.sqlite").close()
    return folder


@pytest.fixture
def archive(state: Path, tmp_path: Path) -> Path:
    made = tmp_path / "some.tar.gz"
    assert said("backup", str(made), "--state", str(state), "--homes") == ""
    return made


def said(*words: str) -> str:
    """What the command line refuses with, without the time that a new process takes; "" when it went well."""
    done = CliRunner().invoke(command_line(), list(words))
    if done.exception is None or isinstance(done.exception, SystemExit):
        return done.output if done.exit_code else ""
    assert isinstance(done.exception, WerkbankError), done.exception
    return str(done.exception)


def restored(archive: Path, path: Path, *more: str) -> str:
    """What was said; "" when it went well."""
    return said("restore", str(archive), "--state", str(path), *more)


def test_homes_come_back_with_modes_and_links_and_without_pipes(archive: Path, tmp_path: Path) -> None:
    assert restored(archive, tmp_path / "new") == ""
    home = tmp_path / "new" / "homes" / "ada"
    assert stat.S_IMODE((home / "run.sh").stat().st_mode) == 0o750
    assert (home / "same.sh").read_text() == "#!/bin/sh\n"
    assert os.readlink(home / "tools" / "python") == "/usr/bin/python3"
    assert not (home / "pipe").exists()
    assert (tmp_path / "new" / "secrets" / "leases").read_text() == "secret\n"


def test_a_state_that_is_there_is_kept_unless_told_and_then_set_aside(archive: Path, state: Path) -> None:
    (state / "homes" / "ada" / "new.txt").write_text("later")
    assert "--force" in restored(archive, state)
    assert (state / "homes" / "ada" / "new.txt").exists()
    assert restored(archive, state, "--force") == ""
    assert not (state / "homes" / "ada" / "new.txt").exists()
    (aside,) = state.parent.glob("state.before-restore-*")
    assert (aside / "homes" / "ada" / "new.txt").read_text() == "later"


def test_a_backup_never_writes_over_another(archive: Path, state: Path) -> None:
    before = archive.read_bytes()
    done = run_werkbank("backup", str(archive), "--state", str(state))
    assert done.returncode == 2
    assert "there already" in done.stderr
    assert archive.read_bytes() == before


def rewritten(archive: Path, change: dict[str, bytes | None], more: tuple[tarfile.TarInfo, ...] = ()) -> Path:
    """The same archive with some files changed or left out, and others put in front."""
    changed = archive.with_name("changed.tar.gz")
    with tarfile.open(archive) as old, tarfile.open(changed, "w:gz") as new:
        for info in more:
            new.addfile(info, io.BytesIO(b"x" * info.size))
        for info in old:
            content = old.extractfile(info) if info.isreg() else None
            data = change.get(info.name, content.read() if content else b"")
            if data is not None:
                info.size = len(data)
                new.addfile(info, io.BytesIO(data))
    return changed


def manifest_of(archive: Path) -> dict[str, object]:
    with tarfile.open(archive) as tar:
        file = tar.extractfile("manifest.json")
        assert file is not None
        found: dict[str, object] = json.loads(file.read())
    return found


def named(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, target, 1 if kind == tarfile.REGTYPE else 0
    return info


HOSTILE = {
    "a path upwards": (named("state/../../stolen"),),
    "an absolute path": (named("/tmp/stolen"),),
    "a file beside the state": (named("stolen"),),
    "a device": (named("state/null", tarfile.CHRTYPE),),
    "a hard link to a secret": (named("state/passwd", tarfile.LNKTYPE, "/etc/passwd"),),
    "a file through a link": (named("state/out", tarfile.SYMTYPE, "/tmp"), named("state/out/stolen")),
    "a file twice": (named("state/secrets/leases"),),
    "a file that nobody wrote down": (named("state/secrets/more"),),
}


@pytest.mark.parametrize("more", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_archive_is_refused_and_leaves_nothing(
    archive: Path, tmp_path: Path, more: tuple[tarfile.TarInfo, ...]
) -> None:
    said = restored(rewritten(archive, {}, more), tmp_path / "new")
    assert "Nothing was changed" in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["changed.tar.gz", "some.tar.gz", "state"]
    assert not Path("/tmp/stolen").exists()


def test_a_damaged_a_cut_a_foreign_and_a_missing_archive_are_refused(archive: Path, tmp_path: Path) -> None:
    foreign, cut, none = tmp_path / "foreign.tar.gz", tmp_path / "cut.tar.gz", tmp_path / "none.tar.gz"
    foreign.write_bytes(gzip.compress(b"something else"))
    cut.write_bytes(archive.read_bytes()[:-2000])
    for some in (
        rewritten(archive, {"state/secrets/leases": b"other!\n"}),
        rewritten(archive, {"state/secrets/leases": None}),
        rewritten(archive, {"manifest.json": None}),
        rewritten(archive, {"manifest.json": b"{}"}),
        *(foreign, cut, none),
    ):
        assert "Nothing was changed" in restored(some, tmp_path / "new"), some
        assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("table", ["werkbank_service_schema", "werkbank_leases_schema", "alembic_version"])
def test_an_archive_of_a_newer_version_is_refused(archive: Path, tmp_path: Path, table: str) -> None:
    manifest = manifest_of(archive)
    newer = manifest | {"revisions": {"state/werkbank.sqlite": {table: "9999"}}}
    said = restored(rewritten(archive, {"manifest.json": json.dumps(newer).encode()}), tmp_path / "new")
    assert "newer" in said
    assert "9999" in said
    later = json.dumps(manifest | {"format": 2, "version": "9.0"}).encode()
    assert "newer Werkbank (9.0)" in restored(rewritten(archive, {"manifest.json": later}), tmp_path / "new")
    assert not (tmp_path / "new").exists()


# --- PostgreSQL -------------------------------------------------------------------------------------------


def test_leases_on_postgresql_come_back_into_an_empty_database(state: Path, tmp_path: Path) -> None:
    if postgres.programs() is None:
        pytest.skip("PostgreSQL is not installed (on Debian: apt install postgresql)")
    with ExitStack() as stack:
        url = stack.enter_context(postgres.server())
        shipped = (ROOT / "werkbank.yaml").read_text()
        settings = tmp_path / "werkbank.yaml"
        before, _found, after = shipped.partition("\nleases:")
        settings.write_text(before + "\nleases:" + after.replace("database: sqlite", f"database: {url}", 1))
        store = Store(url)
        store.begin_term()
        store.close()
        engine = engine_of(url)
        held = contents(engine)
        archive = tmp_path / "some.tar.gz"
        done = run_werkbank("backup", str(archive), "--state", str(state), "--settings", str(settings))
        assert done.returncode == 0, done.stderr
        assert "has tables already" in restored(archive, tmp_path / "new")
        assert not (tmp_path / "new").exists()
        emptied(url)
        assert restored(archive, tmp_path / "new") == ""
        assert contents(engine) == held
        engine.dispose()


def test_without_pg_dump_it_says_what_is_left_out(state: Path, tmp_path: Path) -> None:
    settings = tmp_path / "werkbank.yaml"
    shipped = (ROOT / "werkbank.yaml").read_text()
    before, _found, after = shipped.partition("\nleases:")
    address = "database: postgresql+psycopg://somebody@127.0.0.1:1/leases"
    settings.write_text(before + "\nleases:" + after.replace("database: sqlite", address, 1))
    done = run_werkbank(
        *("backup", str(tmp_path / "some.tar.gz"), "--state", str(state), "--settings", str(settings)),
        environment={"PATH": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    assert "pg_dump is not installed" in done.stdout


def test_up_refuses_a_database_of_a_newer_version_in_one_sentence(state: Path) -> None:
    engine = create_engine(f"sqlite:///{state}/werkbank.sqlite")
    with engine.begin() as connection:
        connection.execute(text("UPDATE werkbank_service_schema SET version_num = '9999'"))
    engine.dispose()
    (state / "ports.json").unlink()
    done = run_werkbank("up", "--port", "0", "--state", str(state), "--simulate-gpus", "1")
    assert done.returncode == 2
    assert "written by a newer Werkbank" in done.stderr
    assert "Traceback" not in done.stderr
