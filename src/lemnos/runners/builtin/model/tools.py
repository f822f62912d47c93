"""The tools that the model may use in the workspace."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lemnos.runners.builtin.model.conversation import Tool
from lemnos.runners.builtin.shell import OUTPUT_LIMIT, clipped, run_shell
from lemnos.runners.builtin.tree import Tree

MAX_LINES = 2000
MAX_MATCHES = 200
MAX_FILES = 1000
MAX_RUN_SECONDS = 600.0


class ToolError(ValueError):
    """The call cannot be carried out; the model is told why."""


@dataclass(frozen=True, slots=True)
class BuiltinTool:
    """A tool, and what carries it out with the call's arguments."""

    tool: Tool
    call: Callable[..., str]


def workspace_tools(tree: Tree) -> list[BuiltinTool]:
    """Read, list, search, edit, write and run, in the tree."""
    hands = _Hands(tree)
    text, number = {"type": "string"}, {"type": "integer"}
    return [
        _tool(
            "read_file",
            "Read a text file of the workspace, with line numbers.",
            hands.read_file,
            {"path": text, "first_line": number, "lines": number},
            ["path"],
        ),
        _tool(
            "list_files",
            "List the workspace's files, by a glob pattern such as src/**/*.py if given.",
            hands.list_files,
            {"pattern": text},
            [],
        ),
        _tool(
            "search",
            "Search the workspace's files for a Python regular expression.",
            hands.search,
            {"expression": text, "pattern": {**text, "description": "glob of the files"}},
            ["expression"],
        ),
        _tool(
            "edit_file",
            "Replace an exact piece of a file's text, which must occur in it exactly once.",
            hands.edit_file,
            {"path": text, "old": text, "new": text},
            ["path", "old", "new"],
        ),
        _tool(
            "write_file",
            "Write a whole file; folders are made as needed.",
            hands.write_file,
            {"path": text, "content": text},
            ["path", "content"],
        ),
        _tool(
            "run",
            "Run a shell command in the workspace and get its output and exit code.",
            hands.run,
            {"command": text, "timeout_seconds": {"type": "number"}},
            ["command"],
        ),
    ]


def _tool(
    name: str,
    description: str,
    call: Callable[..., str],
    properties: Mapping[str, Any],
    required: list[str],
) -> BuiltinTool:
    schema = {
        "type": "object",
        "properties": dict(properties),
        "required": required,
        "additionalProperties": False,
    }
    return BuiltinTool(Tool(name, description, schema), call)


class _Hands:
    """Carries out the calls. Anything wrong raises ValueError or OSError, with words for it."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    def read_file(self, path: str, first_line: int = 1, lines: int = MAX_LINES) -> str:
        every = self._tree.read(path).splitlines()
        start = max(first_line, 1) - 1
        part = every[start : start + max(1, min(lines, MAX_LINES))]
        numbered = [f"{start + n:6}\t{line}" for n, line in enumerate(part, 1)]
        rest = len(every) - start - len(part)
        return clipped("\n".join([*numbered, *([f"… {rest} more lines"] if rest > 0 else [])]))

    def list_files(self, pattern: str = "") -> str:
        paths = [path for path in self._tree.files() if _fits(path, pattern)]
        rest = len(paths) - MAX_FILES
        more = [f"… {rest} more files"] if rest > 0 else []
        return "\n".join([*paths[:MAX_FILES], *more]) or "no files"

    def search(self, expression: str, pattern: str = "") -> str:
        try:
            wanted = re.compile(expression)
        except re.error as error:
            raise ToolError(f"not a regular expression: {error}") from error
        matches = []
        for match in self._matches(wanted, pattern):
            matches.append(match)
            if len(matches) == MAX_MATCHES:
                matches.append("… there are more")
                break
        return clipped("\n".join(matches)) or "no matches"

    def _matches(self, wanted: re.Pattern[str], pattern: str) -> Iterator[str]:
        for path in self._tree.files():
            if not _fits(path, pattern):
                continue
            try:
                lines = self._tree.read(path).splitlines()
            except (OSError, ValueError):
                continue  # not text
            for number, line in enumerate(lines, 1):
                if wanted.search(line):
                    yield f"{path}:{number}: {line[:300]}"

    def edit_file(self, path: str, old: str, new: str) -> str:
        text = self._tree.read(path)
        count = text.count(old) if old else 0
        if count != 1:
            found = f"occurs {count} times" if count else "does not occur"
            raise ToolError(f"the old text {found} in {path}; it must occur exactly once")
        self._tree.write(path, text.replace(old, new))
        return f"{path} edited"

    def write_file(self, path: str, content: str) -> str:
        self._tree.write(path, content)
        return f"{path} written, {len(content.encode())} bytes"

    def run(self, command: str, timeout_seconds: float = 120.0) -> str:
        ended = run_shell(command, self._tree.root, min(timeout_seconds, MAX_RUN_SECONDS))
        if ended.failed:
            raise ToolError(ended.text)
        return clipped(ended.output, OUTPUT_LIMIT) or "(no output)"


def _fits(path: str, pattern: str) -> bool:
    if not pattern:
        return True
    # fnmatch's * crosses slashes; ** / is made to match no folder as well.
    return fnmatch.fnmatch(path, pattern) or fnmatch.fnmatch(path, pattern.replace("**/", ""))
