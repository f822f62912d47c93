"""What a file imports, as written: which files are meant is the analysis's to find out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from lemnos.domains.analysis.facts import Import
from lemnos.runners.analysis.structure import Captures

if TYPE_CHECKING:
    from tree_sitter import Node

_MOST = 2000  # imports of one file
_DEEPEST = 20  # braces within braces of one Rust declaration


def imports_of(captures: Captures, language: str) -> tuple[Import, ...]:
    """The imports of a file, each once."""
    read = _READERS.get(language, _path)
    found = [each for node in captures.get("import", ()) for each in read(node)]
    found += [Import(_text(node), ("mod",)) for node in captures.get("module", ())]
    return tuple(dict.fromkeys(found))[:_MOST]


def package_of(captures: Captures) -> str:
    """The package or namespace that a file says it belongs to."""
    return next((_text(node) for node in captures.get("package", ())), "")


def _text(node: Node | None) -> str:
    return (node.text or b"").decode(errors="replace") if node is not None else ""


def _path(node: Node) -> Iterator[Import]:
    """A quoted path, as in JavaScript, Go and C."""
    yield Import(_text(node).strip("\"'`"))


def _python(node: Node) -> Iterator[Import]:
    if node.type == "import_statement":
        for name in node.named_children:
            plain = name.child_by_field_name("name") if name.type == "aliased_import" else name
            yield Import(_text(plain))
        return
    module = node.child_by_field_name("module_name")
    target = _text(module)
    bare = target.lstrip(".")
    names = (
        _text(name.child_by_field_name("name") if name.type == "aliased_import" else name)
        for name in node.children_by_field_name("name")
    )
    yield Import(bare.strip(), tuple(names), len(target) - len(bare))


def _java(node: Node) -> Iterator[Import]:
    words = _text(node).rstrip(";").split()
    if words:
        yield Import(words[-1], ("static",) if "static" in words else ())


def _rust(node: Node) -> Iterator[Import]:
    yield from (Import(path) for path in _spread(_text(node), 0))


def _spread(text: str, depth: int) -> Iterator[str]:
    """``a::{b, c::{d, e}}`` as ``a::b``, ``a::c::d``, ``a::c::e``."""
    head, brace, rest = text.partition("{")
    if not brace or depth > _DEEPEST:
        yield head.partition(" as ")[0].strip().rstrip(":")
        return
    inner = rest.rpartition("}")[0]
    for part in _top_level(inner):
        for tail in _spread(part, depth + 1):
            yield f"{head.strip()}{tail}"


def _top_level(text: str) -> Iterator[str]:
    depth = start = 0
    for at, letter in enumerate(text):
        depth += (letter == "{") - (letter == "}")
        if letter == "," and depth == 0:
            yield text[start:at].strip()
            start = at + 1
    if last := text[start:].strip():
        yield last


def _ruby(node: Node) -> Iterator[Import]:
    call = node.parent.parent.parent if node.parent and node.parent.parent else None
    method = call.child_by_field_name("method") if call is not None else None
    yield Import(_text(node), ("relative",) if _text(method) == "require_relative" else ())


def _c_sharp(node: Node) -> Iterator[Import]:
    if node.type in ("identifier", "qualified_name"):
        yield Import(_text(node))


_READERS: dict[str, Callable[[Node], Iterator[Import]]] = {
    "python": _python,
    "java": _java,
    "rust": _rust,
    "ruby": _ruby,
    "c_sharp": _c_sharp,
}
