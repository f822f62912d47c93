"""Real projects to be judged: from source archives, with their own tools installed beside them.

What is fetched and installed is kept in .tools/packages; a test for which that can't be had
skips, and says so.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.git_repos import git
from tests.support.packages import CACHE, npm, sdist

PYTHON = "blinker==1.9.0"  # its archive holds its tests, and configures ruff, mypy and pytest
TYPESCRIPT = "zod@4.1.12"  # its archive holds its TypeScript sources and its vitest suite
_PINNED = ("tests", "typing")  # the tools, in requirements/
NODE_TOOLS = ("vitest@3", "typescript@5")

_TSCONFIG = {
    "compilerOptions": {
        "target": "ES2022",
        "module": "nodenext",
        "moduleResolution": "nodenext",
        "customConditions": ["@zod/source"],
        "strict": True,
        "noEmit": True,
        "skipLibCheck": True,
    },
    "files": ["src/v4/mini/index.ts"],
}
_VITEST = """\
import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { conditions: ["@zod/source"] },
  test: { include: ["src/v4/core/tests/*.test.ts", "src/v4/mini/tests/*.test.ts"] },
});
"""


def python_project(folder: Path, requirement: str = PYTHON) -> Path:
    """Blinker, or another one, as its authors ship it, with the environment that they pin."""
    archive = sdist(requirement)
    shutil.copytree(archive, folder)
    (folder / ".venv").symlink_to(_environment(archive))
    return _committed(folder)


def broken_project(folder: Path) -> Path:
    """The same, with an assertion turned into its contrary: one of its tests fails."""
    python_project(folder)
    tests = folder / "tests" / "test_symbol.py"
    right = 'assert foo is Symbol("foo")'
    text = tests.read_text()
    assert right in text
    tests.write_text(text.replace(right, right.replace(" is ", " is not "), 1))
    return folder


def typescript_project(folder: Path) -> Path:
    """Zod's sources with the part of its suite that takes seconds.

    Its archive leaves out what its repository has above the package: the configuration of vitest
    and tsc, and their versions. These few lines are ours.
    """
    archive = npm(TYPESCRIPT)
    shutil.copytree(archive, folder)
    package = json.loads((folder / "package.json").read_text())
    package["scripts"] = {"test": "vitest run"}  # the archive's goes by pnpm
    package["devDependencies"] = dict(tool.split("@") for tool in NODE_TOOLS)
    (folder / "package.json").write_text(json.dumps(package, indent=2) + "\n")
    (folder / "tsconfig.json").write_text(json.dumps(_TSCONFIG, indent=2) + "\n")
    (folder / "vitest.config.ts").write_text(_VITEST)
    # Linked, not copied: 100 MB in no time.
    shutil.copytree(_node_modules(), folder / "node_modules", symlinks=True, copy_function=os.link)
    return _committed(folder)


def _committed(folder: Path) -> Path:
    git("init", "--quiet", "--initial-branch=main", str(folder))
    (folder / ".git" / "info" / "exclude").write_text(".venv\nnode_modules\n")
    git("add", "--all", cwd=folder)
    git("commit", "--quiet", "--message=As released", cwd=folder)
    return folder


def _environment(archive: Path) -> Path:
    """A virtual environment with a package and the tools that it pins."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"

    def make(target: Path) -> None:
        _run(sys.executable, "-m", "venv", str(target))
        pip = (str(target / "bin" / "python"), "-m", "pip", "install", "--quiet")
        wanted = [archive / "requirements" / f"{name}.txt" for name in _PINNED]
        _run(*pip, str(archive), *(f"--requirement={path}" for path in wanted))

    return _made(f"env-{version}-{archive.name}", make)


def _node_modules() -> Path:
    def make(target: Path) -> None:
        target.mkdir()
        (target / "package.json").write_text('{"private": true}')
        options = ("--no-audit", "--no-fund", "--no-package-lock", "--silent")
        _run("npm", "install", *options, *NODE_TOOLS, cwd=target)

    return _made(f"node-{'-'.join(NODE_TOOLS)}", make) / "node_modules"


def _made(name: str, make: Callable[[Path], None]) -> Path:
    """A folder that is made once, where it stays: scripts in it know where they are."""
    target, mark = CACHE / name, CACHE / f"{name}.made"
    with (CACHE / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if mark.exists():
            return target
        shutil.rmtree(target, ignore_errors=True)
        try:
            make(target)
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"MISSING: {name} can't be installed: {error}")
        mark.touch()
    return target


def _run(*command: str, cwd: Path | None = None) -> None:
    subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.DEVNULL)
