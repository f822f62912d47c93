"""Places: the folders on this machine that callers may name, by path or by task."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lemnos.domains.workspaces.ports import Checkout
from lemnos.kernel.context import Context
from lemnos.kernel.errors import Invalid

_SYSTEM = tuple(
    Path(path)
    for path in (
        *("/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib32", "/lib64", "/opt"),
        *("/proc", "/root", "/run", "/sbin", "/srv", "/sys", "/tmp", "/usr", "/var"),  # noqa: S108
    )
)
_SYSTEM_TREES = tuple(Path(path) for path in ("/boot", "/dev", "/etc", "/proc", "/sys", "/usr"))


class Places:
    """Finds folders below ``roots``; those in ``denied`` are the server's own.

    ``default`` is where a call that names no folder goes.
    """

    def __init__(self, roots: Iterable[Path], denied: Iterable[Path], default: Path) -> None:
        self._roots = tuple(root.resolve() for root in roots)
        self._denied = tuple(path.resolve() for path in denied)
        self._default = default

    def allows(self, path: Path) -> bool:
        """Whether a path, links resolved, is one that callers may have read."""
        real = path.resolve()
        inside = any(real.is_relative_to(root) for root in self._roots)
        return inside and not any(real.is_relative_to(own) for own in self._denied)

    def find(self, path: str, *, field: str = "workspace") -> Path:
        """The folder, symlinks resolved. Raises ``Invalid`` naming ``field``.

        A link is followed before anything is checked, so that none leads out of the roots.
        Whether a path exists is not told unless it is inside of them.
        """
        if "\0" in path:
            raise _refused(field, "The path holds a NUL character.")
        asked = Path(path) if path else self._default
        if not asked.is_absolute():
            raise _refused(field, "The path must be absolute.")
        real = Path(os.path.realpath(asked))
        if not any(real.is_relative_to(root) for root in self._roots):
            message = "This path is not inside a folder that the server's operator has allowed."
            raise _refused(field, message)
        if any(real.is_relative_to(path) for path in self._denied):
            raise _refused(field, "This folder is the server's own.")
        demand_ordinary(real, field=field)
        return real


@dataclass(frozen=True, slots=True)
class TaskPlace:
    """The folder in which a task's agent works, and our git directory of it."""

    checkout: Checkout

    @property
    def root(self) -> Path:
        """The work tree."""
        return self.checkout.tree


class TaskPlaces(Protocol):
    """Finds the workspaces of tasks; see :mod:`lemnos.domains.tasks.places`."""

    def find(self, ctx: Context, task_id: str) -> AbstractAsyncContextManager[TaskPlace]:
        """The workspace, kept from expiring while the block lasts.

        ``NotFound`` with code ``task_not_found`` or ``workspace_not_found`` (it has expired, or
        is on another node), ``Conflict`` with code ``task_busy`` while the agent is at work.
        """
        ...


def demand_ordinary(folder: Path, *, field: str = "workspace") -> None:
    """Raise ``Invalid`` for what no tool should be let loose on: the system, the home directory."""
    real = Path(os.path.realpath(folder))
    inside = any(real.is_relative_to(tree) for tree in _SYSTEM_TREES)
    if real in _SYSTEM or inside:
        raise _refused(field, f"{real} belongs to the system.")
    if real == Path(os.path.realpath(Path.home())):
        raise _refused(field, f"{real} is the home directory; name a project inside of it.")
    if not real.is_dir():
        raise _refused(field, f"{real} is not a folder.")


def _refused(field: str, problem: str) -> Invalid:
    return Invalid(problem, code="path_not_allowed", fields={field: problem})
