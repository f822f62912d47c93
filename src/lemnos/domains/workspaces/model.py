"""Workspaces: checkouts in which one task's agent works."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lemnos.domains.workspaces.ports import Checkout


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a task had made of a commit when an iteration ended; no patch: nothing yet."""

    base: str
    branch: str
    patch: bytes = b""


@dataclass(frozen=True, slots=True)
class Examined:
    """A tree as a task has left it, and a clean one of the commit that it started from."""

    tree: Checkout
    base: Checkout


@dataclass(frozen=True, slots=True)
class Workspace:
    """A checkout on a node's disk. ``held`` while a run or a push uses it."""

    task_id: str
    tenant: str
    node: str
    checkout: Checkout
    home: Path
    held: bool
    size_bytes: int
    created_at: int
    last_used_at: int
    expires_at: int
