"""The workspace as the agent's tools see it: its files, edits, and how to take edits back."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

SKIPPED_FOLDERS = frozenset(
    {".git", ".hg", ".svn", ".venv", "venv", "node_modules", "__pycache__", ".tox", ".nox",
     ".mypy_cache", ".ruff_cache", ".pytest_cache", "build", "dist", "site-packages"}
)  # fmt: skip
MAX_FILE_BYTES = 2 * 1024 * 1024


class OutsideWorkspace(ValueError):
    """A path that leads out of the workspace, through a link, or into the repository's own data."""


Snapshot = Mapping[str, bytes]


@dataclass
class Tree:
    """Files under `root`; paths are relative, with forward slashes.

    `scope` narrows what the clean-up tools look at to the files and folders that a prompt named.
    """

    root: Path
    scope: tuple[str, ...] = ()
    _originals: dict[str, bytes | None] = field(default_factory=dict)

    def resolve(self, path: str) -> Path:
        """The absolute path of a file in the workspace. Raises OutsideWorkspace.

        Nothing on the way may be a symbolic link, so that a hostile repository cannot redirect a
        write; the sandbox confines what this check cannot see.
        """
        absolute = Path(os.path.normpath(self.root / path))
        if absolute != self.root and self.root not in absolute.parents:
            raise OutsideWorkspace(f"{path} is outside the workspace")
        inside = absolute.relative_to(self.root)
        if ".git" in inside.parts:
            raise OutsideWorkspace(f"{path} belongs to git")
        for step in [absolute, *absolute.parents]:
            if step == self.root:
                break
            if step.is_symlink():
                raise OutsideWorkspace(f"{path} goes through a symbolic link")
        return absolute

    def files(self, *suffixes: str, scoped: bool = True) -> Iterator[str]:
        """Regular files in order, without links and without what tools and installers keep."""
        for folder, names, files in os.walk(self.root):
            names[:] = sorted(n for n in names if n not in SKIPPED_FOLDERS)
            for name in sorted(files):
                if suffixes and not name.endswith(suffixes):
                    continue
                absolute = Path(folder, name)
                path = absolute.relative_to(self.root).as_posix()
                if scoped and not self.in_scope(path):
                    continue
                if not absolute.is_symlink() and absolute.is_file():
                    yield path

    def in_scope(self, path: str) -> bool:
        """Whether the clean-up tools may touch the file."""
        return not self.scope or any(path == s or path.startswith(s + "/") for s in self.scope)

    def read(self, path: str) -> str:
        """The text of a file. Raises OSError, UnicodeDecodeError, OutsideWorkspace."""
        return self.resolve(path).read_bytes().decode()

    def write(self, path: str, text: str) -> None:
        """Write a file; line endings are kept as they are in `text`."""
        target = self.resolve(path)
        self._originals.setdefault(path, self._bytes(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode())

    def snapshot(self, *suffixes: str) -> Snapshot:
        """The bytes of the files in scope, to compare with once another program was at work."""
        contents = {path: self._bytes(path) for path in self.files(*suffixes)}
        return {path: content for path, content in contents.items() if content is not None}

    def changed_since(self, before: Snapshot) -> list[str]:
        """Paths of the snapshot whose content is another one now; they count as our changes."""
        changed = [path for path, content in before.items() if self._bytes(path) != content]
        for path in changed:
            self._originals.setdefault(path, before[path])
        return changed

    def touched(self) -> dict[str, str]:
        """The files that existed and were changed since `settle`, each with its text before."""
        return {
            path: original.decode(errors="replace")
            for path, original in self._originals.items()
            if original is not None and self._bytes(path) not in (original, None)
        }

    def settle(self) -> list[tuple[str, str]]:
        """Keep the changes since the last call, and say what they are: (path, what happened)."""
        changes = []
        for path, original in self._originals.items():
            if (now := self._bytes(path)) != original:
                what = "created" if original is None else "deleted" if now is None else "modified"
                changes.append((path, what))
        self._originals.clear()
        return changes

    def roll_back(self) -> None:
        """Take back every change since `settle` was last called."""
        for path, original in self._originals.items():
            if original is None:
                self.resolve(path).unlink(missing_ok=True)
            else:
                self.resolve(path).write_bytes(original)
        self._originals.clear()

    def _bytes(self, path: str) -> bytes | None:
        target = self.root / path
        try:
            return None if target.stat().st_size > MAX_FILE_BYTES else target.read_bytes()
        except OSError:
            return None


def paths_named_in(prompt: str, tree: Tree) -> tuple[str, ...]:
    """Existing files and folders that a prompt names, to narrow the work to them."""
    found = []
    for word in re.findall(r"[\w./\-]+", prompt):
        path = word.removeprefix("./").rstrip("./")
        if not path or not set(word.rstrip(".")) & set("/."):
            continue  # a bare word such as "tests" is prose more often than a path
        try:
            exists = tree.resolve(path).exists()
        except (OutsideWorkspace, OSError):
            continue
        if exists:
            found.append(path)
    return tuple(dict.fromkeys(found))
