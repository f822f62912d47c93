"""Parse files: the changed ones, and what they were before where they do not parse now."""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from lemnos.runners.analysis.languages import language_of, tools_of

_REQUIRES = re.compile(r"""requires-python\s*=\s*["'][^"']*?>=\s*3\.(\d+)""")
_LARGEST = 8 * 1024 * 1024  # bytes

# What is wrong with a file's content; empty when it can be parsed.
Parser = Callable[[bytes], str]


def run_syntax(root: Path, request: Mapping[str, Any]) -> dict[str, Any]:
    """Parse each changed file that is still there."""
    base = Path(request["base"])
    checked, tools = 0, set[str]()
    errors, old_errors = list[str](), list[str]()
    for path in request["files"]:
        tool, parse = _parser_of(path, root)
        content = _content(root, path)
        if parse is None or content is None:
            continue
        checked += 1
        tools.add(tool)
        if problem := parse(content):
            before = _content(base, path)
            was_broken = before is not None and bool(parse(before))
            (old_errors if was_broken else errors).append(f"{path}: {problem}")
    return {
        "checked": checked,
        "tools": sorted(tools),
        "errors": errors,
        "old_errors": old_errors,
    }


def _parser_of(path: str, root: Path) -> tuple[str, Parser | None]:
    suffix = PurePosixPath(path).suffix.lower()
    language = language_of(path)
    if language == "python":
        return "python", partial(_python, oldest=_oldest_python(root))
    if suffix == ".json":
        return "json", _json
    if suffix in (".yaml", ".yml"):
        return "yaml", _yaml
    if suffix == ".toml":
        return "toml", _toml
    return ("tree-sitter", partial(_tree_sitter, language)) if language else ("", None)


def _python(content: bytes, oldest: tuple[int, int] | None) -> str:
    """By the compiler; newer syntax than this Python's is left to the grammar.

    ``oldest`` is the oldest Python that the project supports, whose grammar has to do.
    """
    module = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = ast.parse(content, feature_version=oldest)
            compile(module, "<changed>", "exec", dont_inherit=True)
    except SyntaxError as error:
        newer = module is None and oldest is None and not _tree_sitter("python", content)
        return "" if newer else f"line {error.lineno}: {error.msg}"
    except (ValueError, RecursionError, MemoryError) as error:
        return str(error)
    return ""


def _oldest_python(root: Path) -> tuple[int, int] | None:
    """What ``requires-python`` begins with, where this Python knows that grammar."""
    try:
        found = _REQUIRES.search((root / "pyproject.toml").read_text())
    except (OSError, UnicodeDecodeError):
        return None
    return (3, int(found[1])) if found and 7 <= int(found[1]) <= 11 else None


def _tree_sitter(language: str, content: bytes) -> str:
    """Where the grammar meets what it does not know (an ERROR or a missing node)."""
    tree = tools_of(language)[0].parse(content)
    if not tree.root_node.has_error:
        return ""
    cursor, waiting = tree.root_node, [tree.root_node]
    while waiting:
        cursor = waiting.pop()
        if cursor.is_error or cursor.is_missing:
            break
        waiting += [child for child in reversed(cursor.children) if child.has_error]
    return f"line {cursor.start_point[0] + 1}: not {language.replace('_', ' ')}"


def _json(content: bytes) -> str:
    return _said(lambda: json.loads(content))


def _toml(content: bytes) -> str:
    import tomllib

    return _said(lambda: tomllib.loads(content.decode()))


def _yaml(content: bytes) -> str:
    import yaml

    return _said(lambda: list(yaml.safe_load_all(content)), yaml.YAMLError)


def _said(parse: Callable[[], object], kind: type[Exception] = ValueError) -> str:
    try:
        parse()
    except (ValueError, RecursionError, kind) as error:
        return " ".join(str(error).split()) or type(error).__name__
    return ""


def _content(root: Path, path: str) -> bytes | None:
    file = root / path
    try:
        if file.is_symlink() or not file.is_file() or file.stat().st_size > _LARGEST:
            return None
        return file.read_bytes()
    except OSError:
        return None
