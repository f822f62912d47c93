"""What tools run in and on: the sandbox, and the folders that the operator keeps programs in.

Apart from the rest of the composition root, so that a command that only runs tools starts at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lemnos.runners.sandbox import Sandbox, choose_sandbox
from lemnos.settings import Settings


@dataclass(frozen=True, slots=True)
class Ground:
    """``read_only`` may be read inside of the sandbox; ``path`` are the programs in it."""

    sandbox: Sandbox
    read_only: tuple[Path, ...] = ()
    path: tuple[Path, ...] = ()


def make_ground(settings: Settings) -> Ground:
    """As the settings have it. Tries the sandbox, which takes some 50 ms."""
    folders = tuple(Path(path).expanduser().resolve() for path in settings.agent_paths)
    programs = tuple(path / "bin" if (path / "bin").is_dir() else path for path in folders)
    return Ground(choose_sandbox(settings.sandbox, (settings.data_dir,)), folders, programs)
