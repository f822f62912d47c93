"""For developers: write the revision that brings the migrations up to the tables.

``python -m lemnos.platform.db.revise "what changes"``; read what it wrote before committing it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lemnos.platform.db.migrate import alembic_config, connected, revisions
from lemnos.platform.db.schema import load_tables

if TYPE_CHECKING:
    from sqlalchemy import Connection


def revise(message: str) -> Path | None:
    """Write a revision for what the tables have and the migrations do not; its path.

    None, and nothing is written, when they do not differ.
    """
    from alembic import command

    with (
        tempfile.TemporaryDirectory() as folder,
        connected(f"sqlite:///{folder}/lemnos.db") as connection,
    ):
        config = alembic_config(connection, load_tables())
        command.upgrade(config, "head")
        if not differences(connection):
            return None
        number = f"{len(revisions()) + 1:04d}"
        made = command.revision(config, message, autogenerate=True, rev_id=number)
    if made is None or isinstance(made, list):
        raise RuntimeError("Alembic wrote no revision, or several.")
    for tidy in (["check", "--fix-only"], ["format"]):
        subprocess.run([sys.executable, "-m", "ruff", *tidy, "-q", made.path], check=True)
    return Path(made.path)


def differences(connection: Connection) -> list[Any]:
    """How the schema of a database differs from the tables, in Alembic's terms."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    context = MigrationContext.configure(connection, opts={"compare_type": True})
    found: list[Any] = compare_metadata(context, load_tables())
    return found


def main() -> None:
    """The command."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    written = revise(sys.argv[1])
    sys.stdout.write(f"{written or 'The migrations are up to date.'}\n")


if __name__ == "__main__":
    main()
