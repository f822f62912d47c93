"""A project as its own files declare it: languages, tools, versions, gates."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DEFAULT_AUDIT_URL = "https://api.osv.dev"


@dataclass(frozen=True, slots=True)
class Project:
    """What is known of a tree before any tool runs.

    ``files`` are relative paths with slashes, in order: tracked ones and new ones that git does
    not ignore; in a folder without git all but what is hidden, installed or built. ``pyproject``
    and ``package`` are the parsed files, empty where there is none. ``settings`` is the table
    ``gates`` of ``lemnos.toml``, or ``tool.lemnos.gates`` of pyproject.toml. ``broken`` maps a
    file that can't be parsed to the reason: gates that depend on it are misconfigured.
    ``python`` is the interpreter of the project's own virtual environment; None: it has none.
    ``tools`` are further folders of programs, the last to be looked in. ``links`` are the
    symbolic links among the files, which are not in ``files``. ``environments`` are folders
    outside of the root that the project's own programs need. ``audit_url`` is the operator's
    vulnerability database (OSV API), without the path of a query.
    """

    root: Path
    files: tuple[str, ...]
    pyproject: Mapping[str, Any] = field(default_factory=dict)
    package: Mapping[str, Any] = field(default_factory=dict)
    precommit: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    broken: Mapping[str, str] = field(default_factory=dict)
    python: Path | None = None
    tools: tuple[Path, ...] = ()
    links: tuple[str, ...] = ()
    environments: tuple[Path, ...] = ()
    audit_url: str = DEFAULT_AUDIT_URL

    def having(self, *suffixes: str) -> tuple[str, ...]:
        """The files with one of the suffixes."""
        return tuple(path for path in self.files if path.endswith(suffixes))

    def find(self, program: str, *folders: Path) -> Path | None:
        """A program: in the given folders, the project's own environment, or the last resorts."""
        own = (self.python.parent,) if self.python is not None else ()
        for folder in (*folders, *own, *self.tools):
            found: Path = folder / program
            if found.is_file() and os.access(found, os.X_OK):
                return found
        return None

    def options(self, gate: str) -> Mapping[str, Any]:
        """What the project says of a gate: ``[gates.<name>]``; empty where it says nothing."""
        found = self.settings.get(gate)
        return found if isinstance(found, Mapping) else {}
