"""Files whose content the prompt itself gives, so that plain edits need no model.

    create src/app.py:            append to notes.txt: "one more line"
    ```python
    print("hello")
    ```

`create` (or `write`, `replace`) takes the place of the file's content; `append` adds to its end.
A fence may also name its file itself: ```` ```python src/app.py ````.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lemnos.runners.builtin.operations.base import Applied, Finding, Work
from lemnos.runners.builtin.tree import OutsideWorkspace

PATH = r"[`\"']?(?P<path>[\w@+\-./]*[\w@+\-])[`\"']?"
VERB = (
    r"(?P<verb>create|write|add|replace|overwrite|append)"
    r"(?:\s+to)?(?:\s+(?:a|an|the))?(?:\s+new)?(?:\s+file)?(?:\s+to)?"
)
FENCED = re.compile(
    rf"\b{VERB}\s+{PATH}[^\n`]*\n+(?P<fence>```+)[^\n]*\n(?P<content>.*?)^(?P=fence)\s*$",
    re.IGNORECASE | re.DOTALL | re.MULTILINE,
)
NAMED_FENCE = re.compile(
    rf"^(?P<fence>```+)\w*[ :]+(?:path=|file=)?{PATH}\s*\n(?P<content>.*?)^(?P=fence)\s*$",
    re.DOTALL | re.MULTILINE,
)
INLINE = re.compile(
    rf"\b{VERB}\s+{PATH}\s*(?:[:,]|with(?:\s+(?:the\s+)?(?:content|text|line))?)\s*"
    r"(?P<quote>[\"'`])(?P<content>[^\n]*)(?P=quote)\s*$",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass(frozen=True)
class WriteFile:
    """One file, written or added to."""

    path: str
    content: str
    append: bool = False
    risky: bool = False  # what was asked for word by word is not second-guessed

    @property
    def name(self) -> str:
        return f"{'append to' if self.append else 'write'} {self.path}"

    def detect(self, work: Work) -> Sequence[Finding]:
        return [Finding(self.path, 0, "to append to" if self.append else "to write")]

    def apply(self, work: Work) -> Applied:
        try:
            old = work.tree.read(self.path) if self.append else ""
        except FileNotFoundError:
            old = ""
        except (OSError, UnicodeDecodeError, OutsideWorkspace) as error:
            return Applied(failed=f"{self.path} could not be read: {error}")
        joint = "\n" if old and not old.endswith("\n") else ""
        try:
            work.tree.write(self.path, old + joint + self.content)
        except (OSError, OutsideWorkspace) as error:
            return Applied(failed=f"{self.path} could not be written: {error}")
        return Applied(done=[f"{self.path}: {'appended to' if self.append else 'written'}"])


def read(prompt: str) -> Sequence[WriteFile]:
    found: dict[int, WriteFile] = {}
    for pattern in (FENCED, NAMED_FENCE, INLINE):
        for match in pattern.finditer(prompt):
            if any(start <= match.start("content") < end for start, end in _fences(prompt, match)):
                continue
            found.setdefault(match.start("content"), _instruction(match))
    return [found[place] for place in sorted(found)]


def _instruction(match: re.Match[str]) -> WriteFile:
    verb = match.groupdict().get("verb") or "write"
    content = match["content"]
    if content and not content.endswith("\n"):
        content += "\n"
    return WriteFile(match["path"], content, append=verb.lower() == "append")


def _fences(prompt: str, match: re.Match[str]) -> list[tuple[int, int]]:
    """Spans of the fenced blocks, when the match is of an inline form: those quote, not ask."""
    if match.re is not INLINE:
        return []
    return [block.span() for block in re.finditer(r"```.*?```", prompt, re.DOTALL)]
