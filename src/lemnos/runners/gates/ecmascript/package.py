"""A package as its package.json declares it: tools, scripts, package manager."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lemnos.domains.quality.fingerprint import read_regular
from lemnos.runners.gates.project import Project

MANIFEST = "package.json"
MODULES = "node_modules"
SCRIPTS = (".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts", ".vue", ".svelte")
QUIET = {"NO_COLOR": "1", "FORCE_COLOR": "0", "NPM_CONFIG_UPDATE_NOTIFIER": "false"}

_SECTIONS = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies")
_SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
_LARGEST = 1024 * 1024  # bytes of a package's manifest
# The lock file tells which package manager a project uses, where it does not say so itself.
_LOCKS = {
    "pnpm-lock.yaml": "pnpm",
    "yarn.lock": "yarn",
    "bun.lock": "bun",
    "bun.lockb": "bun",
    "package-lock.json": "npm",
    "npm-shrinkwrap.json": "npm",
}
INSTALLS = {
    "npm": "npm ci",
    "pnpm": "pnpm install --frozen-lockfile",
    "yarn": "yarn install --immutable",
    "bun": "bun install --frozen-lockfile",
}
# What package managers and cross-env put in front of a program.
_PREFIXES = (
    ("npx", "--no-install"), ("npx",), ("bunx",), ("pnpm", "exec"), ("pnpm",), ("yarn", "run"),
    ("yarn",), ("cross-env",),
)  # fmt: skip
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")


def declared(project: Project) -> dict[str, str]:
    """The packages that package.json asks for, with the versions it allows."""
    found = dict[str, str]()
    for section in reversed(_SECTIONS):
        table = project.package.get(section)
        if isinstance(table, Mapping):
            found |= {str(name): str(version) for name, version in table.items()}
    return found


def scripts(project: Project) -> dict[str, str]:
    """The scripts of package.json; npm's placeholder for tests is none."""
    table = project.package.get("scripts")
    if not isinstance(table, Mapping):
        return {}
    return {
        str(name): script
        for name, script in table.items()
        if isinstance(script, str) and script.strip() and "no test specified" not in script
    }


def manager(project: Project) -> str:
    """npm, pnpm, yarn or bun: by ``packageManager``, else by the lock file, else npm."""
    said = project.package.get("packageManager")
    name = said.split("@")[0] if isinstance(said, str) else ""
    if name in INSTALLS:
        return name
    return next((_LOCKS[lock] for lock in _LOCKS if lock in project.files), "npm")


def how_to_install(project: Project, package: str) -> str:
    """What a person is to type for a tool that is not installed."""
    if package in declared(project):
        return f"{package} is declared but not installed: run `{INSTALLS[manager(project)]}`"
    adds = {"npm": "npm install --save-dev"}.get(manager(project), f"{manager(project)} add --dev")
    return f"{package} is not installed: run `{adds} {package}`"


def own_program(project: Project, name: str) -> Path | None:
    """A program of the project's own packages, whose versions its lock file pins."""
    found = project.root / MODULES / ".bin" / name
    return found if found.is_file() and os.access(found, os.X_OK) else None


def system_program(project: Project, name: str) -> Path | None:
    """A program that comes with Node.js itself: the operator's, else the system's."""
    found = project.find(name) or shutil.which(name, path=_SYSTEM_PATH)
    return Path(found) if found else None


def installed_version(project: Project, package: str) -> str:
    """The version of a package in node_modules; empty where it is not there. Blocks."""
    manifest = project.root / MODULES / package / MANIFEST
    try:
        found: Any = json.loads(read_regular(manifest, _LARGEST))
    except (OSError, ValueError, RecursionError):
        return ""
    version = found.get("version") if isinstance(found, dict) else None
    return version if isinstance(version, str) else ""


@dataclass(frozen=True, slots=True)
class Script:
    """A script that starts one program: its arguments, and what it puts into the environment."""

    arguments: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)

    def without(self, **flags: bool) -> tuple[str, ...]:
        """The arguments but some options. A flag that is True takes a value.

        ``output_file=True`` drops ``--output-file x`` and ``--output-file=x``; ``f=True`` ``-f x``.
        """
        dropped = {
            f"-{name}" if len(name) == 1 else f"--{name.replace('_', '-')}": valued
            for name, valued in flags.items()
        }
        return tuple(_kept(self.arguments, dropped))


def _kept(arguments: tuple[str, ...], dropped: Mapping[str, bool]) -> Iterator[str]:
    skip = False
    for argument in arguments:
        name, equals, _ = argument.partition("=")
        if skip:
            skip = False
        elif name in dropped:
            skip = dropped[name] and not equals
        else:
            yield argument


def script_for(project: Project, program: str, *names: str) -> Script | None:
    """The first of the named scripts that does nothing but start the program."""
    found = scripts(project)
    for name in names:
        script = _parsed(found.get(name, ""), program)
        if script is not None:
            return script
    return None


def _parsed(text: str, program: str) -> Script | None:
    """None for another program, and for what needs a shell: then its end is all we could tell."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError:
        return None
    if any("$" in word or "`" in word or not word.strip("();<>|&") for word in words):
        return None
    env = dict[str, str]()
    while words:
        if _ASSIGNMENT.match(words[0]):
            name, _, env[name] = words.pop(0).partition("=")
        elif prefix := next((p for p in _PREFIXES if tuple(words[: len(p)]) == p), None):
            words = words[len(prefix) :]
        else:
            break
    if not words or words[0] != program:
        return None
    return Script(tuple(words[1:]), env)
