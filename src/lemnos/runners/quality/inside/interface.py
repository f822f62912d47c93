"""Compare the public interface of two trees: griffe for Python, tree-sitter for the rest."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from lemnos.runners.analysis.languages import language_of
from lemnos.runners.builtin.testrun import is_test_file
from lemnos.runners.quality.inside.exports import exports_of, reads_exports

_TESTS = frozenset({"test", "tests", "testing", "__tests__", "spec"})
_NO_BREAK = frozenset({"ATTRIBUTE_CHANGED_VALUE"})


def run_interface(root: Path, request: Mapping[str, Any]) -> dict[str, Any]:
    """What others may have called, and cannot any more, or not as before."""
    base = Path(request["base"])
    files = [path for path in request["files"] if not _is_test(path)]
    python = [path for path in files if path.endswith((".py", ".pyi"))]
    other = [path for path in files if reads_exports(language_of(path))]
    breaks, problems = _python(base, root, python) if python else ([], [])
    for path in other:
        breaks += _changed_exports(base, root, path)
    tools = ["griffe"] * bool(python) + ["tree-sitter"] * bool(other)
    return {
        "compared": len(python) + len(other),
        "tools": tools,
        "breaks": breaks,
        "problems": problems,
    }


def _is_test(path: str) -> bool:
    pure = PurePosixPath(path)
    named = is_test_file(path) or ".test." in pure.name or ".spec." in pure.name
    return named or bool(_TESTS & set(pure.parts[:-1]))


# --- Python ---------------------------------------------------------------------------------------


def _python(base: Path, root: Path, files: Iterable[str]) -> tuple[list[str], list[str]]:
    """Breaking changes of the packages that the files belong to; read, never imported."""
    import griffe

    logging.getLogger("griffe").setLevel(logging.CRITICAL)
    breaks, problems = list[str](), list[str]()
    for folder, name in sorted({_package(base, root, path) for path in files}):
        if not _exists(base / folder, name):
            continue  # new altogether
        try:
            old, new = (
                griffe.load(
                    name,
                    search_paths=[tree / folder],
                    allow_inspection=False,
                    try_relative_path=False,
                )
                for tree in (base, root)
            )
            found = list(griffe.find_breaking_changes(old, new))
        except ImportError:
            breaks.append(f"{name}: the module is gone")
        except (griffe.GriffeError, SyntaxError, RecursionError, KeyError, AttributeError) as error:
            problems.append(f"{name}: {type(error).__name__}: {error}")
        else:
            breaks += [_told(one) for one in found if one.kind.name not in _NO_BREAK]
    return breaks, problems


def _package(base: Path, root: Path, path: str) -> tuple[str, str]:
    """The folder to search in and the top-level name that a file belongs to."""
    pure = PurePosixPath(path)
    top = pure
    while top.parent != PurePosixPath(".") and any(
        (tree / top.parent / "__init__.py").is_file() for tree in (base, root)
    ):
        top = top.parent
    return str(top.parent), top.stem


def _exists(folder: Path, name: str) -> bool:
    return (folder / name).is_dir() or (folder / f"{name}.py").is_file()


def _told(breakage: Any) -> str:
    said = f"{breakage.obj.path}: {breakage.kind.value}"
    if breakage.kind.name == "OBJECT_REMOVED":
        return said
    return f"{said} ({breakage.old_value} → {breakage.new_value})"


# --- other languages ------------------------------------------------------------------------------


def _changed_exports(base: Path, root: Path, path: str) -> list[str]:
    language = language_of(path)
    if not (base / path).is_file():
        return []
    old = exports_of(language, (base / path).read_bytes())
    there = (root / path).is_file()
    new = exports_of(language, (root / path).read_bytes()) if there else {}
    breaks = [f"{path}: {name} was removed" for name in old if name not in new]
    breaks += [
        f"{path}: {name} changed ({old[name]} → {new[name]})"
        for name in old
        if name in new and new[name] != old[name]
    ]
    return breaks
