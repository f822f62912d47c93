"""Session records in the agent's home: what was said and done, so that a follow-up can go on."""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

FORM = re.compile(r"[0-9a-f]{32}")


class NoSuchSession(LookupError):
    """The session to resume is not in the agent's home."""


@dataclass
class Session:
    """One conversation. `messages` are the model loop's, `runs` one entry per prompt."""

    id: str
    created_at: int  # microseconds since 1970, UTC
    messages: list[dict[str, Any]] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def open(cls, folder: Path, resume: str) -> Session:
        """Begin a session, or take up an earlier one. Raises NoSuchSession."""
        if not resume:
            return cls(secrets.token_hex(16), time.time_ns() // 1000)
        try:
            if not FORM.fullmatch(resume):
                raise ValueError(resume)
            return cls(**json.loads((folder / f"{resume}.json").read_text()))
        except (OSError, ValueError, TypeError) as error:
            raise NoSuchSession(f"there is no session {resume} to resume") from error

    def save(self, folder: Path) -> None:
        """Write the record in one step, so that a kill in between leaves the old one."""
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f"{self.id}.new"
        draft.write_text(json.dumps(asdict(self)))
        os.replace(draft, folder / f"{self.id}.json")
