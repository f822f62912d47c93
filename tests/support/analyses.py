"""Analyses as a server runs them, without HTTP: platform, engine, analysers, real repositories."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from lemnos.adapters.forges import ForgeHttp, ForgeRegistry
from lemnos.domains.analysis.model import Analysis, NewAnalysis, Status
from lemnos.domains.analysis.service import ANALYSE, AnalysisService
from lemnos.domains.integrations.service import KeyService
from lemnos.domains.integrations.store import KeyStore
from lemnos.foundation import ANALYSES, Platform, database_url, make_platform
from lemnos.kernel.context import Context, system_context
from lemnos.main.analysis import Analyses, make_analyses
from lemnos.platform.db.migrate import migrate
from lemnos.settings import Settings

_PATIENCE = 120.0


@dataclass(frozen=True)
class Place:
    """Analyses at work."""

    platform: Platform
    parts: Analyses
    ctx: Context

    @property
    def service(self) -> AnalysisService:
        """The use cases."""
        return self.parts.service

    @property
    def pids(self) -> list[int]:
        """The analysers that are running."""
        return self.parts.analysers.pids

    async def start(self, asked: NewAnalysis) -> Analysis:
        """Draft and start."""
        drafted = await self.service.draft(self.ctx, asked)
        return await self.platform.db.write(lambda tx: self.service.start(tx, self.ctx, drafted))

    async def ended(self, analysis: Analysis) -> Analysis:
        """Wait for the end."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            found = await self.service.get(self.ctx, analysis.id)
            if found.status in (Status.COMPLETED, Status.FAILED):
                return found
            if time.monotonic() > deadline:
                raise TimeoutError(f"still {found.status} at {found.stage}")
            await asyncio.sleep(0.02)

    async def run(self, asked: NewAnalysis) -> Analysis:
        """Start, and wait for the end."""
        return await self.ended(await self.start(asked))


@asynccontextmanager
async def analysing(folder: Path, root: Path, database: str = "") -> AsyncIterator[Place]:
    """A place with its data in ``folder`` that may read the repositories under ``root``."""
    folder.mkdir(exist_ok=True)
    settings = Settings(data=str(folder), allowed_roots=(str(root),), database_url=database)
    await asyncio.to_thread(migrate, database_url(settings))
    platform = make_platform(settings)
    http = ForgeHttp(platform.guard)
    keys = KeyService(
        KeyStore(platform.db), platform.vault, ForgeRegistry(http, platform.guard, {})
    )
    parts = make_analyses(settings, platform, keys)
    platform.engine.register(ANALYSE, parts.job, queue=ANALYSES, on_failed=parts.job.failed)
    await platform.db.start()
    await platform.engine.start()
    try:
        yield Place(platform, parts, system_context("acme", "test"))
    finally:
        await platform.engine.drain(5)
        for close in parts.closing:
            close()
        await platform.db.stop()
        await http.close()
        await platform.sender.close()


def commit(
    path: Path,
    files: Mapping[str, str] | Mapping[str, bytes] | Mapping[str, str | bytes],
    *,
    when: str = "",
) -> str:
    """Write files into a repository, made if there is none, and commit all; the commit's id."""
    if not (path / ".git").exists():
        path.mkdir(parents=True, exist_ok=True)
        git(path, "init", "--quiet", "-b", "main")
    for name, content in files.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    git(path, "add", "--all", "--force")
    dated = ["--date", when] if when else []
    git(path, "commit", "--quiet", "--message", "change", *dated, when=when)
    return git(path, "rev-parse", "HEAD").strip()


def git(path: Path, *args: str, when: str = "") -> str:
    """A git command in a repository; its output."""
    author = ("-c", "user.name=Test", "-c", "user.email=test@localhost", "-c", "gc.auto=0")
    env = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}
    if when:
        env["GIT_COMMITTER_DATE"] = when
    return subprocess.run(
        ["git", *author, *args], cwd=path, env=env, check=True, capture_output=True, text=True
    ).stdout
