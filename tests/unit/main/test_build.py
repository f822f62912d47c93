"""Putting a server together."""

from __future__ import annotations

import stat
from pathlib import Path

from lemnos.main.build import build
from lemnos.platform.db.migrate import migrate
from lemnos.settings import Settings


async def test_nobody_else_can_read_what_is_kept(tmp_path: Path) -> None:
    """Not even in a data folder that was there before, and that anyone may enter."""
    tmp_path.chmod(0o755)
    server = build(Settings(data=str(tmp_path)))
    migrate(f"sqlite:///{tmp_path}/lemnos.db")
    await server.platform.db.start()
    await server.platform.engine.start()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    await server.platform.engine.drain(0)
    await server.platform.db.stop()
    for close in server.closing:
        if (closed := close()) is not None:
            await closed

    assert {"lemnos.db", "lemnos.db-wal", "engine.db", "master.key", "workspaces"} <= modes.keys()
    assert [name for name, mode in modes.items() if mode & 0o077] == []
