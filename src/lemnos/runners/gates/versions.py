"""Which version of a tool it is, without starting it where what is installed says so."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path

from lemnos.domains.quality.fingerprint import read_regular
from lemnos.runners.gates.interpreters import version_of
from lemnos.runners.gates.keys import file_identity
from lemnos.runners.gates.project import Project
from lemnos.runners.quality.bench import Broken, Room, Workbench

_VERSION = re.compile(r"\d+(?:\.\d+)+[\w.+-]*")
_SECONDS = 30.0
_LARGEST = 1024 * 1024  # bytes of a package.json


class Versions:
    """Remembers what programs have answered for as long as they stay the same files."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._asked = dict[tuple[str, str, int, int], str]()

    async def of(self, project: Project, tool: str, program: Path) -> str:
        """The version of a tool; empty where it does not say."""
        return declared(project, tool, program) or await self._ask(project, program)

    async def _ask(self, project: Project, program: Path) -> str:
        identity = file_identity(program)
        if identity not in self._asked:
            self._asked[identity] = await self._run(project, program)
        return self._asked[identity]

    async def _run(self, project: Project, program: Path) -> str:
        room = Room(readable=project.environments, protected=(project.root,))
        with contextlib.suppress(Broken):
            argv = (str(program), "--version")
            ended = await self._bench.run(argv, project.root, _SECONDS, room=room)
            if ended.exit_code == 0 and (found := _VERSION.search(ended.output)):
                return found[0]
        return ""


def declared(project: Project, tool: str, program: Path) -> str:
    """What the distribution or package that a program belongs to says. Blocks for little."""
    if (program.parent / "python").exists() and (
        found := version_of(program.parent / "python", tool)
    ):
        return found
    if program.is_relative_to(project.root / "node_modules"):
        with contextlib.suppress(OSError, ValueError, RecursionError):
            package = project.root / "node_modules" / tool / "package.json"
            found = json.loads(read_regular(package, _LARGEST)).get("version", "")
            return found if isinstance(found, str) else ""
    return ""
