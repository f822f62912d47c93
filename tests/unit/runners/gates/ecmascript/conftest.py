"""A scratch project with the real tools of npm."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.gating import Scratch, node_tools


@pytest.fixture(scope="session")
def modules() -> Path:
    """The installed tools."""
    return node_tools()


@pytest.fixture
def scratch(tmp_path: Path, modules: Path) -> Scratch:
    """An empty project."""
    return Scratch(tmp_path / "project", modules)


@pytest.fixture
def bare(tmp_path: Path) -> Scratch:
    """An empty project in which nothing is installed."""
    return Scratch(tmp_path / "bare")
