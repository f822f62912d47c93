"""The ruff command line, as the operations need it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TIMEOUT = 120.0
FAILED = 2  # exit code when ruff itself failed, as it does on bad settings


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One violation; `path` is relative to the tree's root."""

    path: str
    line: int
    code: str
    message: str


class RuffFailed(RuntimeError):
    """Ruff could not do its work, even without the project's settings."""


def check(
    root: Path, rules: str, *options: str, targets: Sequence[str] = (".",)
) -> list[Diagnosis]:
    """Violations of `rules` (the project's own choice when empty) that are left after `options`."""
    select = (f"--select={rules}",) if rules else ()
    common = ("--output-format=json", "--no-cache", "--exit-zero")
    output = _run(root, "check", *common, *select, *options, "--", *targets)
    return [
        Diagnosis(
            Path(root, item["filename"]).relative_to(root).as_posix(),
            item["location"]["row"],
            item["code"],
            item["message"],
        )
        for item in json.loads(output or "[]")
        if item.get("code") not in (None, "invalid-syntax")
    ]


@dataclass(frozen=True, slots=True)
class Edit:
    """A replacement of text; lines and columns (characters) count from 1, the end is excluded."""

    start: tuple[int, int]
    end: tuple[int, int]
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """What ruff would do about one violation, at a line."""

    line: int
    code: str
    message: str
    edits: tuple[Edit, ...]


def check_text(root: Path, path: str, source: str, rules: str) -> list[str]:
    """The codes of the violations of `rules` in a text that is not on the disk."""
    return [item["code"] for item in _look(root, path, source, rules)]


def fixes(root: Path, path: str, source: str, rules: str) -> list[Fix]:
    """What can be fixed of the violations of `rules`, ruff's unsafe fixes among it."""
    return [
        Fix(item["location"]["row"], item["code"], item["message"], _edits(item["fix"]))
        for item in _look(root, path, source, rules)
        if item.get("fix") and item["fix"]["applicability"] != "display"
    ]


def _look(root: Path, path: str, source: str, rules: str) -> list[dict[str, Any]]:
    options = ("--output-format=json", "--no-cache", "--exit-zero", f"--select={rules}")
    name = ("--stdin-filename", path)
    found = json.loads(_run(root, "check", *options, *name, "-", stdin=source) or "[]")
    return [item for item in found if item.get("code") not in (None, "invalid-syntax")]


def _edits(fix: dict[str, Any]) -> tuple[Edit, ...]:
    return tuple(
        Edit(
            (edit["location"]["row"], edit["location"]["column"]),
            (edit["end_location"]["row"], edit["end_location"]["column"]),
            edit["content"] or "",
        )
        for edit in fix["edits"]
    )


def unformatted(root: Path, targets: Sequence[str] = (".",)) -> list[str]:
    """Files that `ruff format` would change."""
    output = _run(root, "format", "--check", "--output-format=json", "--no-cache", "--", *targets)
    found = {
        Path(root, item["filename"]).relative_to(root).as_posix()
        for item in json.loads(output or "[]")
        if item["code"] == "unformatted"
    }
    return sorted(found)


def formatted(root: Path, path: str, source: str) -> str:
    """`source` as `ruff format` would write it; empty where it has no valid syntax."""
    return _run(root, "format", "--no-cache", "--stdin-filename", path, "-", stdin=source)


def format_files(root: Path, targets: Sequence[str] = (".",)) -> None:
    """Format in place."""
    _run(root, "format", "--no-cache", "--", *targets)


def fixed(root: Path, path: str, source: str, rules: str) -> str:
    """`source` with all fixes of `rules` made to it, ruff's unsafe ones among them."""
    options = ("--fix", "--unsafe-fixes", "--no-cache", "--exit-zero", "--silent")
    name = ("--stdin-filename", path)
    return _run(root, "check", f"--select={rules}", *options, *name, "-", stdin=source)


def _run(root: Path, command: str, *arguments: str, stdin: str | None = None) -> str:
    """Ruff's stdout. A project whose own ruff settings are broken is looked at without them."""
    from ruff import find_ruff_bin

    complaint = ""
    for settings in ((), ("--isolated",)):
        result = subprocess.run(
            [find_ruff_bin(), command, *settings, *arguments],
            cwd=root,
            capture_output=True,
            text=True,
            input=stdin,
            timeout=TIMEOUT,
            check=False,
        )
        if result.returncode != FAILED:
            return result.stdout
        complaint = result.stderr.strip()
    raise RuffFailed(f"ruff {command} failed: {complaint}")
