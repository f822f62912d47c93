"""Workspaces: checkouts in which one task's agent works."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lemnos.domains.workspaces.ports import Checkout


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
