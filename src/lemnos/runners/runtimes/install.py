"""Finding agent CLIs, and what a sandbox has to show of them."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lemnos.domains.agents.ports import RuntimeStatus
from lemnos.runners.process import Process

PROBE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Program:
    """An installed program: how to call it, and the files and folders that it consists of."""

    argv: tuple[str, ...]
    read_only: tuple[Path, ...]


def find(
    name: str, configured: str = "", tools: Iterable[Path] = (), bundled: Iterable[Path] = ()
) -> Program | None:
    """The first that exists of: the configured path, PATH, ``<tools>/node_modules/.bin``, bundled.

    A configured path that does not exist finds nothing: another program than the one that the
    operator named must not run in its place.
    """
    if configured:
        path = Path(configured).expanduser()
        return program(path) if os.access(path, os.X_OK) else None
    for candidate in _candidates(name, tools, bundled):
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return program(candidate)
    return None


def _candidates(name: str, tools: Iterable[Path], bundled: Iterable[Path]) -> Iterator[Path]:
    if found := shutil.which(name):
        yield Path(found)
    for folder in tools:
        yield folder / "node_modules" / ".bin" / name
    yield from bundled


def package_file(package: str, *inside: str) -> Iterator[Path]:
    """A file inside an installed Python package, which is not imported."""
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations if spec else None) or ():
        yield Path(folder, *inside)


def program(path: Path) -> Program:
    """How to call an executable file: itself if it is a binary, else by its interpreter."""
    real = path.resolve()
    with real.open("rb") as file:
        is_binary = file.read(2) != b"#!"
    if is_binary:
        return Program((str(real),), (real,))
    # A Node.js script finds its packages beside it; npm hoists them to the outermost folder.
    roots = [parent for parent in real.parents if parent.name == "node_modules"]
    return Program((str(real),), (roots[-1] if roots else real,))


async def version(found: Program | None, name: str) -> RuntimeStatus:
    """Ask a program for its version, with an empty home and environment."""
    if found is None:
        return RuntimeStatus(False, problem=f"{name} was not found")
    with tempfile.TemporaryDirectory(prefix="lemnos-probe-") as home:
        env = {"HOME": home, "PATH": os.environ.get("PATH", os.defpath)}
        try:
            process = Process.spawn([*found.argv, "--version"], env=env, cwd=Path(home))
        except OSError as error:
            return RuntimeStatus(False, problem=f"{name} can't be started: {error}")
        process.close_stdin()
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                lines = [line async for batch in process.batches() for line in batch]
                ended = await process.wait()
        except TimeoutError:
            process.signal(9)
            await process.wait()
            return RuntimeStatus(False, problem=f"{name} --version gave no answer")
    said = [line.data.decode(errors="replace").strip() for line in lines]
    if ended.code != 0:
        return RuntimeStatus(False, problem=f"{name} --version failed: {' '.join(said)[:200]}")
    first = next(
        (line.data.decode(errors="replace") for line in lines if line.stream == "stdout"), ""
    )
    return RuntimeStatus(True, version=first.strip())
