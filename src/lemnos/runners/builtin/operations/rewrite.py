"""Structural rewrites with ast-grep, in any language it knows.

    rewrite: print($A) -> logger.info($A) [python]

`$NAME` stands for one node and `$$$NAME` for any number; without a language, Python's is meant.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lemnos.runners.builtin.operations.base import Applied, BadInstruction, Finding, Work

if TYPE_CHECKING:
    from ast_grep_py import SgNode

LINE = re.compile(
    r"^\s*rewrite:\s*(?P<pattern>.+?)\s+->\s+(?P<replacement>.*?)\s*(?:\[(?P<language>[\w+#-]+)\])?\s*$",
    re.IGNORECASE | re.MULTILINE,
)
META_VARIABLE = re.compile(
    r"\$\$\$(?P<many>[A-Z_][A-Z0-9_]*)(?P<comma>,\s*)?|\$(?P<one>[A-Z_][A-Z0-9_]*)"
)
SUFFIXES = {
    "bash": (".sh", ".bash"),
    "c": (".c", ".h"),
    "cpp": (".cc", ".cpp", ".cxx", ".hpp", ".hh"),
    "csharp": (".cs",),
    "css": (".css",),
    "go": (".go",),
    "html": (".html", ".htm"),
    "java": (".java",),
    "javascript": (".js", ".jsx", ".mjs", ".cjs"),
    "json": (".json",),
    "kotlin": (".kt", ".kts"),
    "lua": (".lua",),
    "php": (".php",),
    "python": (".py", ".pyi"),
    "ruby": (".rb",),
    "rust": (".rs",),
    "scala": (".scala",),
    "swift": (".swift",),
    "tsx": (".tsx",),
    "typescript": (".ts", ".mts", ".cts"),
    "yaml": (".yaml", ".yml"),
}
SHORT_NAMES = {"py": "python", "js": "javascript", "ts": "typescript", "sh": "bash", "c++": "cpp",
               "c#": "csharp", "rs": "rust", "rb": "ruby", "yml": "yaml"}  # fmt: skip


@dataclass(frozen=True)
class Rewrite:
    """Every node that matches `pattern` becomes `replacement`."""

    pattern: str
    replacement: str
    language: str
    risky: bool = True

    @property
    def name(self) -> str:
        return f"rewrite `{self.pattern}`"

    def detect(self, work: Work) -> Sequence[Finding]:
        return [
            Finding(path, node.range().start.line + 1, f"matches {self.pattern}")
            for path in work.tree.files(*SUFFIXES[self.language])
            for node in self._matches(work, path)
        ]

    def apply(self, work: Work) -> Applied:
        applied = Applied()
        for path in list(work.tree.files(*SUFFIXES[self.language])):
            matches = _outermost(self._matches(work, path))
            if not matches:
                continue
            edits = [node.replace(self._substituted(node)) for node in matches]
            rewritten = matches[0].get_root().root().commit_edits(edits)
            work.tree.write(path, rewritten)
            applied.done.append(f"{path}: {len(edits)} × {self.name}")
        return applied

    def _matches(self, work: Work, path: str) -> list[SgNode]:
        from ast_grep_py import SgRoot

        try:
            source = work.tree.read(path)
        except (OSError, UnicodeDecodeError):
            return []
        return SgRoot(source, self.language).root().find_all(pattern=self.pattern)

    def _substituted(self, node: SgNode) -> str:
        source = node.get_root().root().text()

        def captured(variable: re.Match[str]) -> str:
            if variable["one"]:
                single = node.get_match(variable["one"])
                return single.text() if single else ""
            several = node.get_multiple_matches(variable["many"])
            if not several:
                return ""
            start, end = several[0].range().start.index, several[-1].range().end.index
            return source[start:end] + (variable["comma"] or "")

        return META_VARIABLE.sub(captured, self.replacement)


def read(prompt: str) -> Sequence[Rewrite]:
    return [
        Rewrite(match["pattern"], match["replacement"], _language(match["language"] or "python"))
        for match in LINE.finditer(prompt)
    ]


def _language(name: str) -> str:
    language = SHORT_NAMES.get(name.lower(), name.lower())
    if language not in SUFFIXES:
        known = ", ".join(SUFFIXES)
        raise BadInstruction(f"rewrite: no such language as {name}; known are {known}")
    return language


def _outermost(nodes: Sequence[SgNode]) -> list[SgNode]:
    """Matches that lie in no other match: edits must not overlap."""
    kept: list[SgNode] = []
    end = -1
    for node in sorted(nodes, key=lambda n: (n.range().start.index, -n.range().end.index)):
        if node.range().start.index >= end:
            kept.append(node)
            end = node.range().end.index
    return kept
