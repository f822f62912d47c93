"""What is documented of what should be: public functions and classes.

A docstring counts in Python, a comment right above elsewhere. What is public is what the language
calls so; where it has no word for that, names with a leading underscore are private.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemnos.runners.analysis.structure import Shape, lines_of

if TYPE_CHECKING:
    from tree_sitter import Node

_WRAPPERS = {"export_statement", "decorated_definition", "lexical_declaration", "template_declaration"}  # noqa: E501  # fmt: skip
_MODIFIED = {"java", "c_sharp"}
_BETWEEN = {"decorator", "attribute_item", "attribute_list"}


def is_documented(node: Node, language: str) -> bool:
    """Whether a function or class says what it is for."""
    if language == "python":
        return _docstring(node) is not None
    return _comment_above(node)


def is_public(node: Node, name: str, language: str) -> bool:
    """Whether others are meant to use it."""
    if language == "go":
        return name[:1].isupper()
    if language == "rust":
        return any(child.type == "visibility_modifier" for child in node.children[:3])
    if language in _MODIFIED:
        return any(b"public" in (child.text or b"") for child in node.children[:2])
    if language in ("c", "cpp"):
        return not any((child.text or b"") == b"static" for child in node.children[:2])
    return not name.startswith(("_", "#", "("))


def counted(shape: Shape, language: str) -> tuple[int, int]:
    """How many functions and classes are to be documented, and how many are."""
    named = [
        *((each.node, each.name) for each in shape.functions if not each.inner),
        *((each.node, each.name) for each in shape.classes if each.node.type != "impl_item"),
    ]
    nodes = [node for node, name in named if is_public(node, name, language)]
    return len(nodes), sum(is_documented(node, language) for node in nodes)


def _docstring(node: Node) -> Node | None:
    body = node.child_by_field_name("body")
    first = body.named_child(0) if body is not None and body.named_child_count else None
    if first is None or first.type != "expression_statement" or not first.named_child_count:
        return None
    text = first.named_child(0)
    return text if text.type in ("string", "concatenated_string") else None


def _comment_above(node: Node) -> bool:
    top = node
    while (parent := top.parent) is not None and (
        parent.type in _WRAPPERS or (parent.start_byte == top.start_byte and parent.parent)
    ):
        top = parent
    line = lines_of(top)[0]
    before = top.prev_sibling
    while before is not None and before.type in _BETWEEN:
        line, before = lines_of(before)[0], before.prev_sibling
    # A line comment may take in its line feed, and then ends on the line below.
    return before is not None and "comment" in before.type and lines_of(before)[1] >= line - 1
