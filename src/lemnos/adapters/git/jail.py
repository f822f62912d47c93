"""A view of the file system for git processes that touch an agent's tree.

Configuration is not the only way in: while the agent runs it may swap a folder for a symlink
between git's check and git's read, and have a file of the server read into its diff. In the
jail there is no such file. It has no network either, and ends with its parent.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

_log = logging.getLogger(__name__)

_SYSTEM = ("/usr", "/bin", "/lib", "/lib64", "/opt", "/nix", "/etc/ld.so.cache")
_BASE = (
    "--unshare-user-try",
    "--unshare-pid",
    "--unshare-net",
    "--unshare-ipc",
    "--die-with-parent",
    "--proc",
    "/proc",
    "--dev",
    "/dev",
    "--tmpfs",
    "/tmp",  # noqa: S108 - a private one
)


class Jail:
    """Wraps commands in bubblewrap, where it works; else they run as they are, with a warning."""

    def __init__(self, enabled: bool = True) -> None:
        self._bwrap = shutil.which("bwrap") if enabled else None
        self._works: bool | None = None if enabled else False
        self._probe = asyncio.Lock()

    async def wrap(
        self, argv: Sequence[str], *, writable: Sequence[Path], readonly: Sequence[Path]
    ) -> Sequence[str]:
        """The command that runs ``argv`` with these paths, the system's programs, and no more."""
        if self._works is None:
            async with self._probe:
                if self._works is None:
                    self._works = await asyncio.to_thread(self._try_out)
        if not self._works:
            return argv
        binds = [part for path in readonly for part in ("--ro-bind", str(path), str(path))]
        binds += [part for path in writable for part in ("--bind", str(path), str(path))]
        return (*self._prefix(), *binds, "--chdir", str(writable[-1]), "--", *argv)

    def _prefix(self) -> tuple[str, ...]:
        system = (part for path in _SYSTEM for part in ("--ro-bind-try", path, path))
        return (self._bwrap or "bwrap", *system, *_BASE)

    def _try_out(self) -> bool:
        if self._bwrap is not None:
            command = (*self._prefix(), "--", "git", "--version")
            probe = subprocess.run(command, capture_output=True, check=False, timeout=30)
            if probe.returncode == 0:
                return True
        _log.warning(
            "bubblewrap does not work here: git reads agents' work trees without confinement. "
            "Diffs taken while an agent runs can be led outside its tree by symlinks."
        )
        return False
