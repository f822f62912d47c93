"""The languages that are read: their file names, their grammars, and what is looked for."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Parser, Query


@dataclass(frozen=True, slots=True)
class Language:
    """A language. ``queries`` are files in the folder of that name, read one after the other.

    ``grammar`` is the module of a tree-sitter grammar and the function that gives it.
    """

    name: str
    extensions: tuple[str, ...]
    grammar: tuple[str, str]
    queries: tuple[str, ...]


_ALL = (
    Language("python", (".py", ".pyi", ".pyw"), ("tree_sitter_python", "language"), ("python",)),
    Language(
        "javascript",
        (".js", ".jsx", ".mjs", ".cjs"),
        ("tree_sitter_javascript", "language"),
        ("ecmascript", "javascript"),
    ),
    Language(
        "typescript",
        (".ts", ".mts", ".cts"),
        ("tree_sitter_typescript", "language_typescript"),
        ("ecmascript", "typescript"),
    ),
    Language(
        "tsx",
        (".tsx",),
        ("tree_sitter_typescript", "language_tsx"),
        ("ecmascript", "typescript"),
    ),
    Language("go", (".go",), ("tree_sitter_go", "language"), ("go",)),
    Language("java", (".java",), ("tree_sitter_java", "language"), ("java",)),
    Language("rust", (".rs",), ("tree_sitter_rust", "language"), ("rust",)),
    Language("c", (".c",), ("tree_sitter_c", "language"), ("c",)),
    # A header may be C or C++, and the grammar of C++ reads both.
    Language(
        "cpp",
        (".cc", ".cpp", ".cxx", ".h", ".hh", ".hpp", ".hxx", ".inl"),
        ("tree_sitter_cpp", "language"),
        ("c", "cpp"),
    ),
    Language("ruby", (".rb", ".rake"), ("tree_sitter_ruby", "language"), ("ruby",)),
    Language("c_sharp", (".cs",), ("tree_sitter_c_sharp", "language"), ("c_sharp",)),
)
LANGUAGES = {language.name: language for language in _ALL}
_BY_EXTENSION = {end: language.name for language in _ALL for end in language.extensions}


def language_of(path: str) -> str:
    """The language of a file by its name; empty for what no analyser reads."""
    return _BY_EXTENSION.get(PurePosixPath(path).suffix.lower(), "")


@cache
def tools_of(name: str) -> tuple[Parser, Query]:
    """The parser of a language, and the query that finds what is counted."""
    import tree_sitter

    language = LANGUAGES[name]
    module, function = language.grammar
    grammar = tree_sitter.Language(getattr(importlib.import_module(module), function)())
    folder = resources.files("lemnos.runners.analysis") / "queries"
    text = "\n".join((folder / f"{each}.scm").read_text() for each in language.queries)
    return tree_sitter.Parser(grammar), tree_sitter.Query(grammar, text)
