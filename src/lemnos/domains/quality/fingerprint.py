"""Fingerprints of findings: the same finding keeps its own while lines around it move. Pure.

A fingerprint is made of the rule, the path and the text of the line, white space aside, and of
how many such findings stand above it: not of the line's number. A finding without a line is
known by its rule, path and message.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from lemnos.domains.quality.model import Finding

LinesOf = Callable[[str], Sequence[str]]

_LARGEST = 8 * 1024 * 1024  # bytes of a file whose lines are read
_DIGITS = 24  # hexadecimal ones of a SHA-256: 96 bit


def fingerprint(*parts: str) -> str:
    """A digest of what makes a finding the one that it is. A checker may know better parts."""
    return hashlib.sha256("\0".join(parts).encode(errors="replace")).hexdigest()[:_DIGITS]


def fingerprinted(findings: Iterable[Finding], lines_of: LinesOf) -> tuple[Finding, ...]:
    """The findings of one gate, in their order, each with its fingerprint.

    ``lines_of`` gives the lines of a path; none where it can't be read. One that a checker has
    given already stays, since it may know what identifies a finding, such as the name of a test.
    """
    listed = list(findings)
    seen = Counter[str]()
    made = dict[int, str]()
    for index in sorted(range(len(listed)), key=lambda index: _place(listed[index])):
        base = _base(listed[index], lines_of)
        seen[base] += 1
        made[index] = base if seen[base] == 1 else fingerprint(base, str(seen[base]))
    return tuple(
        finding if finding.fingerprint else replace(finding, fingerprint=made[index])
        for index, finding in enumerate(listed)
    )


def _place(finding: Finding) -> tuple[str, int, int]:
    return finding.path, finding.line or 0, finding.column or 0


def _base(finding: Finding, lines_of: LinesOf) -> str:
    text = finding.message
    if finding.line is not None and finding.path:
        lines = lines_of(finding.path)
        if 0 < finding.line <= len(lines):
            text = lines[finding.line - 1]
    return fingerprint(finding.rule, finding.path, " ".join(text.split()))


class SourceLines:
    """The lines of files below a folder, each file read once. Blocks.

    What is no regular file in it, is larger than 8 MB or can't be read has no lines: a finding
    there is known by its message.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._read = dict[str, tuple[str, ...]]()

    def __call__(self, path: str) -> Sequence[str]:
        if path not in self._read:
            self._read[path] = self._lines(path)
        return self._read[path]

    def _lines(self, path: str) -> tuple[str, ...]:
        try:
            found = (self._root / path).resolve()
            if not found.is_relative_to(self._root):
                return ()
            return tuple(read_regular(found, _LARGEST).decode(errors="replace").splitlines())
        except (OSError, ValueError, RuntimeError):
            return ()


def read_regular(path: Path, largest: int) -> bytes:
    """The content of a regular file. Blocks, but never on a pipe or a device.

    Raises ``OSError`` for what is none, also for a symbolic link, and ``ValueError`` for more
    than ``largest`` bytes.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path.name} is no regular file")
        content = file.read(largest + 1)
    if len(content) > largest:
        raise ValueError(f"{path.name} is larger than {largest} bytes")
    return content
