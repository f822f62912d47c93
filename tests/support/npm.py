"""Where the npm packages of the tests are: the coding CLIs and GitHub's OpenAPI description."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def node_modules() -> Path:
    """`LEMNOS_NPM_DIR` (a node_modules folder), else `.tools/node_modules` of the checkout."""
    return Path(os.environ.get("LEMNOS_NPM_DIR") or ROOT / ".tools" / "node_modules")


def require(relative: str) -> Path:
    """A file in node_modules; skips the test, and says so, when it is not installed."""
    path = node_modules() / relative
    if not path.exists():
        pytest.skip(f"NOT TESTED: {relative} is missing in {node_modules()}; set LEMNOS_NPM_DIR")
    return path


def require_cli(name: str) -> Path:
    """A command that an npm package installs, such as `claude` or `codex`."""
    return require(f".bin/{name}")
