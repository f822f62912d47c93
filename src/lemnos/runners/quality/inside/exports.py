"""The exported names of a source file with how they are called, by tree-sitter's syntax tree."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from lemnos.runners.analysis.languages import tools_of

if TYPE_CHECKING:
    from tree_sitter import Node

Found = Iterator[tuple[str, str]]


def reads_exports(language: str) -> bool:
    """Whether exports of the language are known here."""
    return language in _READERS


def exports_of(language: str, content: bytes) -> dict[str, str]:
    """Exported name → signature, with white space made one; methods as ``Class.method``."""
    root = tools_of(language)[0].parse(content).root_node
    return dict(_READERS[language](root))


def _text(node: Node | None) -> str:
    return " ".join((node.text or b"").decode(errors="replace").split()) if node else ""


def _signature(node: Node) -> str:
    """Parameters and result as written; nothing for what is not called."""
    parts = ("type_parameters", "parameters", "parameter", "return_type", "result", "type")
    return "".join(_text(node.child_by_field_name(part)) for part in parts)


# --- JavaScript and TypeScript --------------------------------------------------------------------


def _script(root: Node) -> Found:
    local = {name: signature for node in root.named_children for name, signature in _declared(node)}
    for node in root.named_children:
        if node.type == "export_statement":
            yield from _exported(node, local)
        elif node.type == "expression_statement":
            yield from _common_js(node, local)


def _exported(node: Node, local: Mapping[str, str]) -> Found:
    default = any(child.type == "default" for child in node.children)
    declaration = node.child_by_field_name("declaration")
    value = node.child_by_field_name("value")
    source = _text(node.child_by_field_name("source"))
    if declaration is not None:
        for name, signature in _declared(declaration):
            yield ("default" if default and "." not in name else name), signature
    elif value is not None:
        yield "default", local.get(_text(value), _signature(value))
    for clause in node.named_children:
        if clause.type != "export_clause":
            continue
        for one in clause.named_children:
            name = _text(one.child_by_field_name("name"))
            shown = _text(one.child_by_field_name("alias")) or name
            yield shown, f"from {source}" if source else local.get(name, "")
    if any(child.type == "*" for child in node.children):
        yield f"* from {source}", ""


def _common_js(node: Node, local: Mapping[str, str]) -> Found:
    """``exports.name = …`` and ``module.exports.name = …``."""
    assignment = node.named_children[0] if node.named_children else None
    if assignment is None or assignment.type != "assignment_expression":
        return
    left = _text(assignment.child_by_field_name("left"))
    right = assignment.child_by_field_name("right")
    for prefix in ("module.exports.", "exports."):
        if left.startswith(prefix) and right is not None:
            yield left.removeprefix(prefix), local.get(_text(right), _signature(right))
            return
    if left == "module.exports" and right is not None and right.type == "object":
        for member in right.named_children:
            name = _text(member.child_by_field_name("key")) or _text(member)
            yield name, local.get(name, "")


def _declared(node: Node) -> Found:
    name = _text(node.child_by_field_name("name"))
    match node.type:
        case "function_declaration" | "generator_function_declaration" | "function_signature":
            yield name, _signature(node)
        case "class_declaration" | "abstract_class_declaration" | "interface_declaration":
            yield name, ""
            yield from _members(name, node.child_by_field_name("body"))
        case "type_alias_declaration" | "enum_declaration":
            yield name, _text(node.child_by_field_name("value"))
        case "lexical_declaration" | "variable_declaration":
            for one in node.named_children:
                value = one.child_by_field_name("value")
                kind = _text(one.child_by_field_name("type"))
                called = value is not None and value.type in _FUNCTIONS
                signature = _signature(value) if called and value is not None else ""
                yield _text(one.child_by_field_name("name")), kind + signature


_FUNCTIONS = frozenset({"arrow_function", "function_expression", "function"})
_METHODS = frozenset({"method_definition", "method_signature", "abstract_method_signature",
                      "property_signature"})  # fmt: skip
_HIDDEN = ("private", "#")


def _members(owner: str, body: Node | None) -> Found:
    for member in body.named_children if body is not None else ():
        if member.type in _METHODS and not _text(member).startswith(_HIDDEN):
            name = _text(member.child_by_field_name("name"))
            if not name.startswith(("#", "_")):
                yield f"{owner}.{name}", _signature(member)


# --- Go -------------------------------------------------------------------------------------------


def _go(root: Node) -> Found:
    for node in root.named_children:
        name = _text(node.child_by_field_name("name"))
        if node.type == "function_declaration" and name[:1].isupper():
            yield name, _signature(node)
        elif node.type == "method_declaration" and name[:1].isupper():
            owner = _text(node.child_by_field_name("receiver")).strip("()").split()[-1].lstrip("*")
            if owner[:1].isupper():
                yield f"{owner}.{name}", _signature(node)
        elif node.type in ("type_declaration", "const_declaration", "var_declaration"):
            for spec in node.named_children:
                for child in spec.children_by_field_name("name"):
                    if _text(child)[:1].isupper():
                        kind = spec.child_by_field_name("type")
                        plain = kind is not None and kind.type != "struct_type"
                        yield _text(child), _text(kind) if plain else ""


# --- Java -----------------------------------------------------------------------------------------

_JAVA_TYPES = frozenset({"class_declaration", "interface_declaration", "enum_declaration",
                         "record_declaration"})  # fmt: skip


def _java(root: Node, owner: str = "", *, all_public: bool = False) -> Found:
    """Public and protected members; overloads are told apart by their parameters."""
    for node in root.named_children:
        modifiers = next((_text(c) for c in node.children if c.type == "modifiers"), "")
        open_ = {"public", "protected"} & set(modifiers.split())
        if not open_ and not (all_public and "private" not in modifiers.split()):
            continue
        name = owner + _text(node.child_by_field_name("name"))
        if node.type in _JAVA_TYPES:
            yield name, ""
            body = node.child_by_field_name("body")
            if body is not None:
                within = node.type == "interface_declaration"
                yield from _java(body, f"{name}.", all_public=within)
        elif node.type in ("method_declaration", "constructor_declaration"):
            parameters = _text(node.child_by_field_name("parameters"))
            yield f"{name}{parameters}", _text(node.child_by_field_name("type"))
        elif node.type == "field_declaration":
            kind = _text(node.child_by_field_name("type"))
            for one in node.children_by_field_name("declarator"):
                yield owner + _text(one.child_by_field_name("name")), kind


_READERS: Mapping[str, Callable[[Node], Found]] = {
    "javascript": _script,
    "typescript": _script,
    "tsx": _script,
    "go": _go,
    "java": _java,
}
