"""Rope, kept from running anything of the project: no settings file, no git commands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lemnos.runners.builtin.tree import Tree


@contextmanager
def rope_project(root: Path) -> Iterator[Any]:
    """A Rope project that leaves no folder of its own behind."""
    from rope.base.fscommands import FileSystemCommands
    from rope.base.project import Project

    project = Project(str(root), fscommands=FileSystemCommands(), ropefolder=None)
    try:
        yield project
    finally:
        project.close()


def write_changes(tree: Tree, changes: Any) -> list[str]:
    """Write a Rope change set of contents through the tree, and return the paths."""
    from rope.base.change import ChangeContents

    written = []
    for change in changes.changes:
        if not isinstance(change, ChangeContents):
            raise TypeError(f"no change of contents: {change}")
        tree.write(change.resource.path, change.new_contents)
        written.append(change.resource.path)
    return written
