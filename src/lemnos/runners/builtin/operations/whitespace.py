"""Trailing blanks and final newlines, in all text but Markdown, where blanks mean something."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lemnos.runners.builtin.operations.base import Applied, Finding, Work, says


@dataclass(frozen=True)
class Whitespace:
    """No blanks at the ends of lines, one newline at the end of the file."""

    name: str = "trailing whitespace"
    risky: bool = True  # inside a multi-line string, blanks are data

    def detect(self, work: Work) -> Sequence[Finding]:
        return [
            Finding(path, 0, "has trailing whitespace or no final newline")
            for path, text in _texts(work)
            if _trimmed(text) != text
        ]

    def apply(self, work: Work) -> Applied:
        applied = Applied()
        for path, text in list(_texts(work)):
            if (trimmed := _trimmed(text)) != text:
                work.tree.write(path, trimmed)
                applied.done.append(f"{path}: trimmed")
        return applied


def read(prompt: str) -> Sequence[Whitespace]:
    asked = says(
        prompt, r"\btrailing (?:whitespace|blanks|spaces)\b", r"\b(?:final|trailing) newline"
    )
    return [Whitespace()] if asked else []


def _texts(work: Work) -> Sequence[tuple[str, str]]:
    texts = []
    for path in work.tree.files():
        if path.endswith((".md", ".markdown", ".svg", ".patch", ".diff")):
            continue
        try:
            text = work.tree.read(path)
        except (OSError, UnicodeDecodeError):
            continue  # not a text file
        if "\0" not in text:
            texts.append((path, text))
    return texts


def _trimmed(text: str) -> str:
    trimmed = re.sub(r"[ \t]+(?=\r?\n|\Z)", "", text).rstrip("\r\n")
    newline = "\r\n" if "\r\n" in text else "\n"
    return trimmed + newline if trimmed else ""
