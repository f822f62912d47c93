"""Programs that use an SDK, as a user would write them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.server import LemnosServer

ROOT = Path(__file__).parents[2]
PATIENCE = 170  # seconds


def environment(server: LemnosServer, **more: str) -> dict[str, str]:
    """What a program gets that talks to a server."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return {**kept, "LEMNOS_URL": server.url, "LEMNOS_API_KEY": server.key, **more}


def run(
    command: Sequence[str | Path], cwd: Path, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    return subprocess.run(
        command,
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
