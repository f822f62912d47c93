"""Pages of tasks by what a caller filters for, each read along an index."""

from __future__ import annotations

from dataclasses import dataclass

from lemnos.domains.tasks.model import Status


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Which tasks to list; what is empty does not narrow. Times in microseconds.

    ``since`` is inclusive, ``until`` is not. ``parent_id``: the tries of a fan-out.
    """

    status: tuple[Status, ...] = ()
    type: str = ""
    agent_id: str = ""
    user_id: str = ""
    since: int | None = None
    until: int | None = None
    parent_id: str = ""
