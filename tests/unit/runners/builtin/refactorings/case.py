"""A refactoring of a few files, with the code run before and after."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lemnos.runners.builtin.protocol import Emitter, Outcome, Request
from lemnos.runners.builtin.refactorings.run import run


@dataclass
class Case:
    """A tree to be refactored."""

    root: Path

    def write(self, **files: str) -> None:
        """Files by name, ``_py`` standing for ``.py``."""
        for name, text in files.items():
            stem, _, suffix = name.rpartition("_")
            (self.root / f"{stem}.{suffix}").write_text(text)

    def text(self, path: str) -> str:
        return (self.root / path).read_text()

    def refactor(
        self,
        kind: str,
        path: str,
        symbol: str = "",
        lines: tuple[int, int] | None = None,
        **data: Any,
    ) -> Outcome:
        """Carry out one operation, at the whole file unless lines are given."""
        content = (self.root / path).read_bytes()
        operation = {
            "type": kind,
            "path": path,
            "blob": hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest(),
            "start": lines[0] if lines else 1,
            "end": lines[1] if lines else content.count(b"\n"),
            "symbol": symbol,
            "data": data,
        }
        return self.run(operation)

    def run(self, operation: Mapping[str, Any]) -> Outcome:
        """Carry out an operation as it is given."""
        request = Request("", str(self.root.parent / "sessions"), operation=operation)
        return run(request, Emitter(io.StringIO()), self.root)

    def says(self, program: str) -> Any:
        """What a program prints as JSON, run in the tree by a fresh Python."""
        code = f"import json\n{program}\nprint(json.dumps(answer))"
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=self.root,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
