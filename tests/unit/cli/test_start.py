"""The command line starts fast: what a command needs is imported when it runs."""

from __future__ import annotations

import subprocess
import sys

HEAVY = {"fastapi", "starlette", "uvicorn", "sqlalchemy", "dbos", "httpx2", "cryptography", "rope"}


def test_the_tree_of_commands_imports_nothing_heavy():
    program = "import sys, lemnos.cli.app; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert not HEAVY & set(loaded.stdout.split())
