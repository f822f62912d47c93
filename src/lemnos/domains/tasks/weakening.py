"""Where a change takes from the checks themselves, as far as its diff shows it. Pure.

None of it is forbidden: a test may be wrong, a rule may not fit. But whoever reads that the gates
pass should know what they were passed by. The words looked for are those of the tools' own
documentation.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from lemnos.domains.quality.baseline import DEFAULT_NAME
from lemnos.domains.workspaces.ports import Diff, FileChange

_MOST = 50  # warnings

# What decides which gates there are, and what they forgive.
_GATES = ("lemnos.toml", DEFAULT_NAME)
_CONFIGURATION = (
    *("ruff.toml", ".ruff.toml", ".flake8", ".pylintrc", "mypy.ini", ".mypy.ini"),
    *("pyrightconfig.json", "pytest.ini", "tox.ini", "setup.cfg", ".coveragerc", "noxfile.py"),
    *(".pre-commit-config.yaml", ".yamllint", ".yamllint.y*ml", "actionlint.y*ml"),
    *("eslint.config.*", ".eslintrc*", ".eslintignore", "biome.json*", "tsconfig*.json"),
    *(".prettierrc*", ".prettierignore", "prettier.config.*", "vitest.config.*", "jest.config.*"),
)
# Files that hold much else: only these of their lines, or tables, are about checks.
_TABLES = ("tool.", "dependency-groups.lint")
_PACKAGE = re.compile(r'"(?:test|lint|format|typecheck|check)\b|eslint|prettier|jest|vitest|biome')

_TEST_FILES = ("test_*.py", "*_test.py", "conftest.py", "*.test.*", "*.spec.*")
_TEST_FOLDERS = frozenset({"test", "tests", "__tests__"})
_TEST = re.compile(r"^\s*(?:(?:async )?def test|(?:it|test)(?:\.each\(.*\))?\()")
_SILENCERS: Mapping[str, re.Pattern[str]] = {
    name: re.compile(pattern)
    for name, pattern in {
        "noqa": r"#\s*(?:ruff:\s*)?noqa\b",
        "type: ignore": r"#\s*(?:type|pyright|mypy):\s*ignore",
        "pragma: no cover": r"#\s*pragma:\s*no cover",
        "fmt: off": r"#\s*fmt:\s*(?:off|skip)",
        "nosec": r"#\s*nosec\b",
        "skipped test": r"\bpytest\.(?:mark\.(?:skip|xfail)|skip\(|xfail\()|@(?:unittest\.)?skip"
        r"|\b(?:it|test|describe)\.(?:skip|todo|only)\b|\bx(?:it|describe)\(",
        "eslint-disable": r"\beslint-disable",
        "ts-ignore": r"@ts-(?:ignore|expect-error|nocheck)\b",
        "prettier-ignore": r"\bprettier-ignore\b|biome-ignore",
        "yamllint disable": r"#\s*yamllint\s+disable",
    }.items()
}
_TABLE = re.compile(r"^[ +-]\s*\[\[?([^\]]+)\]")


@dataclass(slots=True)
class _Lines:
    """The lines of one file that a diff adds and removes, and the TOML table of each."""

    added: list[tuple[str, str]] = field(default_factory=list)
    removed: list[tuple[str, str]] = field(default_factory=list)

    @property
    def all(self) -> Iterator[tuple[str, str]]:
        """Both, in any order."""
        yield from self.added
        yield from self.removed


def weakened(diff: Diff) -> tuple[str, ...]:
    """Each place for people to look at: ``path: what``."""
    lines = _by_file(diff.text)
    found = [
        f"{file.path}: {told}"
        for file in diff.files
        for told in _of_file(file, lines.get(file.path, _Lines()))
    ]
    if diff.truncated:
        found.append("The change is too large for all of it to be looked through.")
    if len(found) > _MOST:
        found = [*found[: _MOST - 1], f"and {len(found) - _MOST + 1} more"]
    return tuple(found)


def removed_tests(diff: Diff) -> tuple[str, ...]:
    """The files of tests that a change takes away, by their old paths."""
    return tuple(file.old_path or file.path for file in diff.files if _takes_tests(file))


def _takes_tests(file: FileChange) -> bool:
    was_test = _is_test(file.old_path or file.path)
    return was_test and (file.status == "deleted" or not _is_test(file.path))


def _of_file(file: FileChange, lines: _Lines) -> Iterator[str]:
    names = {_name(file.path), _name(file.old_path)}
    if DEFAULT_NAME in names:
        yield "the baseline was changed; judged by what it was before"
    elif names & set(_GATES):
        yield "what the gates are was changed; judged by what they were before"
    elif any(fnmatchcase(name, pattern) for name in names for pattern in _CONFIGURATION):
        yield "configuration of checks was changed"
    elif "pyproject.toml" in names and any(_about_checks(table) for table, _ in lines.all):
        yield "configuration of tools was changed"
    elif "package.json" in names and any(_PACKAGE.search(text) for _, text in lines.all):
        yield "scripts or tools were changed"
    if _takes_tests(file):
        yield "a file of tests was removed"
    elif gone := _gone(lines):
        yield "a test was removed" if gone == 1 else f"{gone} tests were removed"
    for name, count in _silenced(lines).items():
        yield f"{name} was added" if count == 1 else f"{name} was added {count} times"


def _about_checks(table: str) -> bool:
    return not table or table.startswith(_TABLES)


def _gone(lines: _Lines) -> int:
    """How many tests fewer there are."""
    before = sum(bool(_TEST.match(text)) for _, text in lines.removed)
    return max(0, before - sum(bool(_TEST.match(text)) for _, text in lines.added))


def _silenced(lines: _Lines) -> dict[str, int]:
    """How often each way to silence a check is there more than before."""
    more = _counted(lines.added)
    more.subtract(_counted(lines.removed))
    return {name: count for name, count in more.items() if count > 0}


def _counted(lines: list[tuple[str, str]]) -> Counter[str]:
    return Counter(
        name for _, text in lines for name, said in _SILENCERS.items() if said.search(text)
    )


def _is_test(path: str) -> bool:
    in_folder = bool(_TEST_FOLDERS & set(path.split("/")[:-1]))
    return in_folder or any(fnmatchcase(_name(path), pattern) for pattern in _TEST_FILES)


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _by_file(text: str) -> dict[str, _Lines]:
    """The lines of a unified diff by the new path of their file, or the old one of a deleted."""
    found: dict[str, _Lines] = {}
    lines, table, old, in_hunk = _Lines(), "", "", False
    for line in text.split("\n"):  # content may hold other line ends
        if line.startswith("diff --git "):
            in_hunk = False
        elif line.startswith("@@ "):
            in_hunk, table = True, ""
        elif not in_hunk and line.startswith("--- "):
            old = _path(line)
        elif not in_hunk and line.startswith("+++ "):
            lines = found.setdefault(_path(line) or old, _Lines())
        elif in_hunk:
            if (header := _TABLE.match(line)) is not None:
                table = header.group(1).strip()
            if line.startswith("+"):
                lines.added.append((table, line[1:]))
            elif line.startswith("-"):
                lines.removed.append((table, line[1:]))
    return found


def _path(line: str) -> str:
    """The path of a ``---`` or ``+++`` line; empty for /dev/null."""
    said = line[4:].split("\t", maxsplit=1)[0].strip('"')
    return "" if said == "/dev/null" else said.partition("/")[2]
