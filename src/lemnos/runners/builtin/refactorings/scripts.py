"""The refactorings of JavaScript and TypeScript that are certain, by ast-grep."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from lemnos.runners.builtin.refactorings.base import DoesNotApply, Target
from lemnos.runners.builtin.tree import Tree

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_LANGUAGES = {".ts": "typescript", ".mts": "typescript", ".cts": "typescript", ".tsx": "tsx"}
_MOST_FIXES = 200
_BOOLEAN = re.compile(r"^(?:!|.*(?:[=!]==?|(?<!=)[<>]=?|\binstanceof\b|\bin\b))", re.DOTALL)
_OPPOSITE = {"===": "!==", "!==": "===", "==": "!=", "!=": "=="}
_LITERALS = ("string", "number")
_LEAVES = ("return_statement", "throw_statement", "continue_statement", "break_statement")


def simplify_conditional(tree: Tree, target: Target) -> Sequence[str]:
    """Conditions that say in many words what few say; `else` after what leaves anyway."""
    done = list[str]()
    text = tree.read(target.path)
    while len(done) < _MOST_FIXES:
        found = next(_simpler(_root(target.path, text), target), None)
        if found is None:
            break
        node, replacement, what = found
        text = _replaced(text, node, replacement)
        done.append(f"{target.path}: {what}")
    if not done:
        raise DoesNotApply("no rule makes these conditions simpler")
    tree.write(target.path, text)
    return done


def extract_constant(tree: Tree, target: Target) -> Sequence[str]:
    """Every use of the literal in the file gets a constant of the module instead."""
    literal, name = target.said("literal", "value"), target.said("name", "suggested_name")
    if not literal or not name:
        raise DoesNotApply("the analysis does not say which literal, or what it stands for")
    text = tree.read(target.path)
    root = _root(target.path, text)
    if re.search(rf"\b{re.escape(name)}\b", text):
        raise DoesNotApply(f"{name} is a name of something else already")
    uses = [n for kind in _LITERALS for n in root.find_all(kind=kind) if n.text() == literal]
    uses = [node for node in uses if _is_value(node)]
    if len(uses) < 2:
        raise DoesNotApply(f"{literal} is not used more than once as a value")
    for node in sorted(uses, key=lambda n: -n.range().start.index):
        text = _replaced(text, node, name)
    at = _after_imports(_root(target.path, text))
    tree.write(target.path, f"{text[:at]}const {name} = {literal};\n{text[at:]}")
    return [f"{target.path}: {len(uses)} uses of {literal} have become {name}"]


def _root(path: str, text: str) -> SgNode:
    from ast_grep_py import SgRoot

    return SgRoot(text, _LANGUAGES.get(PurePosixPath(path).suffix.lower(), "tsx")).root()


def _replaced(text: str, node: SgNode, replacement: str) -> str:
    place = node.range()
    return text[: place.start.index] + replacement + text[place.end.index :]


def _is_value(node: SgNode) -> bool:
    """Not a key, not the source of an import, not a type, no directive such as 'use strict'."""
    parent = node.parent()
    kind = parent.kind() if parent is not None else ""
    if kind in ("import_statement", "export_statement", "literal_type", "enum_assignment",
                "expression_statement", "jsx_attribute", "import_attribute"):  # fmt: skip
        return False
    key = parent.field("key") if parent is not None and kind == "pair" else None
    return key is None or key.range().start.index != node.range().start.index


def _after_imports(root: SgNode) -> int:
    """Where the first statement begins that is no import and no directive."""
    for node in root.children():
        directive = node.kind() == "expression_statement" and node.child(0) is not None and (
            node.children()[0].kind() == "string"
        )  # fmt: skip
        if node.kind() not in ("import_statement", "comment", "hash_bang_line") and not directive:
            return node.range().start.index
    return 0


# --- conditions -----------------------------------------------------------------------------------


def _simpler(root: SgNode, target: Target) -> Iterator[tuple[SgNode, str, str]]:
    """What can be said with less, one after the other: the node, its new text, and what it is."""
    for kind, rewrite in (
        ("if_statement", _if),
        ("ternary_expression", _ternary),
        ("unary_expression", _not),
    ):
        for node in root.find_all(kind=kind):
            if _overlaps(node, target) and (found := rewrite(node)):
                yield node, *found


def _overlaps(node: SgNode, target: Target) -> bool:
    place = node.range()
    return place.start.line + 1 <= target.end and place.end.line + 1 >= target.start


def _if(node: SgNode) -> tuple[str, str] | None:
    condition, then = node.field("condition"), node.field("consequence")
    other = node.field("alternative")
    if condition is None or then is None or other is None or _has_comment(node):
        return None
    test = condition.text()
    branch = next((child for child in other.children() if child.kind() != "else"), None)
    if branch is None:
        return None
    values = _returned(then), _returned(branch)
    if values == ("true", "false") and _is_boolean(test):
        return f"return {test[1:-1]};", "the condition itself is returned"
    if values == ("false", "true") and _is_boolean(test):
        return f"return !{test};", "the condition's opposite is returned"
    parent = node.parent()
    in_block = parent is not None and parent.kind() in ("statement_block", "program")
    if in_block and _leaves(then) and branch.kind() == "statement_block":
        if any(child.kind() in _DECLARATIONS for child in branch.children()):
            return None  # what it declares would be seen outside
        inner = "".join(child.text() + "\n" for child in branch.children()[1:-1]).strip()
        return f"if {test} {then.text()}\n{inner}", "no else after what leaves"
    return None


_DECLARATIONS = ("lexical_declaration", "class_declaration", "function_declaration")


def _has_comment(node: SgNode) -> bool:
    return node.find(kind="comment") is not None


def _returned(node: SgNode) -> str:
    """What a branch returns, if it does nothing else."""
    statements = [c for c in node.children() if c.kind() not in ("{", "}")]
    only = node if node.kind() == "return_statement" else None
    if node.kind() == "statement_block" and len(statements) == 1:
        only = statements[0] if statements[0].kind() == "return_statement" else None
    return only.text().removeprefix("return").strip(" ;\n") if only is not None else ""


def _leaves(node: SgNode) -> bool:
    last = [c for c in node.children() if c.kind() not in ("{", "}", "comment")]
    return node.kind() == "statement_block" and bool(last) and last[-1].kind() in _LEAVES


def _is_boolean(condition: str) -> bool:
    """Whether the condition is true or false, and not merely something that counts as that."""
    inner = condition[1:-1].strip()
    return (
        bool(_BOOLEAN.match(inner)) and "&&" not in inner and "||" not in inner and "?" not in inner
    )


def _ternary(node: SgNode) -> tuple[str, str] | None:
    condition, then, other = (node.field(f) for f in ("condition", "consequence", "alternative"))
    if condition is None or then is None or other is None:
        return None
    test = condition.text()
    if _is_boolean(f"({test})") and (then.text(), other.text()) == ("true", "false"):
        return test, "the condition itself is the value"
    if _is_boolean(f"({test})") and (then.text(), other.text()) == ("false", "true"):
        return f"!({test})", "the condition's opposite is the value"
    return None


def _not(node: SgNode) -> tuple[str, str] | None:
    """`!(a === b)` is `a !== b`."""
    argument = node.field("argument")
    if not node.text().startswith("!") or argument is None:
        return None
    if argument.kind() != "parenthesized_expression":
        return None
    inner = next((c for c in argument.children() if c.kind() == "binary_expression"), None)
    operator = inner.field("operator") if inner is not None else None
    if inner is None or operator is None or operator.text() not in _OPPOSITE:
        return None
    left, right = inner.field("left"), inner.field("right")
    if left is None or right is None:
        return None
    said = f"{left.text()} {_OPPOSITE[operator.text()]} {right.text()}"
    return said, "a comparison instead of its denied opposite"
