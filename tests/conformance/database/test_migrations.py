"""Migrations on each database: they lead to what the tables say, once, and whole."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from pathlib import Path

import pytest

from lemnos.kernel.errors import Unavailable
from lemnos.platform.db import migrate, revise
from lemnos.platform.db.connect import is_sqlite
from lemnos.platform.db.schema import load_tables
from tests.conformance.database.servers import opened


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the migrations with one revision more, that adds a table."""
    copy = tmp_path / "migrations"
    shutil.copytree(migrate.MIGRATIONS, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(migrate, "MIGRATIONS", copy)
    before = migrate.latest_revision()
    (copy / "versions" / "v9000_test.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\n"
        f"revision = '9000'\ndown_revision = {before!r}\n"
        "def upgrade():\n"
        "    op.create_table('nine', sa.Column('id', sa.BigInteger(), primary_key=True))\n"
        "def downgrade():\n    op.drop_table('nine')\n"
    )
    return copy


def test_migrations_and_tables_do_not_differ(url: str):
    """When this fails: ``python -m lemnos.platform.db.revise "what changed"``."""
    assert migrate.revisions(), "there is no revision yet"
    migrate.migrate(url)
    with migrate.connected(url) as connection:
        assert revise.differences(connection) == []


def test_load_tables_finds_every_module_of_tables():
    files = Path(migrate.__file__).parents[2].rglob("tables.py")
    assert len(list(files)) > 1
    assert "events" in load_tables().tables


def test_migrating_once_and_again(url: str, history: Path):
    assert not migrate.check(url)
    migrate.ensure_schema(url) if is_sqlite(url) else migrate.migrate(url)
    assert migrate.check(url)
    migrate.migrate(url)
    migrate.ensure_schema(url)
    assert migrate.current_revision(url) == "9000"


async def test_a_current_schema_is_left_to_its_server(url: str, history: Path):
    """The check neither needs a lock nor breaks one: a command may ask while a server runs."""
    migrate.migrate(url)
    async with opened(url):
        assert migrate.check(url)


def test_several_at_once_migrate_once(url: str, history: Path):
    failures: list[BaseException] = []

    def run() -> None:
        try:
            migrate.migrate(url)
        except BaseException as error:  # a thread would swallow it
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert migrate.check(url)


def test_a_migration_that_fails_leaves_nothing(url: str, history: Path):
    broken = history / "versions" / "v9001_broken.py"
    broken.write_text(
        "import sqlalchemy as sa\nfrom alembic import op\n"
        "revision = '9001'\ndown_revision = '9000'\n"
        "def upgrade():\n"
        "    op.create_table('half', sa.Column('id', sa.BigInteger(), primary_key=True))\n"
        "    op.execute('INSERT INTO no_such_table VALUES (1)')\n"
    )
    with pytest.raises(Exception, match="no_such_table"):
        migrate.migrate(url)
    assert migrate.current_revision(url) is None
    broken.unlink()
    migrate.migrate(url)
    assert migrate.check(url)


def test_a_newer_schema_is_refused(url: str, history: Path):
    migrate.migrate(url)
    (history / "versions" / "v9000_test.py").unlink()
    with pytest.raises(migrate.SchemaMismatch, match="newer"):
        migrate.ensure_schema(url)


def test_postgresql_is_not_migrated_by_a_server(url: str, history: Path):
    if is_sqlite(url):
        migrate.ensure_schema(url)
        assert migrate.check(url)
    else:
        with pytest.raises(migrate.SchemaMismatch, match="lemnos migrate"):
            migrate.ensure_schema(url)


def test_a_file_that_is_no_database(tmp_path: Path):
    path = tmp_path / "lemnos.db"
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(Unavailable):
        migrate.check(f"sqlite:///{path}")


def test_a_revision_is_written_for_what_is_missing(tmp_path: Path, monkeypatch):
    copy = tmp_path / "migrations"
    shutil.copytree(migrate.MIGRATIONS, copy, ignore=shutil.ignore_patterns("v0*"))
    monkeypatch.setattr(migrate, "MIGRATIONS", copy)
    written = revise.revise("initial")
    assert written == copy / "versions" / "v0001_initial.py"
    assert revise.revise("nothing new") is None
    url = f"sqlite:///{tmp_path}/lemnos.db"
    migrate.migrate(url)
    made = sqlite3.connect(tmp_path / "lemnos.db")
    names = {name for (name,) in made.execute("SELECT name FROM sqlite_master")}
    made.close()
    assert set(load_tables().tables) <= names
