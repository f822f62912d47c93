"""Fixtures of the refactorings."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.runners.builtin.refactorings.case import Case


@pytest.fixture
def case(tmp_path: Path) -> Case:
    root = tmp_path / "tree"
    root.mkdir()
    return Case(root.resolve())
